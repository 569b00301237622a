"""Supervisor: it restarts a child that crashes, but not one that a restart would not help."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from streams.kafka.supervisor import WRONG_SETUP_EXIT
from tests.streams.kafka.runtime import ROOT, until

SUPERVISE = """
import os, sys, time
from pathlib import Path
from streams.kafka.supervisor import Supervisor, is_orphaned

def child():
    starts = Path(sys.argv[1])
    number = len(starts.read_text())
    starts.write_text("x" * (number + 1))
    starts.with_suffix(".pid").write_text(str(os.getpid()))
    %s

sys.exit(Supervisor(child).run())
"""


def supervise(child: str, path: Path) -> subprocess.Popen[bytes]:
    """A supervisor whose child notes its start and its pid in files, and then does what is given."""
    path.touch()
    return subprocess.Popen([sys.executable, "-c", SUPERVISE % child, str(path)], cwd=ROOT)


def test_a_child_that_crashes_is_started_again_until_it_ends_in_order(tmp_path: Path) -> None:
    supervisor = supervise("return 0 if number == 2 else 1", tmp_path / "starts")
    assert supervisor.wait(60) == 0
    assert (tmp_path / "starts").read_text() == "xxx"


def test_a_child_that_is_set_up_wrongly_is_not_started_again(tmp_path: Path) -> None:
    supervisor = supervise(f"return {WRONG_SETUP_EXIT}", tmp_path / "starts")
    assert supervisor.wait(60) == WRONG_SETUP_EXIT
    assert (tmp_path / "starts").read_text() == "x"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_supervisor_takes_its_child_with_it_when_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    supervisor = supervise("time.sleep(60)", tmp_path / "starts")
    child = await started(tmp_path)
    supervisor.send_signal(number)
    assert supervisor.wait(60) != 0
    assert gone(child)


async def test_a_supervisor_told_to_stop_between_two_children_stops(tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    supervisor = supervise("time.sleep(60) if number == 3 else sys.exit(1)", starts)
    await until(lambda: starts.read_text() == "xxx" and gone(int(starts.with_suffix(".pid").read_text())))
    supervisor.terminate()
    assert supervisor.wait(60) != 0


async def test_a_child_knows_when_its_supervisor_is_gone(tmp_path: Path) -> None:
    supervisor = supervise("while not is_orphaned(): time.sleep(0.01)", tmp_path / "starts")
    child = await started(tmp_path)
    assert not gone(child)
    supervisor.kill()
    supervisor.wait()
    await until(lambda: gone(child))


async def started(path: Path) -> int:
    """The pid of the child that has started."""
    pid = path / "starts.pid"
    await until(lambda: pid.exists() and pid.read_text() != "")
    return int(pid.read_text())


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has collected counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True

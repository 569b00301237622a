"""The supervisor starts its child again when it crashes, and not when that would not help."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from streams.kafka.supervise import WRONG_SETUP_EXIT
from tests.kafka.runtime import ROOT, until

SUPERVISE = """
import os, sys
from streams.kafka.supervise import Supervisor
sys.exit(Supervisor(sys.argv[1:], os.environ).run())
"""
CHILD = "import sys, pathlib; p = pathlib.Path(sys.argv[1]); n = len(p.read_text()); p.write_text('x' * (n + 1)); "


def supervise(child: str, path: Path) -> subprocess.Popen[bytes]:
    path.touch()
    command = [sys.executable, "-c", SUPERVISE, sys.executable, "-c", CHILD + child, str(path)]
    return subprocess.Popen(command, cwd=ROOT)


def test_a_child_that_crashes_is_started_again_until_it_ends_in_order(tmp_path: Path) -> None:
    supervisor = supervise("sys.exit(0 if n == 2 else 1)", tmp_path / "starts")
    assert supervisor.wait(20) == 0
    assert (tmp_path / "starts").read_text() == "xxx"


def test_a_child_that_is_set_up_wrongly_is_not_started_again(tmp_path: Path) -> None:
    supervisor = supervise(f"sys.exit({WRONG_SETUP_EXIT})", tmp_path / "starts")
    assert supervisor.wait(20) == WRONG_SETUP_EXIT
    assert (tmp_path / "starts").read_text() == "x"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_supervisor_takes_its_child_with_it_when_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    starts = tmp_path / "starts"
    supervisor = supervise(
        "import time; p.with_suffix('.pid').write_text(str(__import__('os').getpid())); time.sleep(60)", starts
    )
    pid = starts.with_suffix(".pid")
    await until(lambda: pid.exists() and pid.read_text() != "")
    supervisor.send_signal(number)
    assert supervisor.wait(20) != 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)

"""The embedded server: who starts, uses and stops it, after any kill, and by what it is known."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from streams.postgres import server
from streams.postgres.accounts import NotStarted
from streams.postgres.data_directory import runs_in
from streams.postgres.programs import program
from streams.postgres.run_directory import SOCKET, RunDirectory
from streams.postgres.server import EmbeddedServer
from tests.databases import as_superuser
from tests.streams.postgres.server_users import (
    ORDINARY,
    User,
    append,
    as_ordinary,
    ask,
    await_,
    copy,
    do,
    kill_all_of,
    refused,
    runs,
    server_pid,
    used,
    word,
)

pytestmark = pytest.mark.faults
KILLS = int(os.environ.get("HEADWATER_TEST_KILLS", "3"))
"""Kills at random moments of a first start; 50 were run when this was made."""


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with a database."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


# --- who uses it, and who stops it -----------------------------------------------------------------------------------


def test_processes_share_the_server_and_the_last_one_stops_it(directory: Path) -> None:
    first = User(directory)
    first.dsn()
    second = User(directory)
    dsn = second.dsn()
    pid = server_pid(directory)
    first.leave()
    assert (word(dsn), server_pid(directory)) == ("original", pid)
    second.leave()
    assert not runs(directory)


def test_after_a_kill_the_next_process_finds_the_server_and_stops_it_when_it_leaves(directory: Path) -> None:
    killed = User(directory)
    killed.dsn()
    pid = server_pid(directory)
    killed.kill()
    user = User(directory)
    assert word(user.dsn()) == "original"
    assert server_pid(directory) == pid
    user.leave()
    assert not runs(directory)


def test_after_a_kill_of_all_of_it_a_start_recovers_what_was_committed(directory: Path) -> None:
    killed = User(directory)
    do(killed.dsn(), "update headwater.kept set word = 'committed'")
    killed.kill()
    os.kill(server_pid(directory), signal.SIGKILL)
    with used(directory) as dsn:
        assert word(dsn) == "committed"


def test_processes_that_start_at_once_share_one_server(tmp_path: Path) -> None:
    users = [User(tmp_path / "data" / "postgres") for _ in range(4)]
    assert len({user.dsn() for user in users}) == 1
    assert len({ask(user.dsn(), "select pg_postmaster_start_time()") for user in users}) == 1
    for user in users:
        user.leave()


@pytest.mark.parametrize("prefix", [pytest.param([], id="this user"), pytest.param(as_ordinary(), id="ordinary user")])
def test_a_first_start_that_is_killed_at_any_moment_is_taken_up_by_the_next(tmp_path: Path, prefix: list[str]) -> None:
    """The process alone, and every second time all that it has started, as when the machine goes down."""
    moments = random.Random(KILLS)
    parent = tmp_path / "data"
    parent.mkdir()
    if prefix:
        os.chown(parent, ORDINARY, ORDINARY)
    for kill in range(KILLS):
        directory = parent / f"{kill}" / "postgres"
        killed = User(directory, prefix)
        await_(RunDirectory(directory).path.exists, "it has not begun")
        time.sleep(moments.uniform(0, 1.0))
        killed.kill()
        if kill % 2:
            kill_all_of(directory)
        user = User(directory, prefix)
        assert "user=headwater" in user.dsn()
        user.leave()
        assert not runs(directory)


def test_a_start_waits_for_the_initdb_that_outlived_its_parent(tmp_path: Path) -> None:
    directory = tmp_path / "data" / "postgres"
    killed = User(directory)
    await_(directory.with_name("postgres.draft").exists, "initdb has not begun")
    killed.kill()
    with used(directory) as dsn:
        assert ask(as_superuser(dsn), "show data_directory") == str(directory)
    assert not directory.with_name("postgres.draft").exists()


def test_recovery_takes_as_long_as_it_takes_and_is_spoken_of(
    directory: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The wait for a file of an archive stands for a long way through the log."""
    monkeypatch.setattr(server, "SAY_SECONDS", 0.1)
    arrived = directory.parent / "arrived"
    append(
        directory / "postgresql.auto.conf", f"restore_command = 'until test -e {arrived}; do sleep 0.1; done; false'"
    )
    append(directory / "postgresql.auto.conf", "hot_standby = off")
    append(directory / "recovery.signal", "")
    with ThreadPoolExecutor(1) as pool:
        own = EmbeddedServer(directory)
        starting = pool.submit(own.dsn)
        await_(lambda: "PostgreSQL is not ready after" in caplog.text, "it says nothing")
        assert not starting.done()
        arrived.touch()
        assert word(starting.result(60)) == "original"
    own.leave()


# --- known by what it answers, never by a number in a file ------------------------------------------------------------


@pytest.mark.parametrize("socket_too", [False, True])
def test_a_number_that_is_a_strangers_by_now_neither_stops_a_start_nor_the_stranger(
    directory: Path, stranger: subprocess.Popen[bytes], socket_too: bool
) -> None:
    """As when a machine starts again, or the data was last used in a container."""
    run = RunDirectory(directory).path
    left = f"{stranger.pid}\n{directory}\n1800000000\n5432\n{run}\n\n   123 456\nready\n"
    append(directory / "postmaster.pid", left.rstrip())
    if socket_too:
        append(run / f"{SOCKET}.lock", left.rstrip())
    with used(directory) as dsn:
        assert word(dsn) == "original"
    assert stranger.poll() is None


@pytest.mark.parametrize("left", ["", "nonsense", "99999999999999999999"])
def test_a_file_that_names_no_process_does_not_stop_a_start(directory: Path, left: str) -> None:
    append(directory / "postmaster.pid", left)
    with used(directory) as dsn:
        assert word(dsn) == "original"


def test_a_copy_of_a_running_directory_never_reaches_the_original(directory: Path, tmp_path: Path) -> None:
    with used(directory) as original:
        do(original, "checkpoint")
        copied = copy(directory, tmp_path / "copy")
        with used(copied) as dsn:
            do(dsn, "update headwater.kept set word = 'copy'")
            assert ask(as_superuser(dsn), "show data_directory") == str(copied)
            assert word(original) == "original"
        assert word(original) == "original"


def test_a_copy_in_the_place_of_a_running_directory_never_reaches_the_original(directory: Path, tmp_path: Path) -> None:
    original = User(directory)
    do(original.dsn(), "checkpoint")
    pid = server_pid(directory)
    copied = copy(directory, tmp_path / "copy")
    directory.parent.rename(tmp_path / "moved away")
    copied.parent.rename(directory.parent)
    user = User(directory)
    assert word(user.dsn()) == "original"
    assert server_pid(directory) != pid
    user.leave()
    assert runs_in(pid, tmp_path / "moved away" / "postgres")
    original.leave()
    assert not runs_in(pid, tmp_path / "moved away" / "postgres"), "its own server is stopped wherever it is"


def test_a_server_that_was_started_by_other_means_is_neither_used_nor_stopped(directory: Path) -> None:
    line = [str(program("postgres")), "-D", str(directory), "-c", "listen_addresses=", "-k", str(directory)]
    prefix = as_ordinary(directory.stat().st_uid)
    with subprocess.Popen([*prefix, *line], stderr=subprocess.DEVNULL) as foreign:
        await_(lambda: runs_in(foreign.pid, directory) and (directory / SOCKET).exists(), "it does not start")
        assert f"did not start (pid {foreign.pid})" in refused(directory)
        assert foreign.poll() is None
        foreign.send_signal(signal.SIGINT)


def test_a_server_out_of_reach_is_told_in_a_sentence(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in another container, which sees the same directory under another name."""
    monkeypatch.setattr(server, "PATIENCE_SECONDS", 0.2)
    other_name = directory.parent.parent / "other"
    other_name.symlink_to(directory.parent)
    with used(directory) as dsn:
        with pytest.raises(NotStarted, match="the same container or service"), used(other_name / "postgres"):
            pytest.fail("reached")
        assert word(dsn) == "original"

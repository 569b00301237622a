"""Watchdog: a call that hangs ends its process with a stack trace; a call that returns does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from streams.kafka.watchdog import HUNG_EXIT
from tests.streams.kafka.runtime import ROOT

IN_A_CHILD = """
import threading, time
from streams.kafka import watchdog

watchdog.HANG_SECONDS = 0.5

def hung_call():
    threading.Event().wait()

"""


def run(body: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", IN_A_CHILD + body]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(
    "body",
    [
        "with watchdog.call_deadline(): hung_call()",
        "with watchdog.call_deadline():\n  with watchdog.call_deadline(): pass\n  hung_call()",
        "watchdog.retry(hung_call)",
    ],
)
def test_a_process_with_a_call_that_hangs_ends_and_shows_where(body: str) -> None:
    ended = run(body)
    assert ended.returncode == HUNG_EXIT
    assert "hung_call" in ended.stderr


def test_a_process_lives_on_after_calls_that_came_back_however_many_they_were_and_however_they_ended() -> None:
    """Longer than the watchdog needs to look again."""
    ended = run("""
for _ in range(3):
    with watchdog.call_deadline():
        time.sleep(0.1)
try:
    with watchdog.call_deadline():
        raise ValueError
except ValueError:
    pass
time.sleep(2.5)
print("alive")
""")
    assert (ended.returncode, ended.stdout) == (0, "alive\n")

"""Supervisor that runs a role as a child process and restarts it when it ends.

A client call that hangs can only be ended with its process. The child is forked from a parent that has imported
everything and opened nothing, so that it serves again at once.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkProcess
from types import FrameType

log = logging.getLogger(__name__)

DUPLICATE_INSTANCE_EXIT = 7
"""Exit code of a process that found another process under its name."""

WRONG_SETUP_EXIT = 8
"""Exit code of a process whose setup is wrong; a restart would not help."""

DUPLICATE_PAUSE_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 10.0
HEALTHY_SECONDS = 5.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Supervisor:
    """Supervisor of one child, which runs `serve` and ends with its exit code.

    The process must have a single thread and no connections: a fork would share them.
    """

    def __init__(self, serve: Callable[[], int]) -> None:
        self._serve = serve
        self._child: ForkProcess | None = None
        self._stopping = False
        self._pause = FIRST_PAUSE_SECONDS

    def run(self) -> int:
        """Keep a child running until it ends in order or this process gets a signal to stop.

        Returns the last child's exit code, negative for a signal.
        """
        for number in STOP_SIGNALS:
            signal.signal(number, self._stop)
        while True:
            started = time.monotonic()
            with _stop_signals_blocked():
                child = self._child = multiprocessing.get_context("fork").Process(target=self._run_child)
                child.start()
                if self._stopping:
                    child.terminate()
            child.join()
            code = child.exitcode or 0
            if self._stopping or code in (0, WRONG_SETUP_EXIT):
                return code
            self._wait(code, time.monotonic() - started)

    def _run_child(self) -> None:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        sys.exit(self._serve())

    def _wait(self, code: int, lived: float) -> None:
        if code == DUPLICATE_INSTANCE_EXIT:
            log.critical("another process uses this instance's name; trying again in %.0f s", DUPLICATE_PAUSE_SECONDS)
            pause = DUPLICATE_PAUSE_SECONDS
        else:
            self._pause = FIRST_PAUSE_SECONDS if lived > HEALTHY_SECONDS else self._pause
            log.error("the process ended with %d; starting it again in %.1f s", code, self._pause)
            pause, self._pause = self._pause, min(LONGEST_PAUSE_SECONDS, self._pause * 2)
        until = time.monotonic() + pause
        while not self._stopping and time.monotonic() < until:
            time.sleep(0.05)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True
        if self._child is not None and self._child.is_alive():
            self._child.terminate()


@contextmanager
def _stop_signals_blocked() -> Iterator[None]:
    """A child must not get a signal to stop while it still has its parent's handlers."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


def is_orphaned() -> bool:
    """Whether the supervisor that started this process has ended; its successor will start another child."""
    supervisor = multiprocessing.parent_process()
    return supervisor is not None and not supervisor.is_alive()

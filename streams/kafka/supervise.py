"""Runs a role as a child process and starts it again when it ends: a client call that hangs can only be ended so."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from types import FrameType

log = logging.getLogger(__name__)

TWIN_EXIT = 7
"""Exit code of a process that found another one under its own name."""

WRONG_SETUP_EXIT = 8
"""Exit code of a process that must not run as it is set up; starting it again would not help."""

TWIN_PAUSE_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 10.0
HEALTHY_SECONDS = 30.0
SUPERVISOR = "HEADWATER_SUPERVISOR"


class Supervisor:
    """Keeps one child running until told to stop."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = list(command)
        self._environment = {**environment, SUPERVISOR: str(os.getpid())}
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._pause = FIRST_PAUSE_SECONDS

    def run(self) -> int:
        """The child's last exit code, once it ended in order or this process was told to stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while True:
            started = time.monotonic()
            self._child = subprocess.Popen(self._command, env=self._environment)
            if self._stopping:
                self._child.terminate()
            code = self._child.wait()
            if self._stopping or code in (0, WRONG_SETUP_EXIT):
                return code
            self._rest(code, time.monotonic() - started)

    def _rest(self, code: int, lived: float) -> None:
        if code == TWIN_EXIT:
            log.critical("another process uses this instance's name; trying again in %.0f s", TWIN_PAUSE_SECONDS)
            pause = TWIN_PAUSE_SECONDS
        else:
            self._pause = FIRST_PAUSE_SECONDS if lived > HEALTHY_SECONDS else self._pause
            log.error("the process ended with %d; starting it again in %.1f s", code, self._pause)
            pause, self._pause = self._pause, min(LONGEST_PAUSE_SECONDS, self._pause * 2)
        until = time.monotonic() + pause
        while not self._stopping and time.monotonic() < until:
            time.sleep(0.05)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()


def orphaned() -> bool:
    """Whether the supervisor that started this process is gone; its successor will start another child."""
    supervisor = os.environ.get(SUPERVISOR)
    return supervisor is not None and os.getppid() != int(supervisor)

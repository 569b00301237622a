"""Processor and projector processes of the distributed runtime, from their start to their exit code."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Protocol

from streams.kafka.denials import Denied
from streams.kafka.lag import ProjectionStalled
from streams.kafka.supervisor import DUPLICATE_INSTANCE_EXIT, is_orphaned
from streams.kafka.transactions import DuplicateInstance, LostMembership
from streams.telemetry.garbage import spare_what_lives
from streams.telemetry.pulse import Pulse

log = logging.getLogger(__name__)

RESTART_EXIT = 1


class RoleProcess(Protocol):
    """Processor or projector as a process runs it."""

    pulse: Pulse

    def run(self) -> None: ...

    def stop(self) -> None: ...


def serve(process: RoleProcess) -> int:
    """Run until SIGTERM or SIGINT, or until the supervisor has ended; the exit code."""
    ended = threading.Event()
    spare_what_lives()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.stop())
    threading.Thread(target=_stop_if_orphaned, args=(process, ended), daemon=True).start()
    try:
        process.run()
    except DuplicateInstance as error:
        log.critical("%s", error)
        return DUPLICATE_INSTANCE_EXIT
    except (ProjectionStalled, LostMembership, Denied) as error:
        log.critical("starting again: %s", error)
        return RESTART_EXIT
    finally:
        ended.set()
    return 0


def _stop_if_orphaned(process: RoleProcess, ended: threading.Event) -> None:
    while not ended.wait(0.5):
        if is_orphaned():
            log.error("the supervisor is gone: stopping")
            process.stop()
            return

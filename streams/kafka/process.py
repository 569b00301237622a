"""What a process of the distributed runtime does from its start to its exit code."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Sequence
from typing import Protocol

from streams.core.wiring import Context
from streams.kafka.denials import Denied
from streams.kafka.lag import Stuck
from streams.kafka.processor import KafkaProcessor
from streams.kafka.projector import KafkaProjector
from streams.kafka.settings import Role
from streams.kafka.supervisor import TWIN_EXIT, orphaned
from streams.kafka.transactions import LostMembership, Twin
from streams.telemetry.garbage import spare_what_lives

log = logging.getLogger(__name__)

AGAIN_EXIT = 1


class Serving(Protocol):
    def run(self) -> None: ...

    def stop(self) -> None: ...


def run_processor(role: Role, contexts: Sequence[Context]) -> int:
    """Serves as processor until SIGTERM; the exit code."""
    return serve(KafkaProcessor(role, contexts))


def run_projector(role: Role, contexts: Sequence[Context]) -> int:
    """Serves as projector until SIGTERM; the exit code."""
    return serve(KafkaProjector(role, contexts))


def serve(serving: Serving) -> int:
    """Runs until SIGTERM or SIGINT, or until the supervisor is gone; the exit code."""
    ended = threading.Event()
    spare_what_lives()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: serving.stop())
    threading.Thread(target=_stop_when_orphaned, args=(serving, ended), daemon=True).start()
    try:
        serving.run()
    except Twin as error:
        log.critical("%s", error)
        return TWIN_EXIT
    except (Stuck, LostMembership, Denied) as error:
        log.critical("starting again: %s", error)
        return AGAIN_EXIT
    finally:
        ended.set()
    return 0


def _stop_when_orphaned(serving: Serving, ended: threading.Event) -> None:
    while not ended.wait(0.5):
        if orphaned():
            log.error("the supervisor is gone: stopping")
            serving.stop()
            return

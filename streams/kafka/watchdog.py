"""Calls into the Kafka client, bounded in time: some of them can ignore their own timeout and hang for ever."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException

log = logging.getLogger(__name__)

HANG_SECONDS = 40.0
RETRY_SECONDS = 15.0
PAUSE_SECONDS = 0.02
T = TypeVar("T")


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Ends the process, with every thread's stack on stderr, when the body takes more than `HANG_SECONDS`.

    The supervisor starts it again: a hung process still heartbeats, so the group would wait for it for ever.
    """
    faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def persistent(call: Callable[..., T], *arguments: Any) -> T:
    """The call, made again while its error is a retriable one, for a bounded time; raises KafkaException."""
    until = time.monotonic() + RETRY_SECONDS
    with watched():
        while True:
            try:
                return call(*arguments)
            except KafkaException as error:
                reason = reason_of(error)
                log.info("%s: %s %s", call.__name__, reason.name(), reason.str())
                final = reason.fatal() or reason.txn_requires_abort() or not reason.retriable()
                if final or time.monotonic() > until:
                    raise
                time.sleep(PAUSE_SECONDS)


def reason_of(error: KafkaException) -> KafkaError:
    """The KafkaError within."""
    reason: KafkaError = error.args[0]
    return reason

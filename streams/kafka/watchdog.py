"""Watchdog over calls into the Kafka client, some of which can ignore their own time-out and hang for ever."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException

from streams.kafka.denials import ConnectionRefusals

log = logging.getLogger(__name__)

RETRY_SECONDS = 15.0
HANG_SECONDS = 10.0
"""Longer than any call's own time-out together with the delay until the client notices it."""

CHECK_SECONDS = 0.5
HUNG_EXIT = 1
NEVER = float("inf")
PAUSE_SECONDS = 0.02
RECENT_LOSS_SECONDS = 60.0
T = TypeVar("T")


class _Watch(threading.Thread):
    """Thread that checks whether a call has outlived its deadline. It can run, for the calls release the GIL.

    Its clock stands still while the process is suspended, so that a call has time to recover afterwards.
    """

    def __init__(self) -> None:
        super().__init__(name="watchdog", daemon=True)
        self.awake = 0.0
        self.deadline = NEVER

    def run(self) -> None:
        while True:
            time.sleep(CHECK_SECONDS)
            self.awake += CHECK_SECONDS
            if self.awake > self.deadline:
                faulthandler.dump_traceback(all_threads=True)
                os._exit(HUNG_EXIT)


@cache
def _watch() -> _Watch:
    watch = _Watch()
    watch.start()
    return watch


@contextlib.contextmanager
def call_deadline() -> Iterator[None]:
    """End the process, with every thread's stack on stderr, when the body takes longer than `HANG_SECONDS`.

    The supervisor starts it again. Without this the group would wait for ever: a hung process still sends heartbeats.
    Use it only in the one thread of a role that makes such calls.
    """
    watch = _watch()
    before, watch.deadline = watch.deadline, watch.awake + HANG_SECONDS
    try:
        yield
    finally:
        watch.deadline = before


def retry(call: Callable[..., T], *arguments: Any) -> T:
    """Make the call and repeat it while its error is retriable, for a bounded time; raises KafkaException."""
    until = time.monotonic() + RETRY_SECONDS
    while True:
        try:
            with call_deadline():
                return call(*arguments)
        except KafkaException as error:
            reason = reason_of(error)
            log.info("%s: %s %s", call.__name__, reason.name(), reason.str())
            final = reason.fatal() or reason.txn_requires_abort() or not reason.retriable()
            if final or time.monotonic() > until:
                raise
            time.sleep(PAUSE_SECONDS)


class Brokers:
    """Time at which a client last lost its brokers; `on_error` is its `error_cb` and raises Denied.

    See `ConnectionRefusals`.
    """

    def __init__(self) -> None:
        self._lost_at = -RECENT_LOSS_SECONDS  # by the monotonic clock, which counts from zero
        self._refusals = ConnectionRefusals()

    def on_error(self, error: KafkaError) -> None:
        self._refusals.on_error(error)
        if error.code() in (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT):
            self._lost_at = time.monotonic()

    @property
    def lost(self) -> bool:
        """Whether the client has lost a broker since it was made."""
        return self._lost_at > 0

    @property
    def recently_lost(self) -> bool:
        return time.monotonic() - self._lost_at < RECENT_LOSS_SECONDS


def reason_of(error: KafkaException) -> KafkaError:
    """KafkaError inside the exception."""
    reason: KafkaError = error.args[0]
    return reason

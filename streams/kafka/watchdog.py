"""Calls into the Kafka client, bounded in time: some of them can ignore their own timeout and hang for ever."""

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
"""More than any one call's own time-out, and what it may take to notice that."""

CHECK_SECONDS = 0.5
HUNG_EXIT = 1
NEVER = float("inf")
PAUSE_SECONDS = 0.02
RECENT_LOSS_SECONDS = 60.0
T = TypeVar("T")


class _Watch(threading.Thread):
    """Looks every so often whether a call has outlived its deadline; the calls let go of the interpreter's lock.

    Its clock stands still while the process does: after a sleep, a call is given time to notice that.
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
    """Ends the process, with every thread's stack on stderr, when the body takes more than `HANG_SECONDS`.

    The supervisor starts it again: a hung process still heartbeats, so the group would wait for it for ever. For the
    one thread of a role that makes such calls.
    """
    watch = _watch()
    before, watch.deadline = watch.deadline, watch.awake + HANG_SECONDS
    try:
        yield
    finally:
        watch.deadline = before


def retry(call: Callable[..., T], *arguments: Any) -> T:
    """The call, made again while its error is a retriable one, for a bounded time; raises KafkaException."""
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
    """When a client last lost its brokers; `heard` is its `error_cb`, and raises Denied when none lets it in."""

    def __init__(self) -> None:
        self._lost_at = -RECENT_LOSS_SECONDS
        self._refusals = ConnectionRefusals()

    def on_error(self, error: KafkaError) -> None:
        self._refusals.on_error(error)
        if error.code() in (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT):
            self._lost_at = time.monotonic()

    @property
    def recently_lost(self) -> bool:
        return time.monotonic() - self._lost_at < RECENT_LOSS_SECONDS


def reason_of(error: KafkaException) -> KafkaError:
    """The KafkaError within."""
    reason: KafkaError = error.args[0]
    return reason

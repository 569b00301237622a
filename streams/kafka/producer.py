"""Idempotent producer of commands, which never blocks the event loop and knows whether a broker is available."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Producer

from streams.core.envelope import Envelope
from streams.core.gateway import Unavailable
from streams.core.refusals import TooLarge
from streams.kafka.denials import ConnectionRefusals, Denied, denial
from streams.kafka.records import command_headers
from streams.kafka.settings import Cluster
from streams.kafka.watchdog import reason_of

log = logging.getLogger(__name__)

POLL_SECONDS = 0.1
ASK_SECONDS = 1.0
DELIVERY_TIMEOUT_MS = 10_000
MAX_QUEUED = 50_000
GATHER_MS = 0.5
"""Clients that are answered together send again together; this delay puts their commands into one request."""

FLUSH_SECONDS = 0.001
"""Longest time that the event loop may block in order to send a lone command without the `GATHER_MS` delay."""

OnDelivery = Callable[[], None]
OnLoss = Callable[[Unavailable | TooLarge], None]
OnFailure = Callable[[Denied | KafkaException], None]


class QueuedCommand(NamedTuple):
    """Command that waits to be passed to the Kafka client."""

    envelope: Envelope
    data: bytes
    on_delivery: OnDelivery
    on_loss: OnLoss
    alone: bool


class CommandProducer:
    """Producer of commands.

    In the event loop's thread it reports commands that were lost and, once, the failure after which nothing more can be
    sent: Denied, or a KafkaException that the client calls fatal.
    """

    def __init__(self, cluster: Cluster, on_failure: OnFailure) -> None:
        self._cluster, self._on_failure = cluster, on_failure
        self._refusals = ConnectionRefusals()
        self._failed = self._doubtful = False
        self._producer = Producer(
            cluster.client(
                enable_idempotence=True,
                acks="all",
                linger_ms=GATHER_MS,
                partitioner="murmur2_random",
                retry_backoff_ms=10,
                retry_backoff_max_ms=500,
                message_timeout_ms=DELIVERY_TIMEOUT_MS,
                queue_buffering_max_messages=MAX_QUEUED,
                allow_auto_create_topics=False,
            )
            | {"error_cb": self._on_error}
        )
        self._thread = threading.Thread(target=self._poll, name="command deliveries", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._burst: list[QueuedCommand] = []
        self._closing = threading.Event()
        self.connected = False

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start to look for a broker and to collect delivery reports."""
        self._loop = loop
        self._thread.start()

    async def stop(self) -> None:
        """Wait, for a bounded time, until the queued commands are delivered or given up. Send nothing meanwhile."""
        self._send_burst()
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        """The client must be closed: otherwise its threads go on encrypting while OpenSSL shuts down at exit, which
        can crash the process."""
        with contextlib.suppress(KafkaException):
            self._producer.flush(DELIVERY_TIMEOUT_MS / 1000)
        self._closing.set()
        self._thread.join()
        self._producer.close()

    def send(
        self, envelope: Envelope, data: bytes, on_delivery: OnDelivery, on_loss: OnLoss, alone: bool = False
    ) -> None:
        """Queue the command; raises BufferError when the queue is full. Every command gets one report.

        A command that is `alone`, with no other one pending, does not wait for others to share its request.
        `on_delivery` is called in another thread: waking the event loop for each would cost more than sending does.
        """
        if len(self._producer) + len(self._burst) >= MAX_QUEUED:
            raise BufferError
        self._burst.append(QueuedCommand(envelope, data, on_delivery, on_loss, alone))
        if len(self._burst) == 1:
            assert self._loop is not None
            self._loop.call_soon(self._send_burst)

    def _send_burst(self) -> None:
        """Send all commands of one event loop pass together: clients answered in the same instant have sent again by
        then. The closer together commands are sent, the fewer requests and transactions they take."""
        burst, self._burst = self._burst, []
        for one in burst:
            try:
                self._produce(one)
            except (BufferError, KafkaException) as error:
                log.warning("a command cannot be sent: %s", error)
                one.on_loss(_loss(error, Unavailable("the log does not take this command", maybe_recorded=False)))
        if len(burst) == 1 and burst[0].alone:
            self._flush()

    def _flush(self) -> None:
        """The client batches for up to two milliseconds; a flush ends that early."""
        try:
            self._producer.flush(FLUSH_SECONDS)
        except KafkaException as error:
            self._on_fatal_error(error)

    def _produce(self, queued: QueuedCommand) -> None:
        envelope, data, on_delivery, on_loss, _ = queued
        self._producer.produce(
            self._cluster.commands(envelope.context),
            data,
            envelope.command.key.encode(),
            envelope.partition,
            on_delivery=lambda error, _: on_delivery() if error is None else self._report_loss(error, on_loss),
            headers=command_headers(envelope),
        )

    def _report_loss(self, error: KafkaError, on_loss: OnLoss) -> None:
        log.warning("a command was not delivered: %s", error.name())
        loss = _loss(KafkaException(error), Unavailable("the command could not be recorded", maybe_recorded=True))
        if isinstance(loss, Unavailable):
            self.connected = False
            self._fail(denial(error))
        assert self._loop is not None
        self._loop.call_soon_threadsafe(on_loss, loss)

    def _poll(self) -> None:
        asked = 0.0
        while not self._closing.is_set():
            try:
                self._producer.poll(POLL_SECONDS)
            except KafkaException as error:
                self._on_fatal_error(error)
                return
            due = time.monotonic() - asked > ASK_SECONDS / 2
            if (self._doubtful or (not self.connected and due)) and not self._failed:
                asked, self._doubtful = time.monotonic(), False
                self._look_for_broker()

    def _look_for_broker(self) -> None:
        try:
            self.connected = bool(self._producer.list_topics(timeout=ASK_SECONDS).brokers)
        except KafkaException as error:
            self.connected = False
            log.info("no broker: %s", error)

    def _on_error(self, error: KafkaError) -> None:
        """Brokers close connections that were idle: only a look shows whether there is none any more."""
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._doubtful = True
        try:
            self._refusals.on_error(error)
        except Denied as denied:
            self._fail(denied)

    def _on_fatal_error(self, error: KafkaException) -> None:
        """The client raises a fatal error once, out of whichever call serves it."""
        self._fail(denial(reason_of(error)) or error)

    def _fail(self, failure: Denied | KafkaException | None) -> None:
        if failure is None or self._failed:
            return
        self._failed, self.connected = True, False
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._on_failure, failure)


def _loss(error: BufferError | KafkaException, otherwise: Unavailable) -> Unavailable | TooLarge:
    """A message that the client or the broker finds too large would be refused at every repeat."""
    if isinstance(error, KafkaException) and reason_of(error).code() == KafkaError.MSG_SIZE_TOO_LARGE:
        return TooLarge("what is to be recorded is larger than the log takes")
    return otherwise

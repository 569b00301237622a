"""Live figures of `headwater live`: faust-streaming over the event topics, counted in `Windows`. Not authoritative.

Each safeguard answers a fault that was met: only committed records are read (stock Faust reads aborted ones); the
exactly-once mode is off; no agent lets an exception out; when the app cannot start, the process exits instead of
lingering.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import faust
from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Transport
from faust.transport.drivers.aiokafka import Consumer as FaustConsumer

from streams.core.clock import Clock
from streams.kafka.denials import ConnectionRefusals, raise_denied
from streams.kafka.live_connection import credentials
from streams.kafka.records import Unreadable, read_record
from streams.kafka.settings import Cluster
from streams.kafka.types import context_of
from streams.kafka.watchdog import PAUSE_SECONDS, reason_of
from streams.telemetry.live_figures import GRACE, KEPT, MINUTE, Delivery, Thresholds, Windows, alerts, report

log = logging.getLogger(__name__)

START_SECONDS = 60.0
ASK_SECONDS = 10.0
STEP_SECONDS = 1.0
LEAD = 2 * MINUTE + GRACE
STANDARD = Thresholds()


class CommittedRecords(AIOKafkaConsumerThread):
    """Consumer thread that reads committed records only. Faust ties that to its exactly-once mode, which is off."""

    def _create_worker_consumer(self, transport: Transport) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        return consumer


class CommittedConsumer(FaustConsumer):
    def _new_consumer_thread(self) -> CommittedRecords:
        return CommittedRecords(self, loop=self.loop, beacon=self.beacon)


class CommittedTransport(Transport):
    Consumer = CommittedConsumer


class InMemoryApp(faust.App):
    """Faust app that keeps nothing on disk; the directories that Faust creates at every start would stay empty."""

    def _create_directories(self) -> None:
        pass


class Live:
    """Windows of one `headwater live` process, rebuilt from the log of the last `kept` at every start."""

    def __init__(
        self,
        cluster: Cluster,
        contexts: Sequence[str],
        partitions: int,
        deliveries: Sequence[Delivery],
        clock: Clock,
        thresholds: Thresholds = STANDARD,
        kept: timedelta = KEPT,
    ) -> None:
        self._cluster, self._contexts, self._partitions = cluster, contexts, partitions
        self._deliveries, self._clock, self._thresholds, self._kept = deliveries, clock, thresholds, kept
        self._windows = Windows(deliveries, kept)
        self._group = f"{cluster.prefix}.live.{uuid4()}"
        self._changed = asyncio.Event()
        self.unreadable = 0

    async def run(self) -> None:
        """Count until cancelled; raises Denied, KafkaException, TimeoutError or a Faust error when it cannot."""
        await asyncio.to_thread(self._commit_start)
        app = self._app()
        async with asyncio.timeout(START_SECONDS):
            await app.start()
        try:
            await app.wait_until_stopped()
        finally:
            await app.stop()

    def report(self) -> bytes:
        """Windows and alerts as they are now, as JSON."""
        now = self._clock.now()
        self._windows.forget(now)
        windows = self._windows.windows(now)
        return report(windows, alerts(windows, self._deliveries, self._thresholds))

    async def reports(self) -> AsyncIterator[bytes]:
        """Yield a report now and another one after every count, at most one per second."""
        while True:
            yield self.report()
            await self._changed.wait()
            self._changed.clear()
            await asyncio.sleep(1)

    def _commit_start(self) -> None:
        """A new group starts where the kept windows begin, so that nothing is remembered between starts."""
        since = int((self._clock.now() - self._kept - LEAD).timestamp() * 1000)
        settings = self._cluster.client(group_id=self._group, enable_auto_commit=False)
        consumer = Consumer(settings | {"error_cb": ConnectionRefusals().on_error})
        try:
            wanted = [
                TopicPartition(self._cluster.events(context), partition, since)
                for context in self._contexts
                for partition in range(self._partitions)
            ]
            found = consumer.offsets_for_times(wanted, ASK_SECONDS)
            starts = [one if one.offset != OFFSET_END else self._end(consumer, one) for one in found]
            _await_coordinator(consumer, starts)
            consumer.commit(offsets=starts, asynchronous=False)
        except KafkaException as error:
            _raise_denied(consumer, error)
            raise
        finally:
            consumer.close()

    def _end(self, consumer: Consumer, partition: TopicPartition) -> TopicPartition:
        _, end = consumer.get_watermark_offsets(partition, ASK_SECONDS)
        return TopicPartition(partition.topic, partition.partition, end)

    def _app(self) -> faust.App:
        brokers = ";".join(f"aiokafka://{server}" for server in self._cluster.bootstrap.split(","))
        app = InMemoryApp(
            self._group,
            broker=brokers,
            broker_credentials=credentials(self._cluster),
            autodiscover=False,
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            consumer_auto_offset_reset="earliest",
            stream_wait_empty=False,
            broker_commit_interval=3600.0,
            broker_commit_livelock_soft_timeout=1e9,
            store="memory://",
            logging_config={"version": 1, "disable_existing_loggers": False},
        )
        app.transport = CommittedTransport(app.conf.broker_consumer, app, loop=app.loop)
        topics = [self._cluster.events(context) for context in self._contexts]
        events = app.topic(*topics, value_serializer="raw", key_serializer="raw")
        app.agent(events)(self._counter())
        return app

    def _counter(self) -> Callable[[Any], Awaitable[None]]:
        async def count(stream: Any) -> None:
            async for event in stream.events():
                self._count(event.message)

        return count

    def _count(self, message: Any) -> None:
        """No exception may get out: Faust would restart the agent, which would read the same record for ever."""
        try:
            context = context_of(message.topic)
            link = read_record(context, message.partition, message.key, message.value, list(message.headers or ()))
            self._windows.see(link.record)
        except Unreadable as error:
            self.unreadable += 1
            log.error("%s/%s offset %s: %s", message.topic, message.partition, message.offset, error)
        except Exception:
            self.unreadable += 1
            log.exception("%s/%s offset %s cannot be counted", message.topic, message.partition, message.offset)
        self._changed.set()


def _await_coordinator(consumer: Consumer, partitions: list[TopicPartition]) -> None:
    """A cluster that has just started, or never had a group, answers with errors until it has a coordinator."""
    until = time.monotonic() + ASK_SECONDS
    while True:
        try:
            consumer.committed(partitions, STEP_SECONDS)
            return
        except KafkaException as error:
            _raise_denied(consumer, error)
            if time.monotonic() > until:
                raise
            time.sleep(PAUSE_SECONDS)


def _raise_denied(consumer: Consumer, error: KafkaException) -> None:
    """The error may only say that the group has no coordinator; a denial behind it comes from `poll`."""
    raise_denied(reason_of(error))
    if (message := consumer.poll(0)) is not None and (on_error := message.error()) is not None:
        raise_denied(on_error)

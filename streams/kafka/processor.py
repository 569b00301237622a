"""Processor process: consume commands, decide them in batches, commit each batch in one Kafka transaction. No asyncio.

The order of the calls is the protocol; `ProcessorProtocol` has the steps that guard it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg
from confluent_kafka import Consumer, KafkaError, Message

from streams.core.batch import Batch
from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.processor import Processor
from streams.core.wiring import Context, names_of
from streams.kafka import gauges
from streams.kafka.command_decoder import CommandMessage, with_unreadable
from streams.kafka.consumed_commands import CommandOffsets, command_message
from streams.kafka.decision import DecidedBatch, Decider
from streams.kafka.denials import raise_denied
from streams.kafka.overlay import Overlay
from streams.kafka.ownership import Partitions
from streams.kafka.processor_store import Store
from streams.kafka.protocol import PROTOCOL, ProcessorProtocol
from streams.kafka.records import record_headers
from streams.kafka.settings import Role
from streams.kafka.takeover import Loader
from streams.kafka.transactions import (
    TRANSACTION_SECONDS,
    DuplicateInstance,
    LostMembership,
    OutgoingRecord,
    StoppedWithoutBroker,
    TransactionPoint,
    Transactions,
)
from streams.kafka.types import BrokenLog, Place, TransactionEnd, place_of
from streams.kafka.watchdog import Brokers, call_deadline
from streams.postgres.batch_transaction import without_values
from streams.telemetry.metrics import BATCH_SIZE, COMMIT_SECONDS, count_answers
from streams.telemetry.pulse import Pulse

log = logging.getLogger(__name__)

BATCH = 512
SESSION_MS = 6000
POLL_SECONDS = 0.05
OVERLAY_RECORDS = 100_000
GROUP_DECISION_SECONDS = 2.5
FATAL = (KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID, KafkaError.UNRELEASED_INSTANCE_ID)


def ignore(_point: TransactionPoint) -> None:
    """Do nothing at a transaction point; tests pass a callback that does something."""


class KafkaProcessor:
    """Processor of the partitions that its group assigns to it.

    `run` returns after `stop`. Raises DuplicateInstance, LostMembership or Denied.
    """

    def __init__(
        self,
        role: Role,
        contexts: Sequence[Context],
        protocol: ProcessorProtocol = PROTOCOL,
        reached: Callable[[TransactionPoint], None] = ignore,
        overlay_records: int = OVERLAY_RECORDS,
        transaction_seconds: float = TRANSACTION_SECONDS,
    ) -> None:
        self._role, self._protocol, self._reached = role, protocol, reached
        self._names = [context.name for context in contexts]
        self.group = f"{role.cluster.prefix}.processor"
        mapper = Mapper(names_of(contexts), Keyring(role.master_key))
        self._core = Processor([with_unreadable(context) for context in contexts], mapper)
        self._overlay = Overlay()
        self._store = Store(role.dsn, "headwater processor", role.log_ends)
        self._decider = Decider(self._core, self._store, self._overlay, role.partitions, protocol)
        self._transactions = Transactions(
            role.cluster, role.instance, protocol, reached, transaction_seconds, lambda: self._stopping
        )
        self._brokers = Brokers()
        self._consumer = Consumer(self._membership() | {"error_cb": self._brokers.on_error})
        self._offsets = CommandOffsets(protocol)
        self._partitions = Partitions(
            role.cluster,
            self._consumer,
            self._core,
            self._overlay,
            self._store,
            Loader(role.cluster, self._consumer, self._store, protocol, overlay_records // 2),
            self._offsets,
            overlay_records,
        )
        self._stopping = False
        self.pulse = Pulse()

    def _membership(self) -> dict[str, Any]:
        return self._role.cluster.client(
            group_id=self.group,
            group_protocol="classic",
            group_instance_id=self._role.instance,
            partition_assignment_strategy="roundrobin",
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=1000,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_wait_max_ms=100,
            max_poll_interval_ms=30_000,
            allow_auto_create_topics=False,
        )

    def stop(self) -> None:
        """End `run` after the current batch."""
        self._stopping = True

    def run(self) -> None:
        """Serve until stopped."""
        try:
            self._transactions.restart()
            self._partitions.subscribe(self._names)
            while not self._stopping:
                self.pulse.beat()
                self._partitions.continue_loading()
                self._partitions.apply_back_pressure()
                self._turn()
        except StoppedWithoutBroker:
            log.info("stopping without a broker")
        finally:
            with call_deadline():
                self._consumer.close()
            self._store.close()

    def _turn(self) -> None:
        before = self._offsets.assignment_counts()
        with call_deadline():
            first = self._consumer.poll(0.002 if self._partitions.loading else POLL_SECONDS)
            if first is None:
                return
            messages = [first, *self._consumer.consume(BATCH - 1, 0)]
        self._reached(TransactionPoint.POLLED)
        metadata = self._consumer.consumer_group_metadata()
        batch, gaps = self._offsets.accept(self._received(messages), before)
        self._partitions.reload(gaps)
        if not batch:
            return
        if not self._protocol.is_member(metadata):
            self._partitions.reload(_places(batch))
            return
        self._process(batch, metadata)

    def _received(self, messages: Sequence[Message]) -> Iterator[CommandMessage]:
        for message in messages:
            if (error := message.error()) is None:
                yield command_message(message)
            else:
                self._check_error(error)

    def _check_error(self, error: KafkaError) -> None:
        raise_denied(error)
        log.warning("consuming: %s %s", error.name(), error.str())
        if error.code() in FATAL and self._brokers.recently_lost:
            raise LostMembership(error.str())
        if error.code() in FATAL:
            raise DuplicateInstance(f"another process uses this instance's name, {self._role.instance}: {error.str()}")

    def _process(self, messages: Sequence[CommandMessage], metadata: bytes) -> None:
        try:
            decided = self._decider.decide(messages, self._offsets.sent_since)
        except psycopg.Error as error:
            log.warning("nothing can be decided without the database: %s", without_values(error))
            self._store.close()
            self._partitions.reload(_places(messages))
            return
        except BrokenLog as error:
            for place in _places(messages):
                self._partitions.halt(place, error)
            return
        self._reached(TransactionPoint.DECIDED)
        self._commit(messages, decided, self._protocol.commit_metadata(self._consumer, metadata))

    def _commit(self, messages: Sequence[CommandMessage], decided: DecidedBatch, metadata: bytes) -> None:
        batch = decided.batch
        next_offsets = {(one.context, one.partition): one.offset + 1 for one in messages}
        offsets = [self._partitions.commands(place, offset) for place, offset in next_offsets.items()]
        with COMMIT_SECONDS.time():
            end = self._transactions.commit(self._outgoing_records(batch), offsets, metadata)
        gauges.TRANSACTIONS.labels(end.name.lower()).inc()
        if end is TransactionEnd.COMMITTED:
            self._apply(decided, next_offsets)
        elif self._protocol.must_reload(end):
            self._roll_back(batch, end, _places(messages))

    def _apply(self, decided: DecidedBatch, next_offsets: dict[Place, int]) -> None:
        envelopes, batch = decided
        self._overlay.extend(one.record for one in batch.recorded)
        self._core.committed(batch)
        self._offsets.next_offsets.update(next_offsets)
        BATCH_SIZE.observe(len(batch.answers))
        gauges.OVERLAY.set(len(self._overlay))
        count_answers(envelopes, batch.answers)
        if batch.snapshots:
            self._keep_snapshots(batch)

    def _keep_snapshots(self, batch: Batch) -> None:
        ends = {place: after for place, (_, after) in batch.heads.items()}
        try:
            self._store.keep_snapshots(list(batch.snapshots.values()), ends, self._role.partitions)
        except psycopg.Error as error:
            log.info("snapshots are left for another time: %s", type(error).__name__)
            self._store.close()

    def _roll_back(self, batch: Batch, end: TransactionEnd, touched: Sequence[Place]) -> None:
        self._core.aborted(batch)
        if end is TransactionEnd.RELOAD_ALL:
            self._await_group()
            touched = list({*self._partitions.all, *touched})
        owned = {place_of(partition) for partition in self._consumer.assignment()}
        self._partitions.reload([place for place in touched if place in owned])

    def _await_group(self) -> None:
        """Poll without serving until the group has had time to answer: this process was suspended, or replaced."""
        self._consumer.pause(self._consumer.assignment())
        until = time.monotonic() + GROUP_DECISION_SECONDS
        while time.monotonic() < until:
            with call_deadline():
                message = self._consumer.poll(0.1)
            if message is not None and (error := message.error()) is not None:
                self._check_error(error)

    def _outgoing_records(self, batch: Batch) -> list[OutgoingRecord]:
        """Each message carries the hash of the record before it; the first one of a partition, the hash of its head."""
        previous: dict[Place, bytes] = {place: before.hash for place, (before, _) in batch.heads.items()}
        messages = []
        for _, record in batch.recorded:
            place = (record.context, record.partition)
            topic = self._role.cluster.events(record.context)
            headers = record_headers(record, previous[place])
            messages.append(OutgoingRecord(topic, record.partition, record.key.encode(), record.data, headers))
            previous[place] = record.hash
        return messages


def _places(messages: Sequence[CommandMessage]) -> list[Place]:
    return sorted({(one.context, one.partition) for one in messages})

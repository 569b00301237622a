"""Projector process: write committed records into PostgreSQL, in order, exactly once. No asyncio.

The group only shares the partitions out. How far each one has been projected is in its checkpoint row, which moves in
the same transaction that writes the rows. On any doubt the projector reads the checkpoints again and discards
everything fetched so far.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

import psycopg
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.wiring import Context, names_of
from streams.kafka import gauges
from streams.kafka.denials import raise_denied
from streams.kafka.event_batches import EventMessage, decode, read_batch
from streams.kafka.lag import Lag
from streams.kafka.processor_store import Store
from streams.kafka.projection_writer import BatchRejected, Fenced, ProjectionWriter, WriteResult
from streams.kafka.settings import Role
from streams.kafka.transactions import DuplicateInstance, LostMembership
from streams.kafka.types import Checkpoint, Place, context_of, place_name, place_of
from streams.kafka.watchdog import Brokers, call_deadline
from streams.postgres.database import passing, read_plain
from streams.postgres.projection_tables import Projections
from streams.postgres.tasks import known_projections
from streams.telemetry.pulse import Pulse

log = logging.getLogger(__name__)

BATCH = 2000
POLL_SECONDS = 0.1
RETRY_HALTED_SECONDS = 30.0
ENDS_SECONDS = 1.0
ROLE = "projector"
FATAL = (KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID, KafkaError.UNRELEASED_INSTANCE_ID)


class KafkaProjector:
    """Projector of the partitions that its group assigns to it.

    `run` returns after `stop`. Raises DuplicateInstance, LostMembership, Denied or ProjectionStalled.
    """

    def __init__(self, role: Role, contexts: Sequence[Context], batch: int = BATCH) -> None:
        self._role, self._batch = role, batch
        self._names = [context.name for context in contexts]
        self._mapper = Mapper(names_of(contexts), Keyring(role.master_key))
        self._projections = Projections(known_projections(contexts, self._mapper))
        self._store = Store(role.dsn, "headwater projector")
        self._writer = ProjectionWriter(role.dsn, self._mapper, self._projections)
        self._brokers = Brokers()
        self._consumer = Consumer(self._membership() | {"error_cb": self._brokers.on_error})
        self._lag = Lag(role.cluster)
        self._owned: set[Place] = set()
        self._checkpoints: dict[Place, Checkpoint] = {}
        self._halted: dict[Place, Checkpoint] = {}
        self._halted_since = 0.0
        self._recorded_halts: set[Place] = set()
        self._stale = self._rejected = False
        self._ends_due = 0.0
        self._stopping = False
        self.pulse = Pulse()

    def _membership(self) -> dict[str, Any]:
        return self._role.cluster.client(
            group_id=f"{self._role.cluster.prefix}.projector",
            group_protocol="classic",
            group_instance_id=self._role.instance,
            partition_assignment_strategy="roundrobin,range",
            session_timeout_ms=6000,
            heartbeat_interval_ms=1000,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="error",
            fetch_wait_max_ms=100,
            enable_partition_eof=True,
            max_poll_interval_ms=60_000,
            allow_auto_create_topics=False,
        )

    def stop(self) -> None:
        """End `run` after the current batch."""
        self._stopping = True

    def run(self) -> None:
        """Project the log until stopped."""
        topics = [self._role.cluster.events(name) for name in self._names]
        self._consumer.subscribe(topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)
        try:
            while not self._stopping:
                self.pulse.beat()
                self._turn()
        finally:
            with call_deadline():
                self._consumer.close()
            self._writer.close()
            self._store.close()

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._owned = {place_of(partition) for partition in partitions}
        log.info("assigned %s", sorted(self._owned))
        consumer.assign([])
        self._stale = True

    def _revoked(self, consumer: Consumer, _partitions: list[TopicPartition]) -> None:
        self._owned = set()
        for place in self._halted:
            gauges.LOG_HALTED.labels(place_name(place)).set(0)
        self._checkpoints, self._halted = {}, {}
        consumer.unassign()

    def _turn(self) -> None:
        if self._stale or self._retry_due():
            self._seek_checkpoints()
        with call_deadline():
            first = self._consumer.poll(POLL_SECONDS)
            messages = [] if first is None else [first, *self._consumer.consume(self._batch - 1, 0)]
        events = [event for message in messages if (event := self._event(message)) is not None]
        if not self._stale:
            self._project(events, backlog=len(messages) == self._batch)
        self._lag.measure(self._checkpoints, self._halted)

    def _retry_due(self) -> bool:
        return bool(self._halted) and time.monotonic() - self._halted_since > RETRY_HALTED_SECONDS

    def _seek_checkpoints(self) -> None:
        """Assigning at the checkpoints discards everything that the client has fetched before."""
        self._writer.abandon()
        try:
            found = {place: self._store.checkpoint(place) for place in self._owned}
            self._projections.learn(read_plain(self._store.connected(), Projections.LOAD))
            self._recorded_halts = self._store.halted(ROLE)
        except psycopg.Error as error:
            if not passing(error):
                raise
            log.warning("the database is not available: %s", type(error).__name__)
            self._store.close()
            self._lag.on_progress()
            return
        starts = [TopicPartition(*self._topic_of(place), at.next_offset) for place, at in found.items()]
        self._consumer.assign(starts)
        self._consumer.resume(starts)
        self._checkpoints, self._halted, self._stale = found, {}, False
        gauges.PARTITIONS.labels(ROLE).set(len(found))

    def _event(self, message: Message) -> EventMessage | None:
        topic, partition, offset, error = message.topic(), message.partition(), message.offset(), message.error()
        if error is not None:
            raise_denied(error)
        if error is not None and error.code() in FATAL and self._brokers.recently_lost:
            raise LostMembership(error.str())
        if error is not None and error.code() in FATAL:
            raise DuplicateInstance(f"another process uses this projector's name, {self._role.instance}: {error.str()}")
        if topic is None or partition is None or offset is None:
            return None
        place = (context_of(topic), partition)
        if error is None:
            self._lag.on_record(place, offset, message.timestamp()[1])
            return EventMessage(place, offset, message.key(), message.value(), message.headers())
        if error.code() == KafkaError._PARTITION_EOF:
            self._lag.on_end(place, offset)
        elif error.code() == KafkaError._AUTO_OFFSET_RESET:
            self._halt(place, f"the log lacks what comes next: {error.str()}")
        else:
            log.warning("consuming %s: %s", place, error.name())
        return None

    def _project(self, events: Sequence[EventMessage], backlog: bool) -> None:
        try:
            self._project_batch(events, backlog)
        except (Fenced, BatchRejected) as error:
            log.warning("%s: starting again from the checkpoints", error)
            self._stale, self._rejected = True, isinstance(error, BatchRejected)
        except psycopg.Error as error:
            if not passing(error):
                raise
            log.warning("the database is not available: %s", type(error).__name__)
            self._store.close()
            self._writer.disconnect()
            self._stale = True

    def _project_batch(self, events: Sequence[EventMessage], backlog: bool) -> None:
        """With a backlog, the next batch is consumed and decoded while this one is being written."""
        batch = read_batch(events, self._writer.expected_checkpoints(self._checkpoints))
        self._learn_keys(batch.subjects(self._mapper))
        decoded = decode(batch, self._mapper)
        self._apply(self._writer.finish())
        if backlog and decoded and not batch.halts and not self._rejected:
            self._writer.begin(decoded, self._checkpoints)
        elif decoded:
            self._apply(self._writer.write(decoded, self._checkpoints))
            self._rejected = False
        for place, error in batch.halts.items():
            if place not in self._halted:
                self._halt(place, error)
        if self._writer.idle and time.monotonic() > self._ends_due:
            self._reach_ends()

    def _reach_ends(self) -> None:
        """The checkpoint of a log without further records is its end: else it would seem behind for ever."""
        self._ends_due = time.monotonic() + ENDS_SECONDS
        for place, end in self._lag.reached(self._checkpoints).items():
            at = self._checkpoints[place]
            if not self._store.reach(place, at, end):
                raise Fenced(f"another projector has moved the checkpoint of {place_name(place)}")
            self._checkpoints[place] = at._replace(next_offset=end)

    def _learn_keys(self, subjects: list[str]) -> None:
        """Keys are looked up for every batch, for another projector may have destroyed one."""
        self._mapper.keyring.forget(subjects)
        for key in self._store.keys(subjects) if subjects else ():
            self._mapper.keyring.learn(key)

    def _apply(self, result: WriteResult) -> None:
        """Results of a partition that was revoked since its batch was begun are ignored."""
        for place, at in result.ends.items():
            if place in self._checkpoints:
                self._checkpoints[place] = at
                if place in self._recorded_halts:
                    self._clear_halt(place)
        if result.ends:
            self._lag.on_progress()
        for place, error in result.halts.items():
            self._halt(place, error)

    def _halt(self, place: Place, error: str) -> None:
        log.critical("partition %s/%d is not followed any further: %s", *place, error)
        if (checkpoint := self._checkpoints.pop(place, None)) is not None:
            self._halted_since = self._halted_since if self._halted else time.monotonic()
            self._halted[place] = checkpoint
        self._consumer.pause([TopicPartition(*self._topic_of(place))])
        gauges.LOG_HALTED.labels(place_name(place)).set(1)
        try:
            self._store.halt(place, ROLE, error)
            self._recorded_halts.add(place)
        except psycopg.OperationalError:
            self._store.close()
            self._stale = True

    def _clear_halt(self, place: Place) -> None:
        """The record at which the partition had halted has been projected after all."""
        self._store.resume(place, ROLE)
        self._recorded_halts.discard(place)
        gauges.LOG_HALTED.labels(place_name(place)).set(0)

    def _topic_of(self, place: Place) -> tuple[str, int]:
        return self._role.cluster.events(place[0]), place[1]

"""Rebuild of a lost PostgreSQL from Kafka alone: journal, outcomes, read models, pending tasks. Nothing is sent twice.

Kafka does not say which outside calls had been begun. So every call that is due and has no answer in the log counts as
begun by a worker that no longer exists. The worker repeats such a call where the receiver recognises repeats, and
otherwise reports it unconfirmed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from psycopg import Connection

from domain.messages import Event
from streams.core.envelope import OUTCOME_NAMES, Record, Recorded
from streams.core.keys import WrappedKey
from streams.core.mapper import Mapper
from streams.core.object_ids import objects_in
from streams.core.read_models import Row
from streams.core.wiring import Context
from streams.kafka.denials import ConnectionRefusals, raise_denied
from streams.kafka.event_batches import EventMessage, batch_of, decode, read_batch
from streams.kafka.log_ends import set_follows
from streams.kafka.processor_store import checkpoint_of
from streams.kafka.settings import Cluster
from streams.kafka.types import BrokenLog, Checkpoint, Place
from streams.kafka.watchdog import reason_of
from streams.postgres.batch_transaction import statements, write_carefully_plain
from streams.postgres.catch_up import Progress
from streams.postgres.database import read_plain, write_plain
from streams.postgres.installation import prepare
from streams.postgres.journal import KEYS
from streams.postgres.object_rows import THERE
from streams.postgres.projection_tables import Projections
from streams.postgres.rebuild import bring_up
from streams.postgres.tasks import MARK_BEGUN, known_projections

log = logging.getLogger(__name__)

BATCH = 2000
WAIT_SECONDS = 1.0
STALLED_SECONDS = 30.0
ASK_SECONDS = 10.0
MARK_LOST = "insert into headwater.subject_keys (subject, wrapped, destroyed_at) values (%s, null, now())"

COUNT_ATTEMPTS = """
    with answered as (
        select (convert_from(data, 'UTF8')::json -> 'task' ->> 'id')::uuid as id, count(*) as attempts
          from headwater.journal where name = any(%s) group by 1)
    update headwater.tasks t set attempts = a.attempts from answered a where a.id = t.id
"""


class CannotRebuild(Exception):
    """The database is not empty, or the log cannot be read to its end; the text says which."""


class RebuildResult(NamedTuple):
    """Counts of a rebuild: records, open tasks, calls that may have been made, subjects whose keys are lost.

    And objects and credentials that are lost.
    """

    records: int
    tasks: int
    perhaps_called: int
    lost_subjects: int
    lost_objects: int = 0


def rebuild(
    connection: Connection[Row],
    cluster: Cluster,
    contexts: Sequence[Context],
    mapper: Mapper,
    partitions: int,
    now: datetime,
    progress: Progress = lambda _: None,
) -> RebuildResult:
    """Fill an empty database from the log.

    Restore the subjects' keys into it before, or their values stay unreadable. No other role may run meanwhile.
    Raises CannotRebuild, BrokenLog or Denied.
    """
    prepare(connection, contexts, partitions, "kafka")
    if connection.execute("select exists (select from headwater.journal)").fetchone() != (False,):
        raise CannotRebuild("the database has a journal already: rebuild into an empty database")
    set_follows(connection, False)
    bring_up(connection, contexts, mapper, lambda _: None)
    projector = _LogProjector(connection, mapper, Projections(known_projections(contexts, mapper)))
    for context in contexts:
        for partition in range(partitions):
            _project_partition(projector, cluster, (context.name, partition), progress)
    connection.execute(COUNT_ATTEMPTS, (OUTCOME_NAMES,))
    begun = connection.execute(MARK_BEGUN, (now,)).rowcount
    set_follows(connection, True)
    ((tasks,),) = connection.execute("select count(*) from headwater.tasks").fetchall()
    missing = missing_objects(connection, projector.objects)
    return RebuildResult(projector.records, tasks, begun, len(projector.lost), missing)


class _LogProjector:
    """Projector of the rebuild: the same transactions as the real one's, one partition after the other."""

    def __init__(self, connection: Connection[Row], mapper: Mapper, projections: Projections) -> None:
        self.connection, self._mapper, self._projections = connection, mapper, projections
        self._projections.learn(read_plain(connection, Projections.LOAD))
        self.lost: set[str] = set()
        self.objects: dict[str, str | None] = {}
        """The subjects of the objects and credentials that events keep, by their id."""
        self.records = 0

    def write(self, events: Sequence[EventMessage], place: Place, checkpoint: Checkpoint) -> Checkpoint:
        """Write the events and give the new checkpoint; raises BrokenLog at an unreadable or misplaced record."""
        records = read_batch(events, {place: checkpoint})
        self._learn_keys([one.record for one in records.records])
        decoded = decode(records, self._mapper)
        if records.halts:
            raise BrokenLog(f"{place[0]}/{place[1]} {records.halts[place]}")
        if not decoded:
            return checkpoint
        batch, offsets, _ = batch_of(decoded, {place: checkpoint})
        projected = self._projections.project(batch)
        if projected.halts:
            halts = write_carefully_plain(self.connection, batch, projected, self._projections, offsets)
            self._projections.without(halts)
        else:
            write_plain(self.connection, statements(batch, projected, self._projections, offsets))
        self.records += len(batch.recorded)
        erased = {subject for _, _, subject in batch.erased}
        self.lost -= erased
        self._note_objects(batch.recorded, erased)
        return Checkpoint(offsets[place], batch.heads[place][1])

    def _note_objects(self, recorded: Sequence[Recorded[Event]], erased: set[str]) -> None:
        self.objects |= {one.id: one.subject for one in objects_in(recorded, kept=True)}
        for one in objects_in(recorded, kept=False):
            self.objects.pop(one.id, None)
        if erased:
            self.objects = {id_: subject for id_, subject in self.objects.items() if subject not in erased}

    def _learn_keys(self, records: Sequence[Record]) -> None:
        """A key that is neither stored nor recorded as destroyed is lost, and is recorded as destroyed from here on."""
        subjects = list(self._mapper.subjects_of(records))
        sealed = {one.key_subject for one in records if self._mapper.holds_sealed(one.name, one.data)}
        self._mapper.keyring.forget(subjects)
        found = [WrappedKey(*row) for row in self.connection.execute(KEYS, (subjects,)).fetchall()]
        for subject in sealed - {key.subject for key in found}:
            self.connection.execute(MARK_LOST, (subject,))
            self.lost.add(subject)
            found.append(WrappedKey(subject, None))
        for key in found:
            self._mapper.keyring.learn(key)


def missing_objects(connection: Connection[Row], named: Iterable[str]) -> int:
    """How many of the objects and credentials that events keep the database lacks: neither are in the log."""
    wanted = set(named)
    there = connection.execute(THERE, (list(wanted),)).fetchall()
    return len(wanted - {id_ for (id_,) in there})


def _project_partition(projector: _LogProjector, cluster: Cluster, place: Place, progress: Progress) -> None:
    topic = cluster.events(place[0])
    checkpoint = checkpoint_of(projector.connection, place)
    end = _true_end(cluster, TopicPartition(topic, place[1]))
    reader = Consumer(cluster.reader(isolation_level="read_committed", enable_partition_eof=True))
    until = time.monotonic() + STALLED_SECONDS
    try:
        reader.assign([TopicPartition(topic, place[1], checkpoint.next_offset)])
        at = checkpoint.next_offset
        while at < end:
            events, at = _consume(reader, place, at)
            before, checkpoint = checkpoint, projector.write(events, place, checkpoint)
            if checkpoint != before:
                progress(len(events))
                until = time.monotonic() + STALLED_SECONDS
            if time.monotonic() > until:
                raise CannotRebuild(f"{topic}/{place[1]} can be read up to {at}, its end is {end}")
    finally:
        reader.close()


def _consume(reader: Consumer, place: Place, at: int) -> tuple[list[EventMessage], int]:
    events: list[EventMessage] = []
    first = reader.poll(WAIT_SECONDS)
    for message in [] if first is None else [first, *reader.consume(BATCH - 1, 0)]:
        error, offset = message.error(), message.offset() or 0
        if error is None:
            events.append(EventMessage(place, offset, message.key(), message.value(), message.headers()))
            at = offset + 1
        elif error.code() == KafkaError._PARTITION_EOF:
            at = max(at, offset)
        elif error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise CannotRebuild(f"the beginning of the log of {place[0]}/{place[1]} is gone: {error.str()}")
        elif error.code() != KafkaError.GROUP_AUTHORIZATION_FAILED:  # requested by the client, not needed
            raise_denied(error)
    return events, at


def _true_end(cluster: Cluster, partition: TopicPartition) -> int:
    reader = Consumer(cluster.reader(isolation_level="read_uncommitted") | {"error_cb": ConnectionRefusals().on_error})
    try:
        return reader.get_watermark_offsets(partition, ASK_SECONDS)[1]
    except KafkaException as error:
        reader.poll(0)
        reason = reason_of(error)
        raise_denied(reason)
        raise CannotRebuild(f"no end of {partition.topic} is known at {cluster.bootstrap}: {reason.str()}") from None
    finally:
        reader.close()

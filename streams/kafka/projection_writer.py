"""Writer of the projector's transactions: a whole batch, or everything before the first record that cannot be written.

While one batch is being written in a separate thread, the next one may be consumed and decoded.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as finished
from dataclasses import dataclass, field
from typing import NamedTuple

import psycopg
from psycopg import Connection

from streams.core.keys import WrappedKey
from streams.core.mapper import Mapper
from streams.core.read_models import Row
from streams.kafka.event_batches import DecodedBatch, DecodedRecord, batch_of
from streams.kafka.processor_store import Store
from streams.kafka.types import Checkpoint, Place
from streams.postgres.batch_transaction import statements, without_values, write_carefully_plain
from streams.postgres.database import Statement, passing, read_plain, write_plain
from streams.postgres.projection_tables import Halt, Projected, Projections
from streams.postgres.schema import EPOCH_CHANGED, ERASED_MEANWHILE, FENCED
from streams.postgres.tasks import DUE_CHANNEL

log = logging.getLogger(__name__)


class Fenced(Exception):
    """Another projector has moved a checkpoint, or erased a person whose values were about to be written."""


class BatchRejected(Exception):
    """PostgreSQL rejected a batch that was begun.

    The batch must be read again, for keys may have changed, and be written by `ProjectionWriter.write`.
    """


@dataclass(slots=True)
class WriteResult:
    """Result of a batch: the partitions' new checkpoints, and the halted partitions with the reason."""

    ends: dict[Place, Checkpoint] = field(default_factory=dict)
    halts: dict[Place, str] = field(default_factory=dict)


class _PendingBatch(NamedTuple):
    decoded: DecodedBatch
    projected: Projected
    done: Future[None]


class ProjectionWriter:
    """Writer of batches, one after the other, on a separate connection. Not safe for several threads.

    `finish` may raise BatchRejected, `write` Fenced, and `begin`, `finish` and `write` psycopg.Error when the database
    is away. After any of these the checkpoints in the database say how far it has come.
    """

    def __init__(self, dsn: str, mapper: Mapper, projections: Projections) -> None:
        self._store, self._mapper, self._projections = Store(dsn, "headwater projector"), mapper, projections
        self._thread = ThreadPoolExecutor(1, "writing")
        self._pending: _PendingBatch | None = None

    def close(self) -> None:
        """Wait for the pending batch, then close the connection and the thread."""
        self.disconnect()
        self._thread.shutdown()

    def abandon(self) -> None:
        """Wait for the pending batch and ignore its result."""
        if self._pending is not None:
            finished([self._pending.done])
            self._pending = None

    def disconnect(self) -> None:
        """Close the connection, so that the next batch is written on a new one."""
        self.abandon()
        self._store.close()

    @property
    def idle(self) -> bool:
        """Whether no batch is pending."""
        return self._pending is None

    def expected_checkpoints(self, checkpoints: Mapping[Place, Checkpoint]) -> dict[Place, Checkpoint]:
        """Checkpoints as they will be once the pending batch is written."""
        if self._pending is None:
            return dict(checkpoints)
        ends = _ends(self._pending.decoded)
        return {place: ends.get(place, at) for place, at in checkpoints.items()}

    def write(self, records: Sequence[DecodedRecord], checkpoints: Mapping[Place, Checkpoint]) -> WriteResult:
        """Write the batch, which continues from the checkpoints, in as many transactions as necessary."""
        result = WriteResult()
        self._write(records, checkpoints, result)
        return result

    def begin(self, records: Sequence[DecodedRecord], checkpoints: Mapping[Place, Checkpoint]) -> None:
        """Start to write the batch; no other batch may be pending."""
        decoded = batch_of(records, checkpoints)
        projected = self._projections.project(decoded.batch)
        writing, connection = self._statements(decoded, projected), self._store.connected()
        done = self._thread.submit(write_plain, connection, writing)
        self._pending = _PendingBatch(decoded, projected, done)

    def finish(self) -> WriteResult:
        """Wait for the pending batch; raises BatchRejected when PostgreSQL does not take it as a whole."""
        if (pending := self._pending) is None:
            return WriteResult()
        self._pending = None
        try:
            pending.done.result()
        except psycopg.Error as error:
            if passing(error):
                raise
            self._store.close()
            raise BatchRejected(without_values(error)) from error
        self._committed(pending.decoded, pending.projected.halts)
        return WriteResult(_ends(pending.decoded))

    def _write(
        self, records: Sequence[DecodedRecord], checkpoints: Mapping[Place, Checkpoint], result: WriteResult
    ) -> None:
        """Write one transaction. If PostgreSQL rejects it, halve it until the record is found that halts its place."""
        if not records:
            return
        decoded = batch_of(records, {**checkpoints, **result.ends})
        try:
            self._commit(decoded)
        except psycopg.Error as error:
            if passing(error):
                raise
            if len(records) == 1:
                result.halts[_place(records[0])] = f"cannot be written: {without_values(error)}"
                return
            middle = len(records) // 2
            self._write(records[:middle], checkpoints, result)
            self._write([rest for rest in records[middle:] if _place(rest) not in result.halts], checkpoints, result)
            return
        result.ends |= _ends(decoded)

    def _commit(self, decoded: DecodedBatch) -> None:
        projected = self._projections.project(decoded.batch)
        try:
            write_plain(self._store.connected(), self._statements(decoded, projected))
            halts = projected.halts
        except psycopg.Error as error:
            if passing(error):
                raise
            if error.sqlstate in (FENCED, ERASED_MEANWHILE):
                raise Fenced(str(error)) from error
            connection = self._reconnect()
            if error.sqlstate == EPOCH_CHANGED:
                self._projections.learn(read_plain(connection, Projections.LOAD))
                return self._commit(decoded)
            log.warning("a table refused its rows (%s), looking for which", without_values(error))
            halts = write_carefully_plain(connection, decoded.batch, projected, self._projections, decoded.offsets)
        self._committed(decoded, halts)
        return None

    def _committed(self, decoded: DecodedBatch, halts: Sequence[Halt]) -> None:
        for _, _, subject in decoded.batch.erased:
            self._mapper.keyring.learn(WrappedKey(subject, None))
        self._projections.without(halts)

    def _reconnect(self) -> Connection[Row]:
        """A new connection is needed after an error within a pipeline: psycopg may believe that it has prepared
        statements that the server never prepared, and a table would seem to refuse its rows."""
        self._store.close()
        return self._store.connected()

    def _statements(self, decoded: DecodedBatch, projected: Projected) -> list[Statement]:
        writing = statements(decoded.batch, projected, self._projections, decoded.offsets)
        return [*_hold_keys(decoded.living_subjects), *writing, *_notify_due(projected)]


def _ends(decoded: DecodedBatch) -> dict[Place, Checkpoint]:
    return {place: Checkpoint(decoded.offsets[place], head) for place, (_, head) in decoded.batch.heads.items()}


def _hold_keys(subjects: list[str]) -> list[Statement]:
    """Lock the keys, so that no other projector erases a person while values read with that key are written."""
    return [Statement("select headwater.hold_keys(%s::text[])", [subjects])] if subjects else []


def _notify_due(projected: Projected) -> list[Statement]:
    """Notify the workers of the time at which the first new task is due, so that they need not poll for it."""
    if not projected.due:
        return []
    return [Statement("select pg_notify(%s, %s)", [DUE_CHANNEL, min(projected.due).isoformat()])]


def _place(decoded: DecodedRecord) -> Place:
    record = decoded.consumed.record
    return record.context, record.partition

"""Adapters for the `eventsourcing` library: one journal partition as an application recorder, and a mapper by name.

The library's tools can read any partition. They can write only to contexts that Headwater does not serve: a direct
write to a served context would bypass commands, projections and the running writer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Any, Self
from uuid import UUID, uuid4

import orjson
import psycopg
from eventsourcing import persistence
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    ListenNotifySubscription,
    MapperDeserialisationError,
    Notification,
    NotSupportedError,
    PersistenceError,
    ProgrammingError,
    StoredEvent,
)
from psycopg import Connection
from psycopg_pool import ConnectionPool

from domain.messages import Event
from streams.core.chain import chained
from streams.core.clock import Clock, SystemClock
from streams.core.envelope import GENESIS, Record, event_id
from streams.core.keys import KeyNotLoaded, WrappedKey
from streams.core.mapper import Mapper
from streams.core.names import UnknownName
from streams.core.read_models import Row
from streams.postgres.database import SESSION, connect_plain

ACTOR = "recorder"
"""Actor of records written through the library. No command decides them, so no outcome follows them."""

CHANNEL = "headwater"
POLL_SECONDS = 0.1
"""Interval at which a subscription checks whether it is stopped. It does not delay events."""

STORED = "stream, version, name, data"

LOCK = "select sequence, hash from headwater.partitions where context = %s and partition = %s for update"
SERVED = "select exists (select 1 from headwater.projections where context = %s)"
ENDS = """
    select stream, max(version), bool_and(partition = %s) from headwater.journal
     where context = %s and stream = any(%s) group by stream
"""
COPY = f"copy headwater.journal ({', '.join(Record._fields)}) from stdin"
MOVE = "update headwater.partitions set sequence = %s, hash = %s where context = %s and partition = %s"
KEY = "select subject, wrapped from headwater.subject_keys where subject = %s"

ERRORS: tuple[tuple[type[psycopg.Error], type[PersistenceError]], ...] = (
    (psycopg.InterfaceError, persistence.InterfaceError),
    (psycopg.DataError, persistence.DataError),
    (psycopg.OperationalError, persistence.OperationalError),
    (psycopg.IntegrityError, persistence.IntegrityError),
    (psycopg.InternalError, persistence.InternalError),
    (psycopg.ProgrammingError, persistence.ProgrammingError),
    (psycopg.NotSupportedError, persistence.NotSupportedError),
    (psycopg.DatabaseError, persistence.DatabaseError),
)


@contextmanager
def library_errors() -> Iterator[None]:
    """Translate psycopg's errors to the library's errors of the same name."""
    try:
        yield
    except psycopg.Error as error:
        kind = next((ours for theirs, ours in ERRORS if isinstance(error, theirs)), PersistenceError)
        raise kind(str(error)) from error


class PartitionRecorder(ApplicationRecorder):
    """Recorder over one partition: notification ids are sequences, topics event names, originator ids streams.

    Thread-safe. Close it, or use it as a context manager. Every method raises the library's errors.
    """

    def __init__(
        self, dsn: str, context: str, partition: int, clock: Clock | None = None, connections: int = 10
    ) -> None:
        self.dsn = dsn
        self.context = context
        self.partition = partition
        self._clock = clock or SystemClock()
        self._pool: ConnectionPool[Connection[Row]] = ConnectionPool(
            dsn,
            kwargs={"autocommit": True, "options": SESSION, "application_name": "headwater recorder"},
            min_size=1,
            max_size=connections,
            check=ConnectionPool.check_connection,
            open=True,
        )

    def close(self) -> None:
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _connection(self) -> Iterator[Connection[Row]]:
        with library_errors(), self._pool.connection() as connection:
            yield connection

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEvent]:
        """The events of a stream in this partition, ordered by version."""
        sql = (
            f"select {STORED} from headwater.journal where context = %s and partition = %s and stream = %s"
            " and version > coalesce(%s::bigint, version - 1) and version <= coalesce(%s::bigint, version)"
            f" order by version {'desc' if desc else 'asc'} limit %s"
        )
        with self._connection() as connection:
            rows = connection.execute(
                sql.encode(), (self.context, self.partition, str(originator_id), gt, lte, limit)
            ).fetchall()
        return [StoredEvent(*row) for row in rows]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> list[Notification]:
        """The records of this partition, including outcomes, ordered by sequence; `topics` are event names."""
        after = 0 if start is None else start - inclusive_of_start
        sql = (
            f"select {STORED}, sequence from headwater.journal where context = %s and partition = %s"
            " and sequence > %s and sequence <= coalesce(%s::bigint, sequence) and (%s or name = any(%s))"
            " order by sequence limit %s"
        )
        values = (self.context, self.partition, after, stop, not topics, list(topics), limit)
        with self._connection() as connection:
            rows = connection.execute(sql.encode(), values).fetchall()
        return [Notification(*row) for row in rows]

    def max_notification_id(self) -> int | None:
        """The sequence of the last record; None in an empty partition."""
        with self._connection() as connection:
            row = connection.execute(
                "select max(sequence) from headwater.journal where context = %s and partition = %s",
                (self.context, self.partition),
            ).fetchone()
        return row[0] if row else None

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> list[int]:
        """Append all events or none; returns their sequences.

        Raises IntegrityError when a version does not continue its stream (a new stream starts at 0 or 1),
        NotSupportedError in a context that Headwater serves, ProgrammingError when the partition does not exist.
        """
        if not stored_events:
            return []
        with self._connection() as connection, connection.transaction():
            sequence, hash_ = self._lock(connection)
            self._check_versions(connection, stored_events)
            records = self._records(stored_events, sequence, hash_)
            with connection.cursor() as cursor, cursor.copy(COPY) as copy:
                for record in records:
                    copy.write_row(record)
            last = records[-1]
            connection.execute(MOVE, (last.sequence, last.hash, self.context, self.partition))
            connection.execute("select pg_notify(%s, '')", (CHANNEL,))
        return [record.sequence for record in records]

    def _lock(self, connection: Connection[Row]) -> Row:
        head = connection.execute(LOCK, (self.context, self.partition)).fetchone()
        if head is None:
            raise ProgrammingError(f"there is no partition {self.context}/{self.partition}")
        if connection.execute(SERVED, (self.context,)).fetchone() == (True,):
            raise NotSupportedError(f"Headwater serves the context {self.context}: its events come from commands")
        return head

    def _check_versions(self, connection: Connection[Row], stored_events: Sequence[StoredEvent]) -> None:
        streams = list({str(event.originator_id) for event in stored_events})
        rows = connection.execute(ENDS, (self.partition, self.context, streams)).fetchall()
        if elsewhere := [stream for stream, _, here in rows if not here]:
            raise IntegrityError(f"{elsewhere[0]} lives in another partition of {self.context}")
        ends: dict[str, int] = {stream: version for stream, version, _ in rows}
        for event in stored_events:
            stream, version = str(event.originator_id), event.originator_version
            if version not in ((ends[stream] + 1,) if stream in ends else (0, 1)):
                raise IntegrityError(f"{stream} is at version {ends.get(stream)}; {version} does not follow it")
            ends[stream] = version

    def _records(self, stored_events: Sequence[StoredEvent], sequence: int, hash_: bytes) -> list[Record]:
        command_id, at = uuid4(), self._clock.now()
        records: list[Record] = []
        for number, event in enumerate(stored_events, 1):
            stream = str(event.originator_id)
            record = Record(
                self.context,
                self.partition,
                sequence + number,
                event_id(command_id, number),
                stream,
                stream,
                event.originator_version,
                event.topic,
                None,
                event.state,
                command_id,
                None,
                command_id,
                ACTOR,
                at,
                GENESIS,
            )
            hash_ = chained(hash_, record)
            records.append(record._replace(hash=hash_))
        return records

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> PartitionSubscription:
        """A subscription to the records after `gt`, then to each new one on commit. Use it as a context manager."""
        return PartitionSubscription(self, gt, topics)

    def key_of(self, subject: str) -> WrappedKey | None:
        """A data subject's stored key; None when the subject never had one."""
        with self._connection() as connection:
            row = connection.execute(KEY, (subject,)).fetchone()
        return WrappedKey(*row) if row else None


class PartitionSubscription(ListenNotifySubscription[PartitionRecorder]):
    """The library's subscription, woken by PostgreSQL over a separate connection, so the pool stays free."""

    def __init__(self, recorder: PartitionRecorder, gt: int | None = None, topics: Sequence[str] = ()) -> None:
        super().__init__(recorder, gt, topics)
        self._listen_thread = Thread(target=self._listen, name="headwater recorder listen")
        self._listen_thread.start()

    def __exit__(self, *args: object, **kwargs: Any) -> None:
        try:
            super().__exit__(*args, **kwargs)
        finally:
            self._listen_thread.join()

    def _listen(self) -> None:
        try:
            with library_errors(), connect_plain(self._recorder.dsn, "headwater subscription") as connection:
                connection.execute(f"listen {CHANNEL}".encode())
                self._has_been_notified.set()  # commits before LISTEN sent no notification to us
                while not self._has_been_stopped:
                    for _ in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
                        self._has_been_notified.set()
        except PersistenceError as error:
            self._thread_error = self._thread_error or error
            self.stop()


@dataclass(frozen=True)
class StoredFact:
    """Headwater event with its stream and version, in the shape of the library's domain event."""

    originator_id: str
    originator_version: int
    fact: Event


class NamedMapper(persistence.Mapper[str]):
    """Mapper between the library and Headwater events, by explicit name, with personal values decrypted.

    It looks up the subject's key for every event, so an erasure takes effect at the next read.
    """

    def __init__(self, mapper: Mapper, recorder: PartitionRecorder) -> None:
        super().__init__(persistence.JSONTranscoder())
        self._mapper = mapper
        self._recorder = recorder

    def to_domain_event(self, stored_event: StoredEvent) -> StoredFact:
        """A `StoredFact`; raises MapperDeserialisationError for an unknown name or unreadable bytes."""
        try:
            fact = self._event(stored_event.topic, stored_event.state)
        except (UnknownName, KeyNotLoaded, LookupError, ValueError, TypeError) as error:
            place = f"{stored_event.originator_id} at {stored_event.originator_version}"
            raise MapperDeserialisationError(f"{stored_event.topic} in {place}: {error}") from error
        return StoredFact(str(stored_event.originator_id), stored_event.originator_version, fact)

    def _event(self, name: str, state: bytes) -> Event:
        subject = self._subject(name, state)
        if subject is not None and (key := self._recorder.key_of(subject)) is not None:
            self._mapper.keyring.learn(key)
        return self._mapper.decode_as(Event, name, state, subject)

    def _subject(self, name: str, state: bytes) -> str | None:
        """The library stores no data subject; the event's subject field holds it."""
        type_, body = self._mapper.names.current(name, orjson.loads(state))
        if not type_.personal_fields or type_.subject_field is None:
            return None
        return f"{type_.subject_prefix}{body[type_.subject_field]}"

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        """The stored event under its explicit name; raises NotSupportedError for personal values.

        A `StoredEvent` has no field for the data subject, so its personal values could not be erased.
        """
        assert isinstance(domain_event, StoredFact)
        fact = domain_event.fact
        if fact.personal_fields:
            raise NotSupportedError(f"{fact.name} holds personal values")
        return StoredEvent(
            domain_event.originator_id, domain_event.originator_version, fact.name, self._mapper.encode(fact)
        )

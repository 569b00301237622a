"""Move of an embedded installation's journal to Kafka topics: the same partitions, sequences and hashes, verified.

From then on the topics are the log and the database follows them; the embedded runtime must no longer write to it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import psycopg
from confluent_kafka import KafkaException, Producer
from psycopg import Connection

from streams.core.envelope import GENESIS, Record
from streams.core.read_models import Row
from streams.kafka.denials import raise_denied
from streams.kafka.log_ends import ends_of, log_ends, set_follows
from streams.kafka.records import ChainedRecord, Unreadable, record_headers
from streams.kafka.replay import LogEndNotReached, replay
from streams.kafka.settings import Cluster
from streams.kafka.topics import BrokerAway
from streams.kafka.types import Place
from streams.kafka.watchdog import reason_of, retry
from streams.postgres.catch_up import Progress
from streams.postgres.installation import WRITER
from streams.postgres.journal import COLUMNS

log = logging.getLogger(__name__)

CHUNK = 5_000
CALL_SECONDS = 5.0
"""Time-out of one call that is retried; the watchdog waits for twice as long."""

CHUNKS = f"""
    select {COLUMNS} from headwater.journal j
     where context = %s and partition = %s and sequence > %s order by sequence limit %s
"""
MOVED = "select log, (select count(*) from headwater.journal) from headwater.installation"
SET_NEXT_OFFSET = "update headwater.partitions set next_offset = %s where context = %s and partition = %s"


PATIENCE_SECONDS = 5
"""Seconds to wait for the lock of a process that has ended."""


class CannotMove(Exception):
    """The journal cannot be moved in this state; nothing was changed in the database."""


def move(
    connection: Connection[Row], cluster: Cluster, contexts: Sequence[str], progress: Progress = lambda _: None
) -> int:
    """Copy every partition's journal into its events topic, verify the copy, and give the number of records.

    The topics must exist, and hold nothing but what an unfinished move has copied. Raises CannotMove, also when the
    copy differs, or Denied.
    """
    _lock_installation(connection)
    _check_not_moved(connection)
    places = _places(connection, contexts)
    _check_unused(cluster, places)
    try:
        _copy(connection, cluster, places, progress)
    except KafkaException as error:
        raise_denied(reason_of(error))
        raise CannotMove(f"the log cannot be written: {reason_of(error).str()}") from error
    return _verify_and_start(connection, cluster, places)


def _lock_installation(connection: Connection[Row]) -> None:
    """Take the writer's lock. A process that has just ended holds it until PostgreSQL has noticed."""
    try:
        with connection.transaction():
            connection.execute(f"set local lock_timeout = '{PATIENCE_SECONDS}s'".encode())
            connection.execute("select pg_advisory_lock(%s)", (WRITER,))
    except psycopg.errors.LockNotAvailable:
        raise CannotMove("a headwater process is using this data: stop it first") from None


def _places(connection: Connection[Row], contexts: Sequence[str]) -> list[Place]:
    rows = connection.execute(
        "select context, partition from headwater.partitions where context = any(%s) order by 1, 2", (list(contexts),)
    ).fetchall()
    return [(context, partition) for context, partition in rows]


def _check_not_moved(connection: Connection[Row]) -> None:
    ((log_in, records),) = connection.execute(MOVED).fetchall()
    if log_in == "kafka":
        raise CannotMove(f"this installation was moved already: its history is in Kafka ({records} records are there)")


def _check_unused(cluster: Cluster, places: Sequence[Place]) -> None:
    """Commands in the topics are those of another installation: this one has had no role on Kafka."""
    topics = sorted({cluster.commands(context) for context, _ in places})
    partitions = 1 + max((partition for _, partition in places), default=0)
    try:
        ends = ends_of(cluster, topics, partitions)
    except BrokerAway as away:
        raise CannotMove(str(away)) from None
    for (topic, partition), end in ends.items():
        if end > 0:
            raise CannotMove(_foreign(f"{topic}/{partition}"))


def _foreign(place: str) -> str:
    return (
        f"{place} holds what is not of this installation: give this one topics of its own "
        "(another HEADWATER_PREFIX, then `headwater topics create`)"
    )


def _copy(connection: Connection[Row], cluster: Cluster, places: Sequence[Place], progress: Progress) -> None:
    settings = cluster.client(transactional_id=f"{cluster.prefix}.move", linger_ms=5)
    producer = Producer(settings, logger=log)  # without a logger it also prints the fatal errors that it raises
    retry(producer.init_transactions, CALL_SECONDS)
    begun = log_ends(cluster, list(dict.fromkeys(context for context, _ in places)), 1 + max(n for _, n in places))
    for place in places:
        copied = _copied(connection, cluster, place) if begun[place] else (0, GENESIS)
        for chunk in _chunks(connection, place, *copied):
            _produce(producer, cluster, chunk)
            progress(len(chunk))


def _copied(connection: Connection[Row], cluster: Cluster, place: Place) -> tuple[int, bytes]:
    """Sequence and hash of the last record that an earlier, unfinished move has copied; raises CannotMove."""
    sequence, previous, topic = 0, GENESIS, f"{cluster.events(place[0])}/{place[1]}"
    journal = (link for chunk in _chunks(connection, place) for link in chunk)
    try:
        for link, _ in replay(cluster, *place):
            if next(journal, None) != link:
                raise CannotMove(_foreign(topic))
            sequence, previous = link.record.sequence, link.record.hash
    except (Unreadable, LogEndNotReached) as error:
        raise CannotMove(f"{_foreign(topic)}: {error}") from error
    return sequence, previous


def _chunks(
    connection: Connection[Row], place: Place, sequence: int = 0, previous: bytes = GENESIS
) -> Iterator[list[ChainedRecord]]:
    """Read the partition's journal after this sequence in chunks, each record with its predecessor's hash."""
    while rows := connection.execute(CHUNKS.encode(), (*place, sequence, CHUNK)).fetchall():
        chunk = []
        for record in (Record(*row) for row in rows):
            chunk.append(ChainedRecord(record, previous))
            sequence, previous = record.sequence, record.hash
        yield chunk


def _produce(producer: Producer, cluster: Cluster, chunk: Sequence[ChainedRecord]) -> None:
    producer.begin_transaction()
    for record, previous in chunk:
        topic, headers = cluster.events(record.context), record_headers(record, previous)
        producer.produce(topic, record.data, record.key.encode(), record.partition, headers=headers)
    retry(producer.commit_transaction, CALL_SECONDS)


def _verify_and_start(connection: Connection[Row], cluster: Cluster, places: Sequence[Place]) -> int:
    """Read the topics back with another client library before the database is switched over to them."""
    next_offsets, moved = dict[Place, int](), 0
    for place in places:
        try:
            next_offsets[place], copied = _verify(connection, cluster, place)
        except (Unreadable, LogEndNotReached) as error:
            raise CannotMove(f"the copy of {place[0]}/{place[1]} cannot be read back: {error}") from error
        moved += copied
    with connection.transaction():
        connection.execute("update headwater.installation set log = 'kafka'")
        set_follows(connection, True)
        for place, next_offset in next_offsets.items():
            connection.execute(SET_NEXT_OFFSET, (next_offset, *place))
    return moved


def _verify(connection: Connection[Row], cluster: Cluster, place: Place) -> tuple[int, int]:
    """Compare a partition's topic with the journal; its next offset and its number of records."""
    journal = (link for chunk in _chunks(connection, place) for link in chunk)
    next_offset = copied = 0
    for link, after in replay(cluster, *place):
        if next(journal, None) != link:
            raise CannotMove(f"the copy differs from the journal at {link.record.position}")
        next_offset, copied = after, copied + 1
    if (missing := next(journal, None)) is not None:
        raise CannotMove(f"the copy lacks {missing.record.position}")
    return next_offset, copied

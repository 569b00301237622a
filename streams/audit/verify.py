"""Verification of the log in PostgreSQL, with no code of the write path.

One pass over the records checks gapless sequences, the hash chain, one outcome after every command's events, the stored
heads and the signed heads. Queries over all partitions check versions and event ids. docs/audit.md says what each check
proves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from psycopg import Connection

from streams.audit.journal_source import CHUNK, Row, SignedHead, heads, lines, signed_heads, snapshot
from streams.audit.offline import RECORDER, Broken, Fault, Line, Partition, head_message

Progress = Callable[[int], None]

STREAMS = """
    with placed as (
        select context, partition, sequence, stream, version, actor,
               row_number() over history as place, lag(version) over history as before,
               lag(partition) over history as partition_before, lag(sequence) over history as sequence_before
          from headwater.journal where context = coalesce(%s, context)
        window history as (partition by context, stream order by version, sequence))
    select context, partition, sequence, stream, version, before, partition_before, sequence_before from placed
     where (place = 1 and version <> 1 and not (version = 0 and actor = %s))
        or (place > 1 and (version <> before + 1 or partition <> partition_before or sequence < sequence_before))
     order by context, partition, sequence limit 1
"""

EVENT_IDS = """
    with placed as (
        select context, partition, sequence, event_id,
               row_number() over (partition by event_id order by context, partition, sequence) as place
          from headwater.journal where context = coalesce(%s, context))
    select context, partition, sequence, event_id from placed where place > 1
     order by context, partition, sequence limit 1
"""


@dataclass(slots=True)
class Report:
    """Result of a verification. `signed` maps a partition to the last sequence covered by a signature."""

    partitions: int = 0
    records: int = 0
    signed_heads: int = 0
    signed: dict[tuple[str, int], int] = field(default_factory=dict)
    fault: Fault | None = None

    @property
    def whole(self) -> bool:
        return self.fault is None


def verify(
    connection: Connection[Row],
    context: str | None = None,
    trusted: Collection[bytes] = (),
    progress: Progress = lambda _: None,
) -> Report:
    """Verify a context, or all, up to the first fault, in one snapshot.

    `trusted` are the public keys (32 bytes) accepted for signed heads; empty accepts every key. `progress` receives the
    number of newly read records. The connection must be outside a transaction.
    """
    report = Report()
    with snapshot(connection):
        try:
            _Pass(connection, context, trusted, report).run(progress)
            _check_streams(connection, context)
            _check_event_ids(connection, context)
        except Broken as broken:
            report.fault = broken.fault
    return report


class _Pass:
    """One pass over the records, merged with the stored and the signed heads, which are in the same order."""

    def __init__(
        self, connection: Connection[Row], context: str | None, trusted: Collection[bytes], report: Report
    ) -> None:
        self._lines = lines(connection, context)
        self._heads = heads(connection, context)
        self._signed = signed_heads(connection, context)
        self._next_signed = next(self._signed, None)
        self._trusted = trusted
        self._report = report

    def run(self, progress: Progress) -> None:
        partition: Partition | None = None
        for line in self._lines:
            if partition is None or (partition.context, partition.number) != (line.context, line.partition):
                self._finish(partition)
                partition = self._begin(line)
            partition.check(line)
            self._check_signed(partition)
            self._count(progress)
        self._finish(partition)
        progress(self._report.records % CHUNK)
        for (context, number), (sequence, hash_) in self._heads.items():
            self._report.partitions += 1
            Partition(context, number).finish(sequence, hash_)
        if self._next_signed is not None:
            raise Broken(_beyond(self._next_signed))

    def _begin(self, line: Line) -> Partition:
        partition = Partition(line.context, line.partition)
        if (line.context, line.partition) not in self._heads:
            partition.broken(line.sequence, "the partition has no head on record")
        return partition

    def _count(self, progress: Progress) -> None:
        self._report.records += 1
        if self._report.records % CHUNK == 0:
            progress(CHUNK)

    def _finish(self, partition: Partition | None) -> None:
        if partition is None:
            return
        partition.finish(*self._heads.pop((partition.context, partition.number)))
        self._report.partitions += 1

    def _check_signed(self, partition: Partition) -> None:
        here = (partition.context, partition.number, partition.sequence)
        while self._next_signed is not None and self._next_signed[:3] == here:
            reason = fault_of(self._next_signed, partition.hash, self._trusted)
            if reason is not None:
                partition.broken(partition.sequence, reason)
            self._report.signed_heads += 1
            self._report.signed[partition.context, partition.number] = partition.sequence
            self._next_signed = next(self._signed, None)


def _beyond(head: SignedHead) -> Fault:
    return Fault(
        head.context, head.partition, head.sequence, f"a head was signed here at {head.signed_at}; no such record"
    )


def fault_of(head: SignedHead, hash_: bytes, trusted: Collection[bytes]) -> str | None:
    """The reason why a signed head is invalid where the chain has this hash; None when it is valid."""
    if head.hash != hash_:
        return f"another hash was signed here at {head.signed_at}"
    if trusted and head.key not in trusted:
        return f"the head is signed with the key {head.key.hex()}, which is not trusted"
    try:
        Ed25519PublicKey.from_public_bytes(head.key).verify(head.signature, head_message(*head[:5]))
    except (InvalidSignature, ValueError):
        return "the signature of the head does not hold"
    return None


def _check_streams(connection: Connection[Row], context: str | None) -> None:
    for name, partition, sequence, stream, version, before, partition_before, sequence_before in _found(
        connection, STREAMS, (context, RECORDER)
    ):
        reason = f"{stream} begins with version {version}"
        if before is not None:
            place = f"{partition_before}/{sequence_before}"
            reason = f"version {version} of {stream} follows version {before}, which is at {place}"
        raise Broken(Fault(name, partition, sequence, reason))


def _check_event_ids(connection: Connection[Row], context: str | None) -> None:
    for name, partition, sequence, event_id in _found(connection, EVENT_IDS, (context,)):
        raise Broken(Fault(name, partition, sequence, f"the event id {event_id} occurs before"))


def _found(connection: Connection[Row], sql: str, values: tuple[str | None, ...]) -> Iterator[Row]:
    yield from connection.execute(sql.encode(), values)

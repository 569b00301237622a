"""Logs to audit: made by commands of the shelf, stored in a real database, forged with full access."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from hypothesis import strategies as st
from psycopg import Connection

from domain.messages import Command
from streams.audit.verify import Report, verify
from streams.core.chain import chained
from streams.core.clock import ManualClock
from streams.core.envelope import DECIDED_V1, GENESIS, Decided, Record
from streams.core.gateway import envelop
from streams.postgres.installation import prepare
from streams.testing import MemoryRuntime
from tests.contract.runtimes import PARTITIONS, START
from tests.contract.shelf import SHELF, BreakJar, FillJar, OpenJar, OrderFilling

OWNERS = ("ada", "bob", "eve", "zoë")
JARS = ("plums", 'pe"ars', "\n", "Öl", "\x7f\u2028")
Log = Connection[tuple[Any, ...]]


def commands() -> st.SearchStrategy[list[Command]]:
    """Anything that might be asked of the shelf: accepted, unchanged, refused or failed."""
    return st.lists(st.sampled_from(OWNERS).flatmap(_commands_of), min_size=1, max_size=12)


def _commands_of(owner: str) -> st.SearchStrategy[Command]:
    """A jar is named after its owner, as all that is written under one key must be in one partition."""
    at = st.integers(0, 10**9).map(lambda n: START + timedelta(microseconds=n))
    jar, whose = st.sampled_from([f"{owner}{name}" for name in JARS]), st.just(owner)
    return st.one_of(
        st.builds(OpenJar, at=at, jar=jar, owner=whose, note=st.none() | st.just("from my aunt")),
        st.builds(FillJar, at=at, jar=jar, owner=whose, grams=st.integers(1, 600)),
        st.builds(OrderFilling, at=at, jar=jar, owner=whose, grams=st.just(1)),
        st.builds(BreakJar, at=at, jar=jar, owner=whose),
    )


def decided(asked: Sequence[Command]) -> list[Record]:
    """The log that these commands make, with command ids that are the same every time."""
    runtime = MemoryRuntime([SHELF], ManualClock(START), PARTITIONS)
    ids = [UUID(int=number) for number in range(1, len(asked) + 1)]
    for command, id_ in zip(asked, ids, strict=True):
        runtime.execute([envelop(command, "shelf", PARTITIONS, "client:ada", command_id=id_)])
    records = [recorded.record for recorded in runtime.journal]
    return sorted(records, key=lambda record: (record.partition, record.sequence))


USUAL: tuple[Command, ...] = (
    OpenJar(at=START, jar="plums", owner="ada", note="from the garden"),
    *(FillJar(at=START, jar="plums", owner="ada", grams=grams) for grams in (400, 500, 600, 1)),
)


def usual() -> list[Record]:
    """Ten records of one partition: a command with two events, three with one, one refused."""
    return decided(USUAL)


def of_the_first_version(records: Iterable[Record]) -> list[Record]:
    """The same log as it was recorded when outcomes held neither subject nor command."""
    return rechained(_first_version(record) if record.name == Decided.name else record for record in records)


def _first_version(outcome: Record) -> Record:
    body = orjson.loads(outcome.data)
    kept = {field: body[field] for field in ("at", "command", "status", "events", "problem") if field in body}
    return outcome._replace(name=DECIDED_V1, subject=None, data=orjson.dumps(kept))


def rechained(records: Iterable[Record]) -> list[Record]:
    """The same records with sequences and hashes made to fit: what a forger who knows the format would do."""
    ends: dict[tuple[str, int], tuple[int, bytes]] = {}
    forged = []
    for record in records:
        place = (record.context, record.partition)
        sequence, hash_ = ends.get(place, (0, GENESIS))
        moved = record._replace(sequence=sequence + 1)
        forged.append(moved._replace(hash=chained(hash_, moved)))
        ends[place] = (sequence + 1, forged[-1].hash)
    return forged


def open_log(log: Log) -> None:
    """An empty log on which no constraint stands in a forger's way."""
    prepare(log, [SHELF], PARTITIONS)
    log.execute("alter table headwater.journal drop constraint journal_pkey")
    log.execute("alter table headwater.journal drop constraint journal_context_stream_version_key")


def store(log: Log, records: Sequence[Record]) -> None:
    """Makes these records the whole log, with heads to match."""
    log.execute("truncate headwater.journal")
    with (
        log.cursor() as cursor,
        cursor.copy(f"copy headwater.journal ({', '.join(Record._fields)}) from stdin") as copy,
    ):
        for record in records:
            copy.write_row(record)
    log.execute("update headwater.partitions set sequence = 0, hash = %s", (GENESIS,))
    ends = {(record.context, record.partition): record for record in records}
    log.cursor().executemany(
        "update headwater.partitions set sequence = %s, hash = %s where context = %s and partition = %s",
        [(end.sequence, end.hash, *place) for place, end in ends.items()],
    )


def found(log: Log) -> tuple[int, str] | None:
    """Where the log is broken first, and why; None when it is whole."""
    report: Report = verify(log)
    return None if report.fault is None else (report.fault.sequence, report.fault.reason)

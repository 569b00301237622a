"""Verification: every kind of change to the log is found, with its position."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tracemalloc
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.messages import Command
from streams.audit.offline import Line, canonical
from streams.audit.verify import verify
from streams.core.chain import chained
from streams.core.envelope import Record
from streams.postgres.database import connect_plain
from tests.contract.runtimes import START, do, embedded
from tests.contract.shelf import FillJar
from tests.streams.audit.logs import USUAL, Log, commands, decided, found, of_the_first_version, rechained, store, usual

PLACE = ("context", "partition", "sequence")
SHARED = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_a_log_that_nobody_touched_is_whole(log: Log) -> None:
    report = verify(log)
    assert (report.whole, report.partitions, report.records) == (True, 4, 10)


def test_a_log_with_outcomes_of_the_first_version_is_whole_and_its_outcomes_are_counted(log: Log) -> None:
    records = of_the_first_version(usual())
    store(log, records)
    assert found(log) is None
    assert forged(log, records[1:]) == (2, "the outcome of 2 events follows 1")


def test_an_empty_log_is_whole(log: Log) -> None:
    store(log, [])
    assert verify(log).whole


def test_one_context_can_be_verified_alone(log: Log) -> None:
    log.execute("insert into headwater.partitions (context, partition, sequence, hash) values ('other', 0, 7, 'x')")
    try:
        assert verify(log, "shelf").whole
        assert not verify(log).whole
    finally:
        log.execute("delete from headwater.partitions where context = 'other'")


@pytest.mark.parametrize(
    "tampering",
    [
        "data = set_byte(data, 5, get_byte(data, 5) # 1)",
        "data = data || ' '",
        "data = ''",
        "hash = set_byte(hash, 31, get_byte(hash, 31) # 128)",
        "actor = 'client:eve'",
        "at = at + interval '1 microsecond'",
        "at = at - interval '4100 years'",
        "at = 'infinity'",
        "at = make_timestamptz(-extract(year from at)::int, 1, 5, 9, 0, 0)",
        "name = 'shelf.jar.filled.v2'",
        "stream = 'jar/pears'",
        "version = version + 100",
        "key = 'eve'",
        "subject = coalesce(subject || 'a', 'shelf:ada')",
        "event_id = gen_random_uuid()",
        "command_id = gen_random_uuid()",
        "causation_id = gen_random_uuid()",
        "correlation_id = gen_random_uuid()",
    ],
)
@pytest.mark.parametrize("sequence", [1, 5, 10])
def test_a_changed_value_is_found_where_it_was_changed(log: Log, tampering: str, sequence: int) -> None:
    log.execute(f"update headwater.journal set {tampering} where sequence = {sequence}".encode())
    fault = found(log)
    assert fault is not None
    assert fault[0] == sequence
    assert "hash" in fault[1]


@pytest.mark.parametrize(
    ("tampering", "sequence", "reason"),
    [
        ("delete from headwater.journal where sequence = 4", 4, "missing; the next record is 5"),
        ("delete from headwater.journal where sequence = 1", 1, "missing; the next record is 2"),
        ("delete from headwater.journal where sequence = 10", 10, "missing; the head is at 10"),
        ("delete from headwater.journal", 1, "missing; the head is at 10"),
        ("update headwater.journal set sequence = 9 - sequence where sequence in (4, 5)", 4, "hash"),
        ("insert into headwater.journal select * from headwater.journal where sequence = 4", 4, "more than one record"),
        ("update headwater.journal set sequence = 11 where sequence = 10", 10, "missing; the next record is 11"),
        ("update headwater.journal set context = 'attic' where sequence = 5", 5, "no head on record"),
        ("update headwater.journal set partition = 77 where sequence = 5", 5, "missing"),
        ("update headwater.partitions set hash = '' where sequence > 0", 10, "the head has another hash"),
        ("update headwater.partitions set sequence = 9 where sequence > 0", 10, "beyond it"),
        ("delete from headwater.partitions where sequence > 0", 1, "no head on record"),
    ],
)
def test_a_record_taken_away_put_in_or_moved_is_found(log: Log, tampering: str, sequence: int, reason: str) -> None:
    kept = log.execute("select * from headwater.partitions").fetchall()
    log.execute(tampering.encode())
    fault = found(log)
    put_heads(log, kept)
    assert fault is not None
    assert fault[0] == sequence
    assert reason in fault[1]


def test_a_record_added_at_the_end_with_a_fitting_hash_is_beyond_the_head(log: Log) -> None:
    heads = log.execute("select * from headwater.partitions").fetchall()
    store(log, decided([*USUAL, FillJar(at=START, jar="plums", owner="ada", grams=2)]))
    put_heads(log, heads)
    assert found(log) == (11, "the head is at 10; this is beyond it")


def put_heads(log: Log, heads: list[Any]) -> None:
    log.execute("truncate headwater.partitions")
    log.cursor().executemany("insert into headwater.partitions values (%s, %s, %s, %s, %s)", heads)


def forged(log: Log, records: list[Record]) -> tuple[int, str]:
    """What an audit finds where the chain itself fits."""
    store(log, rechained(records))
    fault = found(log)
    assert fault is not None
    assert "hash" not in fault[1]
    return fault


def test_a_command_whose_outcome_is_missing_is_found(log: Log) -> None:
    records = usual()
    assert forged(log, records[:2] + records[3:]) == (
        2,
        f"command {UUID(int=1)} has events here without the outcome that ends them",
    )
    assert forged(log, records[:2])[0] == 2


def test_an_outcome_that_speaks_of_other_events_than_precede_it_is_found(log: Log) -> None:
    records = usual()
    assert forged(log, records[1:]) == (2, "the outcome of 2 events follows 1")
    assert forged(log, records[2:]) == (1, "the outcome of 2 events follows 0")


def test_an_outcome_before_its_events_is_found(log: Log) -> None:
    first, second, outcome, *rest = usual()
    assert forged(log, [outcome, first, second, *rest])[0] == 1


def test_a_second_outcome_of_a_command_is_found(log: Log) -> None:
    *_, refusal = usual()
    again = refusal._replace(event_id=uuid4(), version=2)
    assert forged(log, [*usual(), again]) == (11, "an outcome that is not the first record of its command's own stream")
    again = again._replace(version=1, data=json.dumps(json.loads(refusal.data) | {"events": 0}).encode())
    assert forged(log, [*usual(), again]) == (
        11,
        f"version 1 of command/{refusal.command_id} follows version 1, which is at 1/10",
    )


def test_an_outcome_that_cannot_be_read_is_found(log: Log) -> None:
    records = usual()
    for data in (b"\xff", b"{}", b"[]", b'{"events":"2"}'):
        assert forged(log, [*records[:2], records[2]._replace(data=data), *records[3:]])[0] == 3


def test_a_gap_in_a_stream_s_versions_is_found(log: Log) -> None:
    records = [r._replace(version=r.version + (r.stream == "jar/plums" and r.version > 1)) for r in usual()]
    assert forged(log, records) == (4, "version 3 of jar/plums follows version 1, which is at 1/1")


def test_a_stream_that_does_not_begin_at_one_is_found(log: Log) -> None:
    records = [r._replace(version=r.version - (r.stream == "jar/plums")) for r in usual()]
    assert forged(log, records) == (1, "jar/plums begins with version 0")


def test_versions_in_another_order_than_the_log_are_found(log: Log) -> None:
    versions = {2: 3, 3: 2}
    records = [r._replace(version=versions.get(r.version, r.version)) for r in usual()]
    assert forged(log, records)[0] == 4


def test_a_stream_that_spreads_over_two_partitions_is_found(log: Log) -> None:
    records = [record._replace(partition=3) if record.sequence in (4, 5) else record for record in usual()]
    assert "of jar/plums follows version" in forged(log, records)[1]


def test_an_event_id_that_occurs_twice_is_found(log: Log) -> None:
    records = usual()
    records[5] = records[5]._replace(event_id=records[0].event_id)
    assert forged(log, records) == (6, f"the event id {records[0].event_id} occurs before")


@given(asked=commands(), data=st.data())
@SHARED
def test_any_history_is_whole_and_any_changed_byte_of_it_is_found(
    open_database: Log, asked: list[Command], data: st.DataObject
) -> None:
    records = decided(asked)
    store(open_database, records)
    assert found(open_database) is None
    number = data.draw(st.integers(0, len(records) - 1), "record")
    field = data.draw(st.sampled_from([field for field in Record._fields if field not in PLACE]), "field")
    records[number] = changed(records[number], field, data)
    heads = open_database.execute("select * from headwater.partitions").fetchall()
    store(open_database, records)
    put_heads(open_database, heads)
    report = verify(open_database)
    assert report.fault is not None
    assert report.fault[:3] == tuple(records[number].position)


def changed(record: Record, field: str, data: st.DataObject) -> Record:
    """The record with one byte of one field changed."""
    return record._replace(**{field: other_than(getattr(record, field), data)})


def other_than(value: Any, data: st.DataObject) -> Any:
    match value:
        case bytes():
            return flipped(value, data)
        case UUID():
            return UUID(bytes=flipped(value.bytes, data))
        case int():
            return value ^ 1 << data.draw(st.integers(0, 30), "bit")
        case str():
            place = data.draw(st.integers(0, len(value) - 1), "place")
            other = st.characters(min_codepoint=1, max_codepoint=127).filter(lambda c: c != value[place])
            return value[:place] + data.draw(other, "character") + value[place + 1 :]
        case datetime():
            return value.replace(microsecond=value.microsecond ^ 1)
    return UUID(int=0)


def flipped(value: bytes, data: st.DataObject) -> bytes:
    place = data.draw(st.integers(0, len(value) - 1), "byte")
    return value[:place] + bytes([value[place] ^ data.draw(st.integers(1, 255), "bits")]) + value[place + 1 :]


TEXTS = st.text(st.characters(codec="utf-8"))


@given(
    texts=st.tuples(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS),
    subject=st.none() | TEXTS,
    data=st.binary(),
    n=st.integers(0, 2**62),
    moment=st.datetimes(timezones=st.just(UTC)),
    causation=st.none() | st.uuids(),
)
def test_the_auditor_s_bytes_are_the_writer_s(
    texts: tuple[str, ...], subject: str | None, data: bytes, n: int, moment: datetime, causation: UUID | None
) -> None:
    context, key, stream, name, actor = texts
    id_ = UUID(int=n)
    record = Record(context, 3, n, id_, key, stream, n, name, subject, data, id_, causation, id_, actor, moment, b"")
    cause, at = None if causation is None else str(causation), moment.isoformat(timespec="microseconds")
    line = Line(context, 3, n, str(id_), key, stream, n, name, subject, str(id_), cause, str(id_), actor, at, data, b"")
    assert sha256(bytes(32) + canonical(line)).digest() == chained(bytes(32), record)


def test_the_verifier_loads_no_code_of_the_write_path() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, streams.audit.verify; print(*sys.modules, sep='\\n')"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    ours = {name for name in loaded if name.partition(".")[0] in ("streams", "domain", "commands", "projections")}
    assert ours <= {
        "streams",
        "streams.audit",
        "streams.audit.offline",
        "streams.audit.journal_source",
        "streams.audit.verify",
    }
    assert "orjson" not in loaded


async def test_an_audit_sees_a_whole_log_while_commands_are_being_decided(database: str) -> None:
    async with embedded(database) as runtime:

        async def write() -> None:
            for n in range(40):
                await asyncio.gather(*(do(runtime, fill(f"owner {n}")) for _ in range(5)))

        def audit() -> list[int]:
            with connect_plain(database) as connection:
                reports = [verify(connection) for _ in range(10)]
            assert [report.fault for report in reports] == [None] * 10
            return [report.records for report in reports]

        writing = asyncio.create_task(write())
        seen = await asyncio.to_thread(audit)
        await writing
        assert seen == sorted(seen)
        assert (await asyncio.to_thread(audit))[-1] == 400


def fill(owner: str) -> FillJar:
    return FillJar(at=START, jar=f"plums of {owner}", owner=owner, grams=1)


def test_memory_does_not_grow_with_the_log(log: Log) -> None:
    assert peak(log, 25_000) < 1.3 * peak(log, 10_000)


def peak(log: Log, number: int) -> int:
    outcome = usual()[-1]
    data = json.dumps(json.loads(outcome.data) | {"events": 0}).encode()
    ids = (UUID(int=n) for n in range(1, number + 1))
    records = [outcome._replace(event_id=i, command_id=i, stream=f"command/{i}", data=data) for i in ids]
    store(log, rechained(records))
    del records
    moved: list[int] = []
    tracemalloc.start()
    report = verify(log, progress=moved.append)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (report.fault, sum(moved)) == (None, number)
    return most

"""Contract of objects: the transaction that projects an event keeps and removes what the event names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import pytest

from streams.core.batch import Batch
from streams.core.envelope import Envelope, Outcome, Status
from streams.core.gateway import Gateway, Pending
from streams.core.keys import Keyring, WrappedKey
from streams.core.wiring import EraseSubject
from streams.postgres.database import Statement, connect, connect_plain, read
from streams.postgres.objects import ObjectMissing, Objects, Owner
from streams.postgres.projection_tables import Projected
from streams.postgres.reads import Reads
from streams.work.object_sweep import KEPT_WITHIN, ObjectSweep
from tests.contract.runtimes import HOUR, PARTITIONS, START, Database, Embedded, do, open_jar
from tests.contract.shelf import AttachLabel, JarOpened, RemoveLabel
from tests.streams.kafka.runtime import KafkaRuntime, mapper

Running = Embedded | KafkaRuntime
ON_EVERY_DATABASE = pytest.mark.parametrize(
    "runtime", ["embedded", pytest.param("kafka", marks=pytest.mark.kafka)], indirect=True
)
EMBEDDED = pytest.mark.parametrize("runtime", ["embedded"], indirect=True)


async def picture() -> AsyncIterator[bytes]:
    yield b"plums in a jar"


def objects_of(runtime: Database) -> Objects:
    return Objects(runtime.dsn, Keyring(bytes(32)))


async def put(runtime: Database, owner: str = "ada") -> str:
    stored = await objects_of(runtime).put(Owner("shelf", owner, f"shelf:{owner}"), picture(), 100)
    return stored.id


def attach(label: str, owner: str = "ada") -> AttachLabel:
    return AttachLabel(at=START, jar=owner, owner=owner, label=label)


async def kept(runtime: Database) -> dict[str, bool]:
    async with await connect(runtime.dsn) as connection:
        (rows,) = await read(connection, [Statement("select id::text, kept from headwater.objects")])
    return dict(rows)


async def sweep(runtime: Running, later: timedelta, log: Gateway | None = None) -> int:
    """One sweep after so long, by the engine's clock."""
    with connect_plain(runtime.dsn) as connection:
        connection.execute("update headwater.objects set put_at = %s", (runtime.clock.now(),))
    runtime.clock.advance(later)
    gateway: Gateway = runtime.runtime.gateway if isinstance(runtime, Embedded) else runtime.gateway
    reads = Reads(runtime.dsn)
    await reads.open()
    try:
        return await ObjectSweep(log or gateway, reads, runtime.clock, PARTITIONS).sweep()
    finally:
        await reads.close()


@ON_EVERY_DATABASE
async def test_an_event_keeps_the_object_that_it_names_and_another_one_removes_it(runtime: Running) -> None:
    label, foreign = await put(runtime), await put(runtime, "bob")
    assert await kept(runtime) == {label: False, foreign: False}
    await do(runtime, attach(label))
    await do(runtime, attach(foreign))
    assert await kept(runtime) == {label: True, foreign: False}
    for id_ in (label, foreign, "no id at all"):
        removed = await do(runtime, RemoveLabel(at=START, jar="ada", owner="ada", label=id_))
        assert removed.status is Status.ACCEPTED
    assert await kept(runtime) == {foreign: False}


@ON_EVERY_DATABASE
async def test_what_no_event_keeps_within_a_day_is_swept_and_what_is_kept_stays(runtime: Running) -> None:
    label, left = await put(runtime), await put(runtime)
    await do(runtime, attach(label))
    assert await sweep(runtime, KEPT_WITHIN - HOUR) == 0
    assert await sweep(runtime, KEPT_WITHIN) == 1
    assert await kept(runtime) == {label: True}
    with pytest.raises(ObjectMissing):
        await objects_of(runtime).read(left, 100)


@ON_EVERY_DATABASE
async def test_an_erasure_takes_the_objects_of_the_person_alone(runtime: Running) -> None:
    label, other = await put(runtime), await put(runtime, "bob")
    await do(runtime, attach(label))
    await do(runtime, attach(other, "bob"))
    await do(runtime, EraseSubject(at=START, partition_key="ada", erased="shelf:ada"))
    assert await kept(runtime) == {other: True}
    with pytest.raises(ObjectMissing):
        await objects_of(runtime).read(label, 100)


@ON_EVERY_DATABASE
async def test_the_key_that_an_object_brought_seals_what_is_recorded_later(runtime: Running) -> None:
    label = await put(runtime)
    outcome = await do(runtime, open_jar(note="for my aunt Agatha"))
    assert outcome.only(JarOpened).note == "for my aunt Agatha"
    assert await objects_of(runtime).read(label, 100) == b"plums in a jar"
    assert (await runtime.rows("shelf_jars"))["plums"]["note"] == "for my aunt Agatha"


@EMBEDDED
async def test_a_key_that_comes_with_an_object_during_a_decision_seals_that_decision(
    runtime: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the event would be sealed with a key that is stored nowhere."""
    projections, labels = runtime.runtime.gateway._projections, list[str]()
    project = projections.project

    def project_late(batch: Batch) -> Projected:
        if not labels:
            labels.append("made")
            key = Keyring(bytes(32)).generated("shelf:ada")
            with connect_plain(runtime.dsn) as connection:
                connection.execute("insert into headwater.subject_keys (subject, wrapped) values (%s, %s)", key)
        return project(batch)

    monkeypatch.setattr(projections, "project", project_late)
    outcome = await do(runtime, open_jar(note="for my aunt Agatha"))
    assert outcome.status is Status.ACCEPTED
    assert await read_anew(runtime) == "for my aunt Agatha"


async def read_anew(runtime: Embedded) -> str | None:
    """The note, as a process reads it that knows only what is stored."""
    fresh = mapper()
    async with await connect(runtime.dsn) as connection:
        (keys,) = await read(connection, [Statement("select subject, wrapped from headwater.subject_keys")])
    for key in keys:
        fresh.keyring.learn(WrappedKey(*key))
    (opened,) = [record for record in await runtime.journal() if record.name == JarOpened.name]
    return fresh.decode_as(JarOpened, opened.name, opened.data, opened.subject).note


class LateLog:
    """A log that is projected only now: with the outcome of a probe, an event that keeps every object is visible."""

    def __init__(self, runtime: Embedded, pending: bool = False) -> None:
        self._runtime, self._pending = runtime, pending

    async def submit(self, envelope: Envelope, timeout_seconds: float) -> Outcome:
        if self._pending:
            raise Pending(envelope.command_id)
        with connect_plain(self._runtime.dsn) as connection:
            connection.execute("update headwater.objects set kept = true")
        return await self._runtime.submit(envelope)

    async def outcome(self, context: str, command_id: UUID) -> Outcome | None:
        raise NotImplementedError


@EMBEDDED
@pytest.mark.parametrize("pending", [True, False])
async def test_an_object_is_not_swept_while_an_event_that_keeps_it_may_be_on_its_way(
    runtime: Embedded, pending: bool
) -> None:
    label = await put(runtime)
    with suppress(Pending):
        await sweep(runtime, KEPT_WITHIN, LateLog(runtime, pending))
    assert await kept(runtime) == {label: not pending}


@EMBEDDED
async def test_an_object_of_a_context_without_a_log_is_swept(runtime: Embedded) -> None:
    await objects_of(runtime).put(Owner("nowhere", "ada"), picture(), 100)
    await sweep(runtime, KEPT_WITHIN)
    assert await kept(runtime) == {}
    assert (await do(runtime, attach("none"))).status is Status.ACCEPTED


@EMBEDDED
async def test_the_sweep_runs_again_whenever_a_manual_clock_has_moved(runtime: Embedded) -> None:
    await put(runtime)
    with connect_plain(runtime.dsn) as connection:
        connection.execute("update headwater.objects set put_at = %s", (START,))
    reads = runtime.runtime.reads
    running = asyncio.create_task(ObjectSweep(runtime.runtime.gateway, reads, runtime.clock, PARTITIONS).run())
    try:
        async with asyncio.timeout(60):
            while await kept(runtime):
                runtime.clock.advance(HOUR)
                await asyncio.sleep(0.01)
        assert runtime.clock.now() >= START + KEPT_WITHIN
    finally:
        running.cancel()

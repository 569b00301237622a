"""Contract of the engine: the behaviour that every runtime must show, independent of its log."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from itertools import groupby
from uuid import uuid4

import pytest

from domain.messages import Result
from streams.core.calls import Accepted, Deferred, Rejected, Unknown, Verdict
from streams.core.chain import chained
from streams.core.envelope import GENESIS, IdempotencyConflict, Status
from streams.core.gateway import envelop
from tests.contract.runtimes import HOUR, PARTITIONS, START, Runtime, do, fill, open_jar
from tests.contract.shelf import (
    BreakJar,
    CallOff,
    EmptyLater,
    JarFilled,
    JarOpened,
    JarSupplied,
    MatchNeighbour,
    OrderFilling,
    OwnerCounted,
)


async def test_an_accepted_command_answers_with_its_events_and_its_position(runtime: Runtime) -> None:
    outcome = await do(runtime, open_jar(note="from the garden"))
    assert outcome.status is Status.ACCEPTED
    assert outcome.events == (
        JarOpened(at=START, jar="plums", owner="ada", note="from the garden"),
        OwnerCounted(at=START, owner="ada"),
    )
    assert outcome.position.sequence == 3


async def test_a_repeated_wish_is_unchanged_and_adds_no_event(runtime: Runtime) -> None:
    await do(runtime, open_jar())
    again = await do(runtime, open_jar())
    assert (again.status, again.events) == (Status.UNCHANGED, ())


async def test_a_refusal_is_an_outcome_with_its_sentence_and_changes_nothing(runtime: Runtime) -> None:
    await do(runtime, fill(900))
    refused = await do(runtime, fill(200))
    assert refused.status is Status.REFUSED
    assert refused.problem is not None
    assert refused.problem.type == "shelf.too_full"
    assert refused.problem.details == {"grams": 900}
    assert (await do(runtime, fill(100))).status is Status.ACCEPTED


async def test_an_unexpected_exception_is_an_outcome_and_blocks_nobody(runtime: Runtime) -> None:
    broken = await do(runtime, BreakJar(at=START, jar="plums", owner="ada"))
    assert broken.status is Status.FAILED
    assert broken.problem is not None
    assert broken.problem.type == "headwater.internal_error"
    assert "plums" not in broken.problem.sentence
    assert (await do(runtime, fill(1))).status is Status.ACCEPTED


async def test_the_same_command_id_gives_the_stored_outcome_and_happens_once(runtime: Runtime) -> None:
    id_ = uuid4()
    first = await do(runtime, fill(100), command_id=id_, fingerprint="body")
    again = await do(runtime, fill(100), command_id=id_, fingerprint="body")
    assert again.replayed
    assert (again.events, again.position) == (first.events, first.position)
    assert (await runtime.outcome(id_)) is not None
    assert Counter(r.name for r in await runtime.journal())["shelf.jar.filled.v1"] == 1


async def test_the_same_command_id_with_another_body_is_a_conflict(runtime: Runtime) -> None:
    id_ = uuid4()
    await do(runtime, fill(100), command_id=id_, fingerprint="body")
    with pytest.raises(IdempotencyConflict):
        await do(runtime, fill(200), command_id=id_, fingerprint="another body")


async def test_duplicates_sent_at_once_happen_once(runtime: Runtime) -> None:
    id_ = uuid4()
    outcomes = await asyncio.gather(*(do(runtime, fill(100), command_id=id_) for _ in range(20)))
    assert len({outcome.position for outcome in outcomes}) == 1
    assert sum(not outcome.replayed for outcome in outcomes) <= 1
    assert [r.name for r in await runtime.journal()].count("shelf.jar.filled.v1") == 1
    again = await asyncio.gather(*(do(runtime, fill(100), command_id=id_) for _ in range(20)))
    assert {(outcome.replayed, outcome.events) for outcome in again} == {(True, outcomes[0].events)}


async def test_a_refused_command_stays_refused_when_repeated(runtime: Runtime) -> None:
    id_ = uuid4()
    await do(runtime, fill(900))
    await do(runtime, fill(200), command_id=id_)
    again = await do(runtime, fill(200), command_id=id_)
    assert (again.status, again.replayed) == (Status.REFUSED, True)


async def test_an_unknown_command_id_has_no_outcome(runtime: Runtime) -> None:
    assert await runtime.outcome(uuid4()) is None


async def test_an_expected_version_that_is_not_the_stream_s_is_refused(runtime: Runtime) -> None:
    await do(runtime, fill(1))
    assert (await do(runtime, fill(1), expected_version=1)).status is Status.ACCEPTED
    stale = await do(runtime, fill(1), expected_version=1)
    assert stale.problem is not None
    assert stale.problem.type == "headwater.version_conflict"


async def test_commands_at_once_are_decided_one_after_the_other(runtime: Runtime) -> None:
    outcomes = await asyncio.gather(*(do(runtime, fill(100)) for _ in range(15)))
    accepted = sum(outcome.status is Status.ACCEPTED for outcome in outcomes)
    assert (accepted, len(outcomes) - accepted) == (10, 5)


async def test_sequences_are_gapless_versions_contiguous_and_the_chain_holds(runtime: Runtime) -> None:
    await asyncio.gather(*(do(runtime, open_jar(f"jar {n}", f"owner {n % 7}")) for n in range(40)))
    records = sorted(await runtime.journal(), key=lambda record: (record.partition, record.sequence))
    for _, partition in groupby(records, key=lambda record: record.partition):
        head = GENESIS
        for sequence, record in enumerate(partition, 1):
            head = chained(head, record)
            assert (record.sequence, record.hash) == (sequence, head)
    by_stream = sorted((record.stream, record.version) for record in records)
    for _, stream in groupby(by_stream, key=lambda place: place[0]):
        versions = [version for _, version in stream]
        assert versions == list(range(1, len(versions) + 1))


async def test_the_read_models_show_a_write_as_soon_as_it_is_answered(runtime: Runtime) -> None:
    for n in range(5):
        await do(runtime, open_jar(f"jar {n}"))
        await do(runtime, fill(10 + n, f"jar {n}"))
        assert (await runtime.rows("shelf_jars"))[f"jar {n}"]["grams"] == 10 + n
    assert (await runtime.rows("shelf_owners"))["ada"]["jars"] == 5


async def test_a_call_is_made_once_and_its_answer_comes_back_as_a_command(runtime: Runtime) -> None:
    await do(runtime, OrderFilling(at=START, jar="plums", owner="ada", grams=1))
    await runtime.settle()
    assert len(runtime.supplier.keys) == 1
    names = Counter(record.name for record in await runtime.journal())
    assert (names["shelf.jar.supplied.v1"], names["shelf.jar.filled.v1"]) == (1, 1)


async def test_a_deferred_call_is_made_again_when_its_time_has_come(runtime: Runtime) -> None:
    runtime.supplier.verdicts.extend([Deferred("busy", "come back", after=120.0), Accepted("x")])
    await do(runtime, OrderFilling(at=START, jar="plums", owner="ada", grams=1))
    await runtime.settle()
    assert len(runtime.supplier.keys) == 1
    runtime.clock.advance(timedelta(seconds=119))
    await runtime.settle()
    assert len(runtime.supplier.keys) == 1
    runtime.clock.advance(timedelta(seconds=1))
    await runtime.settle()
    assert len(runtime.supplier.keys) == 2
    assert len(set(runtime.supplier.keys)) == 1
    assert await results(runtime) == [Result.DEFERRED, Result.ACCEPTED]


async def test_a_rejected_call_is_not_made_again(runtime: Runtime) -> None:
    runtime.supplier.verdicts.append(Rejected("no", "we do not sell plums"))
    await do(runtime, OrderFilling(at=START, jar="plums", owner="ada", grams=1))
    await runtime.settle()
    runtime.clock.advance(HOUR)
    await runtime.settle()
    assert await results(runtime) == [Result.REJECTED]


async def test_an_unknown_outcome_is_never_repeated_where_repeats_are_not_recognised(runtime: Runtime) -> None:
    runtime.supplier.idempotent = False
    runtime.supplier.verdicts.append(Unknown("the line went dead"))
    await do(runtime, OrderFilling(at=START, jar="plums", owner="ada", grams=1))
    await runtime.settle()
    runtime.clock.advance(24 * HOUR)
    await runtime.settle()
    assert len(runtime.supplier.keys) == 1
    assert await results(runtime) == [Result.UNCONFIRMED]


async def test_a_timer_fires_when_its_time_has_come_and_not_before(runtime: Runtime) -> None:
    await do(runtime, open_jar())
    await do(runtime, fill(500))
    await do(runtime, EmptyLater(at=START, jar="plums", owner="ada"))
    await runtime.settle()
    assert (await runtime.rows("shelf_jars"))["plums"]["grams"] == 500
    runtime.clock.advance(HOUR)
    await runtime.settle()
    assert (await runtime.rows("shelf_jars"))["plums"]["grams"] == 0


def order(grams: int = 1, errand: str = "first") -> OrderFilling:
    return OrderFilling(at=START, jar="plums", owner="ada", grams=grams, errand=errand)


def call_off(errand: str = "first") -> CallOff:
    return CallOff(at=START, jar="plums", owner="ada", errand=errand)


async def supplied(runtime: Runtime, times: int) -> None:
    """Until so many answers are on record; a task that was withdrawn is not there to be waited for."""
    async with asyncio.timeout(60):
        while len(await results(runtime)) < times:
            await asyncio.sleep(0.01)


async def hours_later(runtime: Runtime) -> None:
    await runtime.settle()
    runtime.clock.advance(24 * HOUR)
    await runtime.settle()


async def test_a_call_that_is_withdrawn_while_it_waits_is_not_made_again(runtime: Runtime) -> None:
    runtime.supplier.verdicts.append(Deferred("busy", "come back", after=600.0))
    await do(runtime, order())
    await runtime.settle()
    await do(runtime, call_off())
    await hours_later(runtime)
    assert await results(runtime) == [Result.DEFERRED]


async def test_a_call_that_is_withdrawn_in_the_breath_that_asks_for_it_is_never_made(runtime: Runtime) -> None:
    await do(runtime, order(grams=1001))
    await hours_later(runtime)
    assert runtime.supplier.keys == []


async def test_a_withdrawn_timer_never_comes(runtime: Runtime) -> None:
    await do(runtime, fill(500))
    for errand in ("first", "second"):
        await do(runtime, EmptyLater(at=START, jar="plums", owner="ada", errand=errand))
        await do(runtime, call_off("first"))
    assert (await runtime.rows("shelf_jars"))["plums"]["grams"] == 500
    await hours_later(runtime)
    names = Counter(record.name for record in await runtime.journal())
    assert names["shelf.jar.emptied.v1"] == 3


@pytest.mark.parametrize("verdict", [Accepted("x"), Deferred("busy", "come back", after=600.0)])
async def test_what_a_call_comes_to_that_is_withdrawn_under_way_is_recorded_and_nothing_more(
    runtime: Runtime, verdict: Verdict
) -> None:
    runtime.supplier.verdicts.append(verdict)
    runtime.supplier.meanwhile.append(lambda: do(runtime, call_off()))
    await do(runtime, order())
    await runtime.settle()
    await supplied(runtime, 1)
    await hours_later(runtime)
    assert len(runtime.supplier.keys) == 1
    assert await results(runtime) == [Result.ACCEPTED if isinstance(verdict, Accepted) else Result.DEFERRED]


async def test_what_is_withdrawn_concerns_no_other_task(runtime: Runtime) -> None:
    await do(runtime, call_off())
    runtime.supplier.verdicts.extend([Deferred("busy", "come back", after=600.0)] * 3)
    for errand in ("first", "second", ""):
        await do(runtime, order(errand=errand))
    await runtime.settle()
    await do(runtime, call_off("first"))
    await hours_later(runtime)
    assert Counter(await results(runtime)) == {Result.DEFERRED: 3, Result.ACCEPTED: 2}


async def test_a_stream_longer_than_a_snapshot_folds_to_the_same_state(runtime: Runtime) -> None:
    for _ in range(5):
        await asyncio.gather(*(do(runtime, fill(1)) for _ in range(100)))
    outcome = await do(runtime, fill(501))
    assert outcome.problem is not None
    assert outcome.problem.details == {"grams": 500}


async def test_causes_are_recorded_from_the_request_to_the_provider_s_answer(runtime: Runtime) -> None:
    ordering, request = uuid4(), uuid4()
    order = OrderFilling(at=START, jar="plums", owner="ada", grams=1)
    await runtime.submit(envelop(order, "shelf", PARTITIONS, "client:ada", ordering, correlation_id=request))
    await runtime.settle()
    records = {record.name: record for record in await runtime.journal()}
    ordered, supplied = records["shelf.jar.ordered.v1"], records["shelf.jar.supplied.v1"]
    assert (ordered.command_id, ordered.actor, ordered.correlation_id) == (ordering, "client:ada", request)
    assert (supplied.causation_id, supplied.correlation_id) == (ordered.event_id, request)


async def results(runtime: Runtime) -> list[Result]:
    """What became of the attempts, in order, as the journal has it."""
    in_order = sorted(await runtime.journal(), key=lambda record: (record.partition, record.sequence))
    supplied = (record for record in in_order if record.name == JarSupplied.name)
    return [Result(JarSupplied.model_validate_json(record.data).result) for record in supplied]


async def test_a_stream_belongs_to_the_partition_key_that_it_was_first_written_under(runtime: Runtime) -> None:
    """Two partitions may have two writers, who would both give the stream's next version."""
    await do(runtime, fill(1))
    for grams in range(2):
        refused = await do(runtime, fill(grams, owner="somebody else"))
        assert refused.problem is not None
        assert (refused.status, refused.problem.type) == (Status.REFUSED, "headwater.written_elsewhere")
    assert (await do(runtime, fill(999))).status is Status.ACCEPTED


async def test_a_stream_of_another_partition_key_is_not_read_either(runtime: Runtime) -> None:
    """Another partition's writer may be ahead of what is known of it here."""
    await do(runtime, open_jar("pears", owner="bob"))
    for jar in ("plums", "quinces"):
        refused = await do(runtime, MatchNeighbour(at=START, jar=jar, owner="ada", neighbour="bob"))
        assert refused.problem is not None
        assert (refused.status, refused.problem.type) == (Status.REFUSED, "headwater.written_elsewhere")
    own = await do(runtime, MatchNeighbour(at=START, jar="pears", owner="bob", neighbour="bob"))
    assert own.events == (JarFilled(at=START, jar="pears", grams=1),)

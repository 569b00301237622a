"""Contract of the engine: a task that fails by a bug is kept, and goes on after the mend as far as it had come."""

from __future__ import annotations

from collections import Counter
from unittest.mock import patch

import pytest

from domain.messages import Result
from streams.core.calls import Accepted, Deferred
from tests.contract.runtimes import HOUR, START, Runtime, do, fill
from tests.contract.shelf import EmptyLater
from tests.contract.test_engine import call_off, order, results


async def lame_jar(runtime: Runtime) -> None:
    """Thirteen grams, with which decisions raise (`shelf._stumble`)."""
    await do(runtime, fill(13))


async def mend(runtime: Runtime) -> None:
    await do(runtime, fill(1))
    await runtime.retry()
    await runtime.settle()


async def test_a_timer_whose_command_fails_by_a_bug_is_kept_and_goes_on_after_the_mend(runtime: Runtime) -> None:
    await lame_jar(runtime)
    await do(runtime, EmptyLater(at=START, jar="plums", owner="ada"))
    runtime.clock.advance(HOUR)
    await runtime.settle()
    ((name, error),) = await runtime.kept()
    assert name == "shelf.jar.empty.v1"
    assert error is not None
    assert error.startswith("headwater.internal_error, error ")
    await runtime.retry()
    await runtime.settle()
    assert [name for name, _ in await runtime.kept()] == ["shelf.jar.empty.v1"]
    await mend(runtime)
    assert await runtime.kept() == []
    assert (await runtime.rows("shelf_jars")).get("plums", {"grams": 0})["grams"] == 0
    assert Counter(record.name for record in await runtime.journal())["shelf.jar.emptied.v1"] == 2


async def test_an_answer_that_fails_by_a_bug_is_kept_and_recorded_after_the_mend_without_another_call(
    runtime: Runtime,
) -> None:
    runtime.supplier.idempotent = False
    runtime.supplier.verdicts.extend([Accepted("the only one")])
    await lame_jar(runtime)
    await do(runtime, order())
    await runtime.settle()
    assert [name for name, _ in await runtime.kept()] == ["shelf.supply.v1"]
    assert await results(runtime) == []
    await mend(runtime)
    assert await runtime.kept() == []
    assert await results(runtime) == [Result.ACCEPTED]
    assert len(runtime.supplier.keys) == 1


async def test_a_deferral_that_fails_by_a_bug_is_made_again_after_the_mend_when_its_time_has_come(
    runtime: Runtime,
) -> None:
    runtime.supplier.verdicts.append(Deferred("busy", "come back", after=600.0))
    await lame_jar(runtime)
    await do(runtime, order())
    await runtime.settle()
    runtime.clock.advance(HOUR)
    await mend(runtime)
    await runtime.settle()
    assert await results(runtime) == [Result.DEFERRED, Result.ACCEPTED]
    assert len(runtime.supplier.keys) == 2


async def stumble() -> None:
    raise ZeroDivisionError


BY_WORKERS = pytest.mark.parametrize(
    ("runtime", "idempotent"),
    [("embedded", True), ("embedded", False), pytest.param("kafka", False, marks=pytest.mark.kafka)],
    indirect=["runtime"],
)
"""The runtimes whose calls are made by workers; the model in memory lets through what a performer raises."""


@BY_WORKERS
async def test_what_raises_before_its_call_is_kept_and_the_call_is_made_once_after_the_mend(
    runtime: Runtime, idempotent: bool
) -> None:
    runtime.supplier.idempotent = idempotent
    runtime.supplier.meanwhile.extend([stumble, stumble])
    await do(runtime, order())
    await runtime.settle()
    assert await runtime.kept() == [("shelf.supply.v1", "the task raised ZeroDivisionError")]
    await runtime.retry()
    await runtime.settle()
    assert len(await runtime.kept()) == 1
    assert runtime.supplier.keys == []
    await runtime.retry()
    await runtime.settle()
    assert await runtime.kept() == []
    assert await results(runtime) == [Result.ACCEPTED]
    assert len(runtime.supplier.keys) == 1


@BY_WORKERS
async def test_what_raises_after_its_call_began_is_kept_and_called_again_only_where_repeats_are_recognised(
    runtime: Runtime, idempotent: bool
) -> None:
    runtime.supplier.idempotent = idempotent
    with patch.object(runtime.supplier, "answer", side_effect=ZeroDivisionError) as answer:
        await do(runtime, order())
        await runtime.settle()
    assert await runtime.kept() == [("shelf.supply.v1", "the task raised ZeroDivisionError")]
    await runtime.retry()
    await runtime.settle()
    assert await runtime.kept() == []
    assert await results(runtime) == [Result.ACCEPTED if idempotent else Result.UNCONFIRMED]
    assert (answer.call_count, len(runtime.supplier.keys)) == (1, int(idempotent))


async def test_a_kept_task_can_be_withdrawn(runtime: Runtime) -> None:
    await lame_jar(runtime)
    await do(runtime, order())
    await runtime.settle()
    await do(runtime, call_off())
    assert await runtime.kept() == []
    await mend(runtime)
    assert await results(runtime) == []

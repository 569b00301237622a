"""Contract of the bound on sizes: what the log cannot hold is refused once, and never tried for ever."""

from __future__ import annotations

import pytest

from domain.messages import Command
from streams.core.calls import Accepted
from streams.core.envelope import LARGEST_BYTES, Status
from streams.core.refusals import TooLarge
from tests.contract.runtimes import START, Runtime, do, fill, open_jar
from tests.contract.shelf import FillJar, JarSupplied, OrderFilling

LARGE = "x" * LARGEST_BYTES


async def refused(runtime: Runtime, command: Command) -> str:
    """The name under which a command is refused: before it is sent, or by its outcome."""
    try:
        outcome = await do(runtime, command)
    except TooLarge as refusal:
        return refusal.name
    assert outcome.status is Status.REFUSED
    assert outcome.problem is not None
    return outcome.problem.type


@pytest.mark.parametrize(
    "command",
    [FillJar(at=START, jar=LARGE, owner="ada", grams=1), open_jar(note=LARGE[: LARGEST_BYTES * 3 // 4])],
    ids=["as it stands", "once encrypted"],
)
async def test_what_a_record_cannot_hold_is_refused_and_blocks_nobody(runtime: Runtime, command: Command) -> None:
    assert await refused(runtime, command) == "headwater.too_large"
    assert (await do(runtime, fill(1))).status is Status.ACCEPTED


async def test_an_answer_that_no_record_can_hold_is_a_rejection_and_the_call_is_made_once(runtime: Runtime) -> None:
    runtime.supplier.verdicts.append(Accepted("one", {"text": LARGE}))
    ordered = await do(runtime, OrderFilling(at=START, jar="plums", owner="ada", grams=1))
    assert ordered.status is Status.ACCEPTED
    await runtime.settle()
    await runtime.settle()
    assert len(runtime.supplier.keys) == 1
    supplied = [one.data for one in await runtime.journal() if one.name == JarSupplied.name]
    assert [b"rejected" in data for data in supplied] == [True]

"""Contract of erasure: every runtime seals personal values and loses them once the person is erased."""

from __future__ import annotations

from collections import Counter
from uuid import uuid4

import pytest

from streams.core.envelope import Status
from streams.core.wiring import EraseSubject, SubjectErased
from tests.contract.runtimes import START, Runtime, do, fill, open_jar
from tests.contract.shelf import JarLent, JarOpened, LendJar, PassJar


async def test_personal_values_are_not_in_the_log_in_clear(runtime: Runtime) -> None:
    await do(runtime, open_jar(note="for my aunt Agatha"))
    assert all(b"Agatha" not in record.data for record in await runtime.journal())


async def test_an_erased_person_s_values_are_gone_while_the_facts_remain(runtime: Runtime) -> None:
    opening = uuid4()
    await do(runtime, open_jar(note="for my aunt Agatha"), command_id=opening)
    await do(runtime, EraseSubject(at=START, partition_key="ada", erased="shelf:ada"))
    outcome = await runtime.outcome(opening)
    assert outcome is not None
    assert outcome.only(JarOpened).note is None
    refused = await do(runtime, open_jar("pears", note="again"))
    assert refused.problem is not None
    assert refused.problem.type == "headwater.subject_was_erased"
    assert (await do(runtime, fill(5))).status is Status.ACCEPTED


def lend(borrower: str, jar: str = "plums", owner: str = "ada") -> LendJar:
    return LendJar(at=START, jar=jar, owner=owner, borrower=borrower, address="12 Orchard Lane")


def erase(key: str, subject: str = "shelf:bob") -> EraseSubject:
    return EraseSubject(at=START, partition_key=key, erased=subject)


async def reachable(runtime: Runtime, jar: str = "plums", owner: str = "ada") -> bool:
    """Whether the writer still knows where a jar that is lent is."""
    refused = await do(runtime, lend("carl", jar, owner))
    assert refused.problem is not None
    return bool(refused.problem.details["reachable"])


async def test_a_person_is_erased_under_every_key_that_has_records_about_them(runtime: Runtime) -> None:
    await do(runtime, lend("bob"))
    await do(runtime, lend("bob", "pears", owner="eve"))
    for key in ("bob", "ada", "ada"):
        assert (await do(runtime, erase(key))).status is Status.ACCEPTED
    assert not await reachable(runtime)
    streams = Counter(r.stream for r in await runtime.journal() if r.name == SubjectErased.name)
    assert streams == {"subject/shelf:bob": 1, "subject/shelf:bob@ada": 2}
    assert (await do(runtime, erase("eve"))).status is Status.ACCEPTED
    assert not await reachable(runtime, "pears", owner="eve")


async def test_who_is_erased_under_one_key_leaves_the_states_of_others_alone(runtime: Runtime) -> None:
    await do(runtime, lend("bob"))
    await do(runtime, lend("dan", "pears", owner="eve"))
    await do(runtime, erase("ada"))
    assert not await reachable(runtime)
    assert await reachable(runtime, "pears", owner="eve")


async def test_an_erased_person_named_by_another_is_recorded_without_their_values(runtime: Runtime) -> None:
    await do(runtime, erase("ada"))
    passed = await do(runtime, PassJar(at=START, jar="plums", owner="ada", borrower="bob", address="12 Orchard Lane"))
    assert passed.only(JarLent).address is None
    assert not await reachable(runtime)


@pytest.mark.parametrize("subject", ["shelf:bob@ada", "shelf:bob%40ada"])
async def test_no_two_erasures_under_different_keys_share_a_stream(runtime: Runtime, subject: str) -> None:
    for erasure in (erase("ada"), erase("bob@ada", subject), erase("bob%40ada", subject), erase("x", subject)):
        assert (await do(runtime, erasure)).status is Status.ACCEPTED
    erasures = [r for r in await runtime.journal() if r.name == SubjectErased.name]
    assert len({(r.stream, r.key) for r in erasures}) == len({r.stream for r in erasures}) == 4

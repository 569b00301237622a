"""Limits, wherever requests are counted: in one process, or in the database that API nodes share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from math import ceil
from time import time

import pytest

from api.counters import SWEEP_SECONDS, Counters, InProcessCounters, SharedCounters
from api.errors import ApiError
from api.limits import Counted, Limiter
from streams.core.clock import ManualClock
from streams.postgres.database import connect_plain
from streams.postgres.installation import prepare

MOMENT = datetime(2026, 1, 5, 9, tzinfo=UTC)
Headers = dict[str, str]
KINDS = pytest.mark.parametrize("sliding", [False, True], ids=["fixed", "sliding"])

LOSE = """
    select pg_terminate_backend(pid, 5000) from pg_stat_activity
     where datname = current_database() and application_name = 'headwater limits'
"""


@pytest.fixture
def shared(database: str) -> str:
    """A database with the engine's tables."""
    with connect_plain(database) as connection:
        prepare(connection, [], 1)
    return database


@pytest.fixture(params=["in process", "shared"])
async def counts(request: pytest.FixtureRequest) -> AsyncIterator[Counters]:
    made = InProcessCounters() if request.param == "in process" else SharedCounters(request.getfixturevalue("shared"))
    async with made.running():
        yield made


@asynccontextmanager
async def nodes(dsn: str, limit: str, sliding: bool, number: int = 2) -> AsyncIterator[list[Limiter]]:
    """What so many API nodes limit requests with."""
    async with AsyncExitStack() as stack:
        limiters = []
        for counts in [SharedCounters(dsn) for _ in range(number)]:
            await stack.enter_async_context(counts.running())
            limiters.append(limited(counts, limit, sliding))
        yield limiters


def limited(counts: Counters, limit: str, sliding: bool) -> Limiter:
    return Limiter(counts, "gccp", {"generate": limit, "retry": limit}, sliding=sliding)


async def hit(limiter: Limiter, subject: str = "u", class_: str = "generate", **raised: str) -> tuple[bool, Headers]:
    """Whether the request was let through, and its headers."""
    try:
        return True, await limiter.hit(subject, class_, raised)
    except ApiError as refused:
        return refused.status != 429, refused.headers


async def until_let_through(limiter: Limiter) -> None:
    async with asyncio.timeout(60):
        while not (await hit(limiter))[0]:
            await asyncio.sleep(0.01)


@KINDS
async def test_the_last_request_of_a_window_passes_and_one_more_is_told_when_to_come_back(
    counts: Counters, sliding: bool
) -> None:
    limiter, began = limited(counts, "3/minute", sliding), time()
    answers = [await hit(limiter) for _ in range(4)]
    assert [passed for passed, _ in answers] == [True, True, True, False]
    assert ["Retry-After" in headers for _, headers in answers] == [False, False, False, True]
    wait = int(answers[-1][1]["Retry-After"])
    assert began + 60 - time() <= wait <= 60


@KINDS
async def test_every_answer_says_where_its_caller_stands(counts: Counters, sliding: bool) -> None:
    limiter, began = limited(counts, "3/minute", sliding), time()
    told = [(await hit(limiter))[1] for _ in range(5)]
    assert {headers["X-RateLimit-Limit"] for headers in told} == {"3"}
    assert [headers["X-RateLimit-Remaining"] for headers in told] == ["2", "1", "0", "0", "0"]
    resets = {int(headers["X-RateLimit-Reset"]) for headers in told}
    assert len(resets) == 1
    assert ceil(began + 60) <= resets.pop() <= ceil(time() + 60)


@KINDS
async def test_looking_counts_nothing(counts: Counters, sliding: bool) -> None:
    limiter = limited(counts, "3/minute", sliding)
    assert (await limiter.headers("u", "generate", {}))["X-RateLimit-Remaining"] == "3"
    _, headers = await hit(limiter)
    assert await limiter.headers("u", "generate", {}) == headers
    assert await limiter.headers("u", "generate", {}) == headers


@KINDS
async def test_callers_and_classes_are_counted_apart_and_a_token_may_raise_its_limit(
    counts: Counters, sliding: bool
) -> None:
    limiter = limited(counts, "1/minute", sliding)
    assert (await hit(limiter))[0]
    assert (await hit(limiter, "another"))[0]
    assert (await hit(limiter, class_="retry"))[0]
    assert not (await hit(limiter))[0]
    assert (await hit(limiter, generate="5/hour"))[1]["X-RateLimit-Remaining"] == "4"


@KINDS
async def test_a_window_that_has_ended_lets_through_again(counts: Counters, sliding: bool) -> None:
    limiter, began = limited(counts, "1/second", sliding), time()
    assert (await hit(limiter))[0]
    await until_let_through(limiter)
    assert time() - began >= 1


async def test_no_stretch_as_long_as_a_sliding_window_holds_more(counts: Counters) -> None:
    limiter, began = limited(counts, "2/second", sliding=True), time()
    assert (await hit(limiter))[0]
    while time() < began + 0.6:
        await asyncio.sleep(0.01)
    second = time()
    assert (await hit(limiter))[0]
    await until_let_through(limiter)
    await until_let_through(limiter)
    assert time() - second >= 1


async def test_a_fixed_window_counts_what_it_refuses_and_still_ends(counts: Counters) -> None:
    limiter = limited(counts, "1/second", sliding=False)
    resets = {(await hit(limiter))[1]["X-RateLimit-Reset"] for _ in range(20)}
    assert len(resets) == 1
    await until_let_through(limiter)


@KINDS
async def test_nodes_on_one_database_share_their_counts(shared: str, sliding: bool) -> None:
    async with nodes(shared, "4/minute", sliding) as (one, other):
        left = [(await hit(node))[1]["X-RateLimit-Remaining"] for node in (one, other, other, one)]
        assert left == ["3", "2", "1", "0"]
        assert not (await hit(one))[0]
        assert await one.headers("u", "generate", {}) == await other.headers("u", "generate", {})


@KINDS
async def test_however_many_ask_two_nodes_at_once_no_more_than_the_limit_pass(shared: str, sliding: bool) -> None:
    async with nodes(shared, "50/minute", sliding) as limiters:
        answers = await asyncio.gather(*(hit(limiter) for _ in range(100) for limiter in limiters))
    passed = [int(headers["X-RateLimit-Remaining"]) for passed, headers in answers if passed]
    assert sorted(passed) == list(range(50))


@KINDS
async def test_a_node_whose_clock_is_wrong_goes_by_the_databases(
    shared: str, sliding: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with nodes(shared, "1/minute", sliding, 1) as (limiter,):
        began = time()
        monkeypatch.setattr("time.time", lambda: began - 86_400)
        await hit(limiter)
        _, headers = await hit(limiter)
    assert int(headers["Retry-After"]) <= 60
    assert began + 60 <= int(headers["X-RateLimit-Reset"])


async def test_a_connection_that_was_lost_while_idle_refuses_nobody(shared: str) -> None:
    async with nodes(shared, "10/minute", False, 1) as (limiter,):
        await hit(limiter)
        with connect_plain(shared) as connection:
            connection.execute(LOSE)
        assert (await hit(limiter))[1]["X-RateLimit-Remaining"] == "8"


async def test_the_database_remembers_the_moments_only_of_what_passed(shared: str) -> None:
    async with nodes(shared, "2/minute", True, 1) as (limiter,):
        for _ in range(5):
            await hit(limiter)
    with connect_plain(shared) as connection:
        assert connection.execute("select cardinality(moments) from headwater.rate_windows").fetchall() == [(2,)]


@KINDS
async def test_the_database_forgets_windows_that_have_ended(shared: str, sliding: bool) -> None:
    with connect_plain(shared) as connection:
        async with nodes(shared, "1/second", sliding) as (one, other):
            await hit(one, "early")
            async with asyncio.timeout(60):
                ended = "select ends_at < now() from headwater.rate_windows"
                while connection.execute(ended).fetchone() != (True,):
                    await asyncio.sleep(0.01)
            await hit(other, "late")
        keys = connection.execute("select key from headwater.rate_windows").fetchall()
    assert [key for (key,) in keys] == ["LIMITER/gccp/generate/late/1/1/second"]


@KINDS
async def test_memory_forgets_windows_that_have_ended(sliding: bool) -> None:
    clock = ManualClock(MOMENT)
    counts = InProcessCounters(clock.now)
    limiter = limited(counts, "5/minute", sliding)
    for n in range(30):
        await hit(limiter, f"early {n}")
    clock.advance(timedelta(seconds=SWEEP_SECONDS + 1))
    await hit(limiter, "late")
    assert {*counts._fixed, *counts._sliding} == {"LIMITER/gccp/generate/late/5/1/minute"}


async def test_memory_holds_no_more_moments_than_the_limit() -> None:
    clock = ManualClock(MOMENT)
    counts = InProcessCounters(clock.now)
    limiter = limited(counts, "2/second", sliding=True)
    for _ in range(20):
        assert (await hit(limiter))[0]
        clock.advance(timedelta(seconds=0.6))
    assert [len(times) for _, times in counts._sliding.values()] == [2]


@KINDS
@pytest.mark.parametrize("kind", ["in process", "shared"])
async def test_windows_end_by_a_manual_clock_where_there_is_one(kind: str, sliding: bool, shared: str) -> None:
    clock = ManualClock(MOMENT)
    counts: Counters = InProcessCounters(clock.now) if kind == "in process" else SharedCounters(shared, clock.now)
    limiter = limited(counts, "1/minute", sliding)
    async with counts.running():
        _, headers = await hit(limiter)
        assert int(headers["X-RateLimit-Reset"]) == int((MOMENT + timedelta(minutes=1)).timestamp())
        assert not (await hit(limiter))[0]
        clock.advance(timedelta(seconds=59))
        refused, headers = await hit(limiter)
        assert (refused, headers["Retry-After"]) == (False, "1")
        assert (await limiter.headers("u", "generate", {}))["X-RateLimit-Remaining"] == "0"
        clock.advance(timedelta(seconds=1))
        assert (await limiter.headers("u", "generate", {}))["X-RateLimit-Remaining"] == "1"
        assert (await hit(limiter))[0]


async def test_a_subject_an_address_and_a_thing_of_one_name_are_counted_apart(counts: Counters) -> None:
    limiter = limited(counts, "1/minute", sliding=False)
    kinds: tuple[Counted, ...] = ("subject", "address", "thing")
    for by in kinds:
        await limiter.hit("192.0.2.1", "generate", {}, by)
    for by in kinds:
        with pytest.raises(ApiError):
            await limiter.hit("192.0.2.1", "generate", {}, by)

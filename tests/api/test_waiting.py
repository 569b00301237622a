"""Requests that wait for an outside call: answered with its answer, or with where to look for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import psycopg
import pytest

import bootstrap
from api.streaming import watch
from streams.core.commits import Commits
from streams.core.gateway import Pending
from streams.embedded.gateway import EmbeddedGateway
from tests.api.book_club import MOUNT, Patience, Waits, club
from tests.api.book_club_context import NAME, Library
from tests.api.product import PATIENCE_SECONDS, Served

FOLLOWED = pytest.mark.parametrize("path", ["/api/books", "/api/searches"], ids=["a row", "a stream"])


@pytest.fixture(scope="module")
def product() -> Iterator[Served]:
    with club() as served:
        yield served


def key(product: Served) -> str:
    tokens = bootstrap.tokens(product.settings, NAME)
    return tokens.issue("ana", ["write"], datetime.now(UTC), timedelta(hours=1), {}, tier="premium")


def ask(product: Served, path: str, title: str, **headers: str) -> httpx2.Response:
    return product.http.post(f"/{MOUNT}{path}", json={"title": title}, headers={"X-API-Key": key(product)} | headers)


def open_library(product: Served, opened: bool) -> None:
    library = Library.last
    product.loop.call_soon_threadsafe(library.open.set if opened else library.open.clear)


@contextmanager
def closed(product: Served) -> Iterator[None]:
    """The library takes requests and answers none of them until the block is left."""
    open_library(product, False)
    try:
        yield
    finally:
        open_library(product, True)


def waiting(product: Served) -> int:
    """How many requests wait."""
    waits = product.own(NAME, Waits)
    return len(waits.books._waiting) + len(waits.streams._waiting)


@contextmanager
def asking(product: Served, path: str, title: str) -> Iterator[Future[httpx2.Response]]:
    """A request that waits for the library, which is closed until the block is left."""
    with ThreadPoolExecutor(1) as thread, closed(product):
        answer = thread.submit(ask, product, path, title)
        product.wait(lambda: waiting(product) == 1, "no request waits")
        yield answer


@FOLLOWED
def test_a_request_is_answered_with_the_answer_of_the_outside_call(product: Served, path: str) -> None:
    title, again = f"Emma {path}", {"Idempotency-Key": f"emma {path}"}
    answers = [ask(product, path, title, **again) for _ in range(2)]
    assert [answer.json() for answer in answers] == [{"title": title, "shelf": f"shelf of {title}"}] * 2
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None, "true"]


@FOLLOWED
def test_an_answer_that_takes_too_long_is_found_later(
    product: Served, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Patience, "seconds", 0.2)
    title, again = f"Persuasion {path}", {"Idempotency-Key": f"persuasion {path}"}
    with closed(product):
        pending = ask(product, path, title, **again)
    assert (pending.status_code, pending.json()) == (202, {"status": "pending"})
    where = pending.headers["Location"]
    assert where.startswith(f"/{MOUNT}/outcomes/")
    assert pending.headers["Retry-After"] == "1"
    assert "Headwater-Position" in pending.headers
    outcome = product.http.get(where, headers={"X-API-Key": key(product)})
    assert (outcome.status_code, outcome.json()["status"]) == (200, "accepted")
    monkeypatch.setattr(Patience, "seconds", PATIENCE_SECONDS)
    assert ask(product, path, title, **again).json()["shelf"] == f"shelf of {title}"


@FOLLOWED
def test_a_request_is_woken_by_the_commit_it_waits_for(
    product: Served, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "UNANNOUNCED_SECONDS", 10 * PATIENCE_SECONDS)
    monkeypatch.setattr(Patience, "seconds", PATIENCE_SECONDS)
    with asking(product, path, f"Sanditon {path}") as answer:
        assert not answer.done()
    assert answer.result().status_code == 200


def test_an_announcement_that_is_lost_delays_an_answer_and_no_more(
    product: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Patience, "seconds", PATIENCE_SECONDS)
    with monkeypatch.context() as silence, asking(product, "/api/books", "Lady Susan") as answer:
        silence.setattr(Commits, "announce", lambda _: None)
        open_library(product, True)
        assert answer.result(PATIENCE_SECONDS).status_code == 200


def test_a_refused_command_is_answered_at_once(product: Served) -> None:
    refused = ask(product, "/api/books", "unwanted")
    assert (refused.status_code, refused.json()) == (400, {"error": "the club does not read that"})
    assert waiting(product) == 0


def test_an_outcome_that_is_not_visible_yet_ends_no_wait(product: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    decide = EmbeddedGateway.submit

    async def submit(self: EmbeddedGateway, envelope: Any, timeout_seconds: float) -> Any:
        outcome = await decide(self, envelope, timeout_seconds)
        raise Pending(outcome.command_id)

    with monkeypatch.context() as later:
        later.setattr(EmbeddedGateway, "submit", submit)
        later.setattr(Patience, "seconds", 0.5)
        with closed(product):
            pending = ask(product, "/api/books", "Pending")
        assert (pending.status_code, pending.json()) == (202, {"status": "pending"})
    assert ask(product, "/api/books", "Pending").status_code == 200


def test_a_caller_who_leaves_is_waited_for_no_longer(product: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Patience, "seconds", 10 * PATIENCE_SECONDS)
    with closed(product), httpx2.Client(base_url=product.root, timeout=1.0, verify=False) as client:
        with pytest.raises(httpx2.ReadTimeout):
            client.post(f"/{MOUNT}/api/books", json={"title": "Volume"}, headers={"X-API-Key": key(product)})
        product.wait(lambda: waiting(product) == 0, "it is still waited for")


async def test_a_database_that_is_away_is_asked_again(product: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "AWAY_SECONDS", 0.01)
    asked = 0

    async def look(_connection: Any) -> str | None:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise psycopg.OperationalError("away")
        return "found"

    async def find() -> str | None:
        return await product.own(NAME, Waits).books.until("any", look, PATIENCE_SECONDS)

    future = asyncio.run_coroutine_threadsafe(find(), product.loop)
    assert await asyncio.wrap_future(future) == "found"
    assert asked == 2

"""Limits of a surface with tiers: counted for each key, in windows that begin with the first request; told always."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

import bootstrap
from tests.api.book_club import MOUNT, club
from tests.api.book_club_context import NAME
from tests.api.product import Served

NAMES = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def product() -> Iterator[Served]:
    with club() as served:
        yield served


def key(product: Served, tier: str = "", limits: dict[str, str] | None = None, scope: str = "read") -> dict[str, str]:
    """The header with a new key of one caller."""
    tokens = bootstrap.tokens(product.settings, NAME)
    now = datetime.now(UTC)
    return {"X-API-Key": tokens.issue("ana", [scope], now, timedelta(hours=1), limits or {}, tier=tier)}


def asked(product: Served, headers: dict[str, str], path: str = "/api/caller", method: str = "GET") -> httpx2.Response:
    return product.http.request(method, f"/{MOUNT}{path}", headers=headers)


def remaining(answer: httpx2.Response) -> tuple[int, int]:
    return int(answer.headers["X-RateLimit-Limit"]), int(answer.headers["X-RateLimit-Remaining"])


@pytest.mark.parametrize(
    ("tier", "limits", "most"),
    [
        ("", {}, 4),
        ("basic", {}, 4),
        ("standard", {}, 6),
        ("premium", {}, 1000),
        ("gone", {}, 4),
        ("standard", {"general": "9/minute"}, 9),
    ],
)
def test_a_key_has_the_limit_of_its_tier_unless_it_names_its_own(
    product: Served, tier: str, limits: dict[str, str], most: int
) -> None:
    assert remaining(asked(product, key(product, tier, limits))) == (most, most - 1)


def test_two_keys_of_one_caller_are_counted_apart(product: Served) -> None:
    one, other = key(product), key(product)
    assert [remaining(asked(product, headers))[1] for headers in (one, one, other, one)] == [3, 2, 3, 1]


def test_a_window_begins_with_the_first_request_and_counts_what_it_refuses(product: Served) -> None:
    headers = key(product)
    product.advance(timedelta(seconds=17))
    begun = int(product.clock.now().timestamp())
    answers = []
    for _ in range(6):
        answers.append(asked(product, headers))
        product.advance(timedelta(seconds=9))
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429, 429]
    assert {int(answer.headers["X-RateLimit-Reset"]) for answer in answers} == {begun + 60}
    assert (remaining(answers[-1]), answers[-1].headers["Retry-After"]) == ((4, 0), "15")
    product.advance(timedelta(seconds=6))
    assert remaining(asked(product, headers)) == (4, 3)


def test_what_lacks_a_scope_or_fails_is_counted_too(product: Served) -> None:
    headers = key(product)
    answers = [asked(product, headers, path) for path in ("/api/rules", "/api/broken", "/api/books/none")]
    assert [answer.status_code for answer in answers] == [403, 500, 404]
    assert [remaining(answer)[1] for answer in answers] == [3, 2, 1]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", 200),
        ("HEAD", "/health", 200),
        ("GET", "/api/caller", 401),
        ("GET", "/nowhere", 404),
        ("DELETE", "/api/caller", 405),
        ("GET", "/openapi.json", 200),
        ("GET", "/docs", 200),
    ],
)
def test_what_is_not_counted_shows_the_first_tier_untouched(
    product: Served, method: str, path: str, status: int
) -> None:
    answer = [asked(product, {}, path, method) for _ in range(6)][-1]
    assert answer.status_code == status
    assert remaining(answer) == (4, 4)
    assert int(answer.headers["X-RateLimit-Reset"]) == int((product.clock.now() + MINUTE).timestamp())


def test_a_body_that_is_too_large_and_a_wrong_key_show_it_as_well(product: Served) -> None:
    large = product.http.post(f"/{MOUNT}/api/wishes", headers=key(product, scope="write"), content=b" " * 2_000_000)
    wrong = asked(product, {"X-API-Key": "wrong"})
    assert [answer.status_code for answer in (large, wrong)] == [413, 401]
    assert [remaining(answer) for answer in (large, wrong)] == [(4, 4), (4, 4)]


def test_an_answer_has_each_header_once(product: Served) -> None:
    for path in ("/health", "/api/caller"):
        answer = asked(product, key(product), path)
        assert [len(answer.headers.get_list(name)) for name in NAMES] == [1, 1, 1]


def test_surfaces_without_tiers_tell_only_those_whose_requests_they_count(product: Served) -> None:
    assert "X-RateLimit-Limit" not in product.http.get("/communication/api/communication/health").headers
    assert "X-RateLimit-Limit" not in product.http.get("/gccp/api/generations").headers

"""What a page in a browser meets at this surface, and what every answer says of its caller's limit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx2
import pytest

import bootstrap
from tests.api.content_generator.live_product import SURFACE, Live

MOUNT = "/content-generator"
PAGE = {"Origin": "https://app.example.com"}
LIMITS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
MINUTE = timedelta(minutes=1)


def key(live: Live, tier: str = "", scope: str = "write") -> dict[str, str]:
    """The header with a new key of a tier, whose requests nobody has counted yet."""
    tokens = bootstrap.tokens(live.settings, SURFACE)
    token = tokens.issue("ana", [scope], datetime.now(UTC), timedelta(hours=1), {}, tier=tier)
    return live.presenting(SURFACE, token)


def asked(live: Live, path: str, headers: dict[str, str], method: str = "GET", body: object = None) -> httpx2.Response:
    return live.http.request(method, f"{MOUNT}{path}", headers=PAGE | headers, json=body)


def limit(answer: httpx2.Response) -> tuple[int, int]:
    return int(answer.headers[LIMITS[0]]), int(answer.headers[LIMITS[1]])


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/v2/content/sync"), ("GET", "/api/v2/jobs/sync-job-123"), ("POST", "/api/v1/newsletter/send")],
)
def test_a_preflight_of_the_javascript_client_is_answered_without_a_key(live: Live, method: str, path: str) -> None:
    wanted = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "content-type,x-api-key"}
    answer = [asked(live, path, wanted, "OPTIONS") for _ in range(2)][-1]
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")
    assert method in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Headers"] == "content-type,x-api-key"
    assert limit(answer) == (100, 100)


@pytest.mark.parametrize(
    ("method", "path", "scope", "status"),
    [
        ("GET", "/health", None, 200),
        ("GET", "/ready", None, 200),
        ("GET", "/api/v2/metrics", "read", 200),
        ("GET", "/api/v2/jobs", None, 401),
        ("POST", "/api/v2/content/sync", "read", 403),
        ("POST", "/api/v2/content/sync", "write", 400),
        ("GET", "/api/v2/jobs/sync-job-none", "read", 404),
        ("DELETE", "/api/v2/jobs", "read", 405),
        ("GET", "/nowhere", "read", 404),
    ],
)
def test_a_page_reads_every_answer_and_the_limits_in_it(
    live: Live, method: str, path: str, scope: str | None, status: int
) -> None:
    answer = asked(live, path, key(live, scope=scope) if scope else {}, method, {} if method == "POST" else None)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, "*")
    assert set(LIMITS) <= set(answer.headers["Access-Control-Expose-Headers"].split(", "))
    assert [len(answer.headers.get_list(name)) for name in LIMITS] == [1, 1, 1]
    assert int(answer.headers[LIMITS[0]]) == 100


@pytest.mark.parametrize(("tier", "most"), [("", 100), ("basic", 100), ("standard", 500), ("premium", 1000)])
def test_a_key_has_the_documented_limit_of_its_tier(live: Live, tier: str, most: int) -> None:
    assert limit(asked(live, "/api/v2/metrics", key(live, tier))) == (most, most - 1)


def test_request_number_101_of_a_minute_is_refused_in_words_that_a_page_can_read(live: Live) -> None:
    headers = key(live)
    begun = int(live.clock.now().timestamp())
    answers = [asked(live, "/api/v2/metrics", headers) for _ in range(101)]
    assert [answer.status_code for answer in answers] == [200] * 100 + [429]
    refused = answers[-1]
    assert refused.json() == {
        "error": "rate_limit_exceeded",
        "message": "API rate limit exceeded",
        "retry_after": 60,
    }
    assert (limit(refused), refused.headers["Retry-After"]) == ((100, 0), "60")
    assert int(refused.headers[LIMITS[2]]) == begun + 60
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    live.advance(MINUTE)
    assert limit(asked(live, "/api/v2/metrics", headers)) == (100, 99)

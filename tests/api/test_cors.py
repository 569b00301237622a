"""Requests by pages of other origins: let through where a surface says so, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest
from pydantic import ValidationError

from settings import Settings
from tests.api.book_club import MOUNT, club
from tests.api.product import Served

PAGE = "https://app.example.com"
PREFLIGHT = {
    "Origin": PAGE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "x-api-key,content-type,idempotency-key",
}


@pytest.fixture(scope="module")
def product() -> Iterator[Served]:
    with club() as served:
        yield served


@pytest.fixture(scope="module")
def choosy() -> Iterator[Served]:
    """The product where pages of two origins are let through."""
    with club({"HEADWATER_CORS_ORIGINS": f"{PAGE}, https://other.example.com:8443"}) as served:
        yield served


def preflight(product: Served, path: str = "/api/wishes", **headers: str) -> httpx2.Response:
    return product.http.request("OPTIONS", f"/{MOUNT}{path}", headers=PREFLIGHT | headers)


def test_a_preflight_is_answered_without_a_key_and_is_not_counted(product: Served) -> None:
    answer = [preflight(product) for _ in range(6)][-1]
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Headers"] == PREFLIGHT["Access-Control-Request-Headers"]
    assert (answer.headers["X-RateLimit-Limit"], answer.headers["X-RateLimit-Remaining"]) == ("4", "4")


@pytest.mark.parametrize(("path", "status"), [("/health", 200), ("/api/caller", 401), ("/nowhere", 404)])
def test_a_page_may_read_every_answer_and_its_headers_of_limits(product: Served, path: str, status: int) -> None:
    answer = product.http.get(f"/{MOUNT}{path}", headers={"Origin": PAGE})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, "*")
    exposed = answer.headers["Access-Control-Expose-Headers"]
    assert {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} <= set(exposed.split(", "))
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_only_pages_of_origins_that_are_named_are_let_through(choosy: Served) -> None:
    assert preflight(choosy).headers["Access-Control-Allow-Origin"] == PAGE
    refused = preflight(choosy, Origin="https://evil.example.com")
    assert (refused.status_code, "Access-Control-Allow-Origin" in refused.headers) == (400, False)
    for origin, allowed in ((PAGE, PAGE), ("https://evil.example.com", None), ("null", None)):
        answer = choosy.http.get(f"/{MOUNT}/health", headers={"Origin": origin})
        assert (answer.status_code, answer.headers.get("Access-Control-Allow-Origin")) == (200, allowed)
        assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize("path", ["/communication/api/communication/health", "/gccp/api/generations"])
def test_surfaces_that_do_not_say_so_let_no_page_through(product: Served, path: str) -> None:
    assert product.http.request("OPTIONS", path, headers=PREFLIGHT).status_code == 405
    answer = product.http.get(path, headers={"Origin": PAGE})
    assert [name for name in answer.headers if name.startswith("access-control")] == []


@pytest.mark.parametrize("value", ["app.example.com", "https://a.example.com/path", "https://a.example.com/", ","])
def test_what_is_no_origin_is_refused(value: str) -> None:
    with pytest.raises(ValidationError, match="must be \\* or origins"):
        Settings.model_validate({"cors_origins": value})

"""Correlation ids: echoed, made where there is none that is fit, and the name of an unexpected error."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

import bootstrap
from tests.api.book_club import MOUNT, club
from tests.api.book_club_context import NAME
from tests.api.product import Served

HEADER = "X-Correlation-ID"


@pytest.fixture(scope="module")
def product() -> Iterator[Served]:
    with club() as served:
        yield served


def echoed(product: Served, given: str | None, path: str = "/health") -> str:
    headers = {} if given is None else {HEADER.encode(): given.encode("latin-1")}
    (found,) = product.http.get(f"/{MOUNT}{path}", headers=headers).headers.get_list(HEADER)
    return str(found)


@pytest.mark.parametrize("given", ["order-1", "a b~!", "x" * 128])
@pytest.mark.parametrize("path", ["/health", "/api/caller", "/nowhere"])
def test_what_a_caller_gives_is_echoed(product: Served, given: str, path: str) -> None:
    assert echoed(product, given, path) == given


@pytest.mark.parametrize("given", [None, "", "x" * 129, "t\tab", "\xe9"])
def test_an_id_is_made_where_none_is_given_that_is_fit(product: Served, given: str | None) -> None:
    made = [echoed(product, given) for _ in range(2)]
    assert UUID(made[0]) != UUID(made[1])


def test_an_unexpected_error_bears_the_id_in_its_answer_and_in_the_log(
    product: Served, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = bootstrap.tokens(product.settings, NAME)
    key = tokens.issue("ana", ["read"], datetime.now(UTC), timedelta(hours=1), {}, tier="premium")
    with caplog.at_level(logging.ERROR):
        answer = product.http.get(f"/{MOUNT}/api/broken", headers={"X-API-Key": key, HEADER: "order-7"})
    assert (answer.status_code, answer.json()["correlation_id"]) == (500, "order-7")
    assert answer.headers[HEADER] == "order-7"
    assert [record for record in caplog.records if "error order-7 in GET" in record.getMessage()] != []


def test_surfaces_that_do_not_ask_for_ids_have_none(product: Served) -> None:
    answer = product.http.get("/communication/api/communication/health", headers={HEADER: "order-1"})
    assert HEADER not in answer.headers

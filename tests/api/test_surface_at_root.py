"""A product's surface at the root of every host (`HEADWATER_ROOT`), as its document's addresses have it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

import bootstrap
from tests.api.book_club import MOUNT, club
from tests.api.book_club_context import NAME
from tests.api.product import Served


@pytest.fixture(scope="module")
def product() -> Iterator[Served]:
    with club({"HEADWATER_ROOT": MOUNT}) as served:
        yield served


def test_every_address_without_its_name_is_the_surfaces(product: Served) -> None:
    tokens = bootstrap.tokens(product.settings, NAME)
    key = {"X-API-Key": tokens.issue("ana", ["write"], datetime.now(UTC), timedelta(hours=1), {}, tier="premium")}
    for root in ("", f"/{MOUNT}"):
        assert product.http.get(f"{root}/health").json() == {"status": "healthy"}
        assert product.http.get(f"{root}/api/caller", headers=key).json()["subject"] == "ana"
        refused = product.http.get(f"{root}/nowhere")
        assert (refused.status_code, refused.json()) == (404, {"error": "Not found"})


def test_one_request_at_both_addresses_is_one_command(product: Served) -> None:
    tokens = bootstrap.tokens(product.settings, NAME)
    key = {"X-API-Key": tokens.issue("ana", ["write"], datetime.now(UTC), timedelta(hours=1), {}, tier="premium")}
    answers = [
        product.http.post(f"{root}/api/wishes", json={"title": "Emma"}, headers=key | {"Idempotency-Key": "one"})
        for root in ("", f"/{MOUNT}")
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert "Idempotency-Replayed" in answers[1].headers


def test_other_surfaces_and_the_status_of_the_process_stay(product: Served) -> None:
    assert product.http.get("/communication/api/communication/health").status_code == 200
    assert product.http.get("/gccp/api/generations").json()["code"] == "UNAUTHORIZED"
    assert product.http.get("/").json()["service"] == "headwater"
    assert "headwater" in product.http.get("/metrics").text

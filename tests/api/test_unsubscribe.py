"""The page behind an unsubscribe link, as any surface has it: looking changes nothing, posting does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streams.core.gateway import Unavailable
from streams.embedded.gateway import EmbeddedGateway
from tests.api.book_club import MOUNT, club
from tests.api.product import Served

VALID, INVALID = f"/{MOUNT}/unsubscribe/valid", f"/{MOUNT}/unsubscribe/cut"
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture(scope="module")
def product() -> Iterator[Served]:
    with club() as served:
        yield served


def test_looking_shows_what_the_link_is_for_and_changes_nothing(product: Served) -> None:
    before = product.recorded()
    for method in ("GET", "HEAD"):
        page = product.http.request(method, VALID)
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "You are about to stop receiving letters on &lt;books&gt; by e-mail." in product.http.get(VALID).text
    assert '<form method="post">' in product.http.get(VALID).text
    assert product.recorded() == before


def test_posting_acts_without_a_key(product: Served) -> None:
    answer = product.http.post(VALID, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert "You will not receive letters on &lt;books&gt; by e-mail any more." in answer.text
    assert product.events("book/unsubscribed")[0] == "book_club.book.asked.v1"
    actors = product.ask("select distinct actor from headwater.journal where key = %s", "unsubscribed")
    assert ("recipient",) in actors


def test_a_link_that_is_not_valid_is_said_in_the_form_that_is_asked_for(product: Served) -> None:
    page, error = product.http.get(INVALID, headers=BROWSER), product.http.get(INVALID)
    assert [page.status_code, error.status_code] == [404, 404]
    assert "Nothing was changed." in page.text
    assert error.json() == {"error": "This link is not valid"}
    assert product.http.post(INVALID, headers=BROWSER).json() == {"error": "This link is not valid"}


def test_while_the_log_is_away_the_recipient_is_asked_to_try_again(
    product: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def submit(*_: object) -> None:
        raise Unavailable("away", maybe_recorded=False)

    monkeypatch.setattr(EmbeddedGateway, "submit", submit)
    answer = product.http.post(VALID)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json() == {"error": "Please try again in a moment"}

"""Newsletters: batches of an audience, reports on them, and links to unsubscribe by."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import httpx2
import pytest

from streams.core.gateway import Unavailable
from streams.embedded.gateway import EmbeddedGateway
from tests.api.content_generator.surface import NAME, signed
from tests.api.content_generator.world import MOUNT, World, subscriber
from tests.api.product import Served, serving
from tests.imitations import failing

LETTER = {"subject": "News", "html_content": "<html><body><p>News</p></body></html>"}


def test_a_batch_that_was_refused_is_sent_by_a_retry_and_no_other_again(here: World) -> None:
    here.crm.subscribers = [subscriber(number) for number in range(1200)]
    here.crm.behave(failing(422))
    sent = here.ok("POST", "/v1/newsletter/send", LETTER)
    assert sent["recipients"] == 1200
    here.product.settle()
    job = here.job(sent["job_id"])
    assert (job["status"], len(job["errors"])) == ("failed", 1)
    assert 0 < len(here.crm.mailed) < 1200
    assert job["results"]["email"]["recipients"] == len(here.crm.mailed)
    assert here.retry(sent["job_id"]) == sent["job_id"]
    job = here.job(sent["job_id"])
    assert (job["status"], job["errors"]) == ("completed", [])
    assert job["results"]["email"]["recipients"] == 1200
    assert sorted(here.crm.mailed) == sorted(one["email"] for one in here.crm.subscribers)
    assert {received.content["batch"] for received in here.crm.journal.received} == {1, 2, 3}


def push(here: World, content: bytes, headers: dict[str, str]) -> int:
    answer = here.product.http.post(f"/{MOUNT}/webhooks/crm", content=content, headers=headers)
    return answer.status_code


def test_a_report_counts_once_and_only_with_its_signature(here: World) -> None:
    sent = here.ok("POST", "/v1/newsletter/send", LETTER)
    here.product.settle()
    report = {"id": "r-1", "event": "opened", "email": "reader1@example.com", "campaign_id": sent["job_id"]}
    content, headers = signed("", [report, {**report, "id": "r-2", "event": "clicked", "url": "https://a.example"}])
    assert push(here, content, headers | {"X-Webhook-Signature": "sha256=" + "0" * 64}) == 401
    assert push(here, content + b" ", headers) == 401
    here.product.settle()
    assert here.ok("GET", f"/v2/analytics/campaigns/{sent['job_id']}")["total_opened"] == 0
    assert [push(here, content, headers), push(here, content, headers)] == [200, 200]
    here.product.settle()
    figures = here.ok("GET", f"/v2/analytics/campaigns/{sent['job_id']}")
    assert (figures["total_opened"], figures["unique_opens"], figures["unique_clicks"]) == (1, 1, 1)
    assert figures["popular_links"] == [{"url": "https://a.example", "clicks": 1}]
    assert (figures["total_delivered"], figures["open_rate"], figures["click_rate"]) == (1, 100.0, 100.0)
    stranger, headers = signed("", {**report, "id": "r-3", "campaign_id": "email-job-nobodys"})
    assert push(here, stranger, headers) == 200
    assert here.ok("GET", "/v2/analytics/recipients/Reader1@Example.com")["engagement_score"] == 100.0


@pytest.fixture(scope="module")
def mailing() -> Iterator[Served]:
    """A product that sends newsletters by its own e-mail connector, into the outbox."""
    with serving(Served, {"HEADWATER_CONTENT_GENERATOR_MAILER": "email"}) as served:
        yield served


def mails(product: Served) -> list[dict[str, str]]:
    """The mails in the outbox, the newest last."""
    files = sorted((product.data / "outbox").glob("email-*.json"), key=lambda file: file.stat().st_mtime_ns)
    return [json.loads(file.read_text()) for file in files]


def send(product: Served) -> None:
    with product.client(NAME, "/api/v1") as client:
        assert client.post("/newsletter/send", json=LETTER).status_code == 200
    product.settle()


def test_who_unsubscribes_by_the_link_of_a_mail_gets_no_other(mailing: Served) -> None:
    send(mailing)
    first = mails(mailing)
    assert {mail["to"].partition("@")[0] for mail in first} == {"ada", "ben", "cleo"}
    ada = next(mail for mail in first if mail["to"].startswith("ada"))
    found = re.search(r"Unsubscribe: (\S+)", ada["text"])
    assert found is not None
    link = found[1]
    assert mailing.http.get(link).status_code == 200
    send(mailing)
    assert len(mails(mailing)) == 6
    assert mailing.http.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    mailing.settle()
    send(mailing)
    last = mails(mailing)[6:]
    assert {mail["to"].partition("@")[0] for mail in last} == {"ben", "cleo"}
    with mailing.client(NAME, "/api/v2") as client:
        assert client.get(f"/analytics/recipients/{ada['to']}").json()["status"] == "unsubscribed"


BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}
APPLE = {"User-Agent": "Mozilla/5.0"}
GMAIL = {"User-Agent": "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"}
SCANNER = {"User-Agent": "Barracuda Sentinel (EE)"}
LINKED = {"subject": "News", "html_content": '<p><a href="https://a.example/?x=1&amp;y=2">News</a></p>'}


class Letter:
    """A newsletter as one of its recipients has it."""

    def __init__(self, product: Served, name: str) -> None:
        self._product = product
        with product.client(NAME, "/api/v1") as client:
            self._campaign = client.post("/newsletter/send", json=LINKED).json()["job_id"]
        product.settle()
        self.html = next(mail["html"] for mail in reversed(mails(product)) if mail["to"].startswith(name))
        self.link = self._address(r'<a href="([^"]+/clicks/[^"]+)"')
        self.pixel = self._address(r'<img src="([^"]+/opens/[^"]+)"')

    def _address(self, pattern: str) -> str:
        found = re.search(pattern, self.html)
        assert found is not None, self.html
        return unescape(found[1])

    def visit(self, address: str, headers: dict[str, str], method: str = "GET") -> httpx2.Response:
        return self._product.http.request(method, address, headers=headers, follow_redirects=False)

    def figures(self) -> dict[str, Any]:
        self._product.settle()
        with self._product.client(NAME, "/api/v2") as client:
            found: dict[str, Any] = client.get(f"/analytics/campaigns/{self._campaign}").json()
        return found


def test_an_open_of_our_own_mail_counts_once_and_one_by_a_machine_apart(mailing: Served) -> None:
    letter = Letter(mailing, "ben")
    for headers in (APPLE, SCANNER, {"User-Agent": ""}):
        picture = letter.visit(letter.pixel, headers)
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/gif")
        assert picture.headers["cache-control"] == "no-store"
    letter.visit(letter.pixel, BROWSER, "HEAD")
    figures = letter.figures()
    assert (figures["total_opened"], figures["unique_opens"], figures["machine_opens"]) == (0, 0, 1)
    assert figures["total_delivered"] == 1
    for headers in (GMAIL, BROWSER, BROWSER):
        assert letter.visit(letter.pixel, headers).status_code == 200
    figures = letter.figures()
    assert (figures["total_opened"], figures["unique_opens"], figures["machine_opens"]) == (1, 1, 1)
    assert figures["open_rate"] == 100.0


def test_a_click_in_our_own_mail_counts_once_and_leads_where_the_mail_said(mailing: Served) -> None:
    letter = Letter(mailing, "ben")
    for headers, clicks in ((SCANNER, 0), (BROWSER, 1), (BROWSER, 1)):
        answer = letter.visit(letter.link, headers)
        assert (answer.status_code, answer.headers["location"]) == (302, "https://a.example/?x=1&y=2")
        assert letter.figures()["total_clicked"] == clicks
    figures = letter.figures()
    assert (figures["total_clicked"], figures["unique_clicks"], figures["click_rate"]) == (1, 1, 100.0)
    assert figures["popular_links"] == [{"url": "https://a.example/?x=1&y=2", "clicks": 1}]
    assert (figures["unsubscribe_rate"], figures["total_opened"]) == (0.0, 0)


def test_an_address_that_we_have_not_made_leads_nowhere(mailing: Served) -> None:
    letter = Letter(mailing, "ben")
    token = letter.link.rpartition("/")[2]
    for path in (f"clicks/{token[:-4]}", f"clicks/x{token}", f"opens/{token}", f"unsubscribe/{token}", "clicks/%00"):
        answer = letter.visit(f"/{MOUNT}/{path}", BROWSER)
        assert answer.status_code in (400, 404), path
        assert "location" not in answer.headers
    assert letter.figures()["total_clicked"] == 0


def test_while_the_log_is_away_a_recipient_is_served_all_the_same(
    mailing: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = Letter(mailing, "ben")

    async def submit(*_: object) -> None:
        raise Unavailable("away", maybe_recorded=False)

    with monkeypatch.context() as patched:
        patched.setattr(EmbeddedGateway, "submit", submit)
        assert letter.visit(letter.link, BROWSER).headers["location"] == "https://a.example/?x=1&y=2"
        assert letter.visit(letter.pixel, BROWSER).status_code == 200
    assert letter.figures()["total_clicked"] == 0

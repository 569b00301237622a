"""The CRM over HTTP: audiences page by page, batches that are sent once, and reports by cursor."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors.crm import Addressee, Audience, AudiencePage, CampaignBatch, Crm, ReportPage, Subscriber
from connectors.crm_http import HttpCrm
from connectors.crm_reports import ReportKind
from streams.core.calls import Accepted, Deferred, Rejected, Unknown
from tests.imitations import Behaviour, Stage, dropping, failing, hanging, slow, throttling
from tests.imitations.crm import CrmImitation
from tests.imitations.keyed import API_KEY

EVERYBODY = Audience()
BATCH = CampaignBatch(
    campaign_id="campaign-1",
    batch=2,
    subject_line="News",
    html="<p>Breathe.</p>",
    text="Breathe.",
    recipients=(Addressee("s-1", "ada@acme.example", "content_generator:m1"), Addressee("s-2", "ben@acme.example")),
    headers={"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
)


@pytest.fixture(scope="module")
def running() -> Iterator[CrmImitation]:
    with CrmImitation() as imitation:
        yield imitation


@pytest.fixture
def server(running: CrmImitation) -> CrmImitation:
    running.begin_anew()
    running.subscribers = [
        {
            "id": f"s-{number}",
            "email": f"{number}@acme.example",
            "name": f"Number {number}",
            "status": "active" if number % 2 else "unsubscribed",
            "tags": ["newsletter", *(["beta"] if number < 3 else [])],
            "segments": ["active_users"] if number < 4 else [],
        }
        for number in range(5)
    ]
    return running


@pytest.fixture
async def crm(server: CrmImitation) -> AsyncIterator[Crm]:
    client = HttpCrm(server.url, API_KEY, timeout_seconds=5.0)
    yield client
    await client.close()


@pytest.fixture
async def impatient(server: CrmImitation) -> AsyncIterator[Crm]:
    client = HttpCrm(server.url, API_KEY, timeout_seconds=0.3)
    yield client
    await client.close()


async def addresses(crm: Crm, audience: Audience, limit: int) -> list[str]:
    """The addresses of a whole audience, read page by page."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await crm.page(audience, limit, cursor)
        assert isinstance(page, AudiencePage)
        found += [one.address for one in page.subscribers]
        cursor = page.next
        if cursor is None:
            return found


async def test_an_audience_is_read_page_by_page(crm: Crm) -> None:
    assert await addresses(crm, EVERYBODY, 2) == [f"{number}@acme.example" for number in range(5)]
    page = await crm.page(EVERYBODY, 2, None)
    assert isinstance(page, AudiencePage)
    assert (page.total, page.next) == (5, "2")
    assert page.subscribers[1] == Subscriber("s-1", "1@acme.example", "Number 1", "active", ("newsletter", "beta"))
    assert [one.active for one in page.subscribers] == [False, True]


async def test_an_audience_has_the_segment_and_every_tag(crm: Crm) -> None:
    assert await crm.count(EVERYBODY) == 5
    assert await crm.count(Audience("active_users")) == 4
    assert await crm.count(Audience(tags=("newsletter", "beta"))) == 3
    assert await crm.count(Audience("active_users", ("beta", "gamma"))) == 0


@pytest.mark.parametrize("entries", ["subscribers", "users", "contacts", "items", "data"])
@pytest.mark.parametrize("total", ["count", "total_count"])
async def test_other_names_of_the_list_and_its_total_are_understood(
    crm: Crm, server: CrmImitation, entries: str, total: str
) -> None:
    server.renamed = {"recipients": entries, "total": total, "next": "next_cursor"}
    assert await crm.count(EVERYBODY) == 5
    assert len(await addresses(crm, EVERYBODY, 2)) == 5


async def test_without_a_total_the_pages_are_counted(
    server: CrmImitation, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.crm_http.PAGE_SIZE", 2)
    server.renamed = {"total": None}
    assert await crm.count(EVERYBODY) == 5
    monkeypatch.setattr("connectors.crm_http.MOST_PAGES", 2)
    assert isinstance(await crm.count(EVERYBODY), Rejected)


@pytest.mark.parametrize(
    ("entry", "subscriber"),
    [
        ({"email_address": " a@b.example "}, Subscriber("a@b.example", "a@b.example")),
        ({"user_id": 17, "address": "a@b.example", "full_name": "A"}, Subscriber("17", "a@b.example", "A")),
        (
            {"id": "1", "email": "a@b.example", "status": "Active", "tags": ["x", 3]},
            Subscriber("1", "a@b.example", "", "active", ("x",)),
        ),
        ({"id": "1", "email": None}, None),
        ({"id": "1", "email": "nothing"}, None),
        ("a@b.example", None),
    ],
)
async def test_a_subscriber_has_an_address_and_may_lack_the_rest(
    crm: Crm, server: CrmImitation, entry: Any, subscriber: Subscriber | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_page", lambda _query: {"recipients": [entry]})
    page = await crm.page(EVERYBODY, 10, None)
    assert page == AudiencePage(() if subscriber is None else (subscriber,))


@pytest.mark.parametrize("content", [b"", b"<html>", b"{}", b'{"recipients": {}}', b'{"recipients": [], "next": "7"}'])
async def test_another_answer_than_the_page_asked_for_is_asked_for_again(
    answering: Callable[..., str], content: bytes
) -> None:
    crm = HttpCrm(answering(200, content), API_KEY)
    page = await crm.page(EVERYBODY, 10, "7")
    assert isinstance(page, Deferred)
    assert page.code == "bad_answer"
    await crm.close()


async def test_a_bare_list_of_subscribers_is_a_page(answering: Callable[..., str]) -> None:
    crm = HttpCrm(answering(200, b'[{"email": "a@b.example"}]'), API_KEY)
    assert await crm.page(EVERYBODY, 10, None) == AudiencePage((Subscriber("a@b.example", "a@b.example"),))
    assert await crm.count(EVERYBODY) == 1
    await crm.close()


@pytest.mark.parametrize(
    ("behaviour", "after"),
    [
        (throttling("17", stage=Stage.LIST), 17.0),
        (failing(503, stage=Stage.LIST), None),
        (failing(500, stage=Stage.LIST), None),
        (failing(502, stage=Stage.LIST), None),
        (hanging(stage=Stage.LIST), None),
        (dropping(recorded=False, stage=Stage.LIST), None),
    ],
)
async def test_what_cannot_be_read_now_is_asked_for_again(
    impatient: Crm, server: CrmImitation, behaviour: Behaviour, after: float | None
) -> None:
    for read in (
        lambda: impatient.count(EVERYBODY),
        lambda: impatient.page(EVERYBODY, 10, None),
        lambda: impatient.events("campaign-1", None),
    ):
        server.behave(behaviour)
        found = await read()
        assert isinstance(found, Deferred)
        assert found.after == after
        assert not isinstance(await read(), Deferred)


async def test_a_refused_reading_is_final(crm: Crm, server: CrmImitation) -> None:
    server.behave(failing(404, "not_found", text="No segment for ada@acme.example", stage=Stage.LIST))
    assert await crm.count(EVERYBODY) == Rejected("not_found", "No segment for [address]")
    stranger = HttpCrm(server.url, "wrong-key")
    assert await stranger.count(EVERYBODY) == Rejected("credentials", "The API key is not valid")
    assert isinstance(await stranger.send(BATCH, "key-1"), Rejected)
    assert "wrong-key" not in repr(stranger)
    await stranger.close()


async def test_a_batch_goes_out_as_the_format_says(crm: Crm, server: CrmImitation) -> None:
    assert await crm.send(BATCH, "campaign-1/2") == Accepted("campaign-1:2", {"accepted": 2, "status": "sent"})
    [received] = server.journal.received
    assert received.content == {
        "campaign_id": "campaign-1",
        "batch": 2,
        "subject": "News",
        "html_content": "<p>Breathe.</p>",
        "text_content": "Breathe.",
        "recipients": [{"id": "s-1", "email": "ada@acme.example"}, {"id": "s-2", "email": "ben@acme.example"}],
        "headers": {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
        "test": False,
    }
    assert received.headers["idempotency-key"] == "campaign-1/2"
    await crm.send(replace(BATCH, test=True), "campaign-1/test")
    assert server.journal.received[1].content["test"] is True


@pytest.mark.parametrize(
    "behaviour",
    [
        hanging(),
        slow(1.0),
        dropping(recorded=True),
        dropping(recorded=False),
        failing(500, recorded=True),
        failing(502, recorded=True),
    ],
)
async def test_a_batch_without_an_answer_is_settled_under_the_same_key(
    impatient: Crm, server: CrmImitation, behaviour: Behaviour
) -> None:
    assert HttpCrm.idempotent
    server.behave(behaviour)
    assert isinstance(await impatient.send(BATCH, "key-1"), Unknown)
    verdict = await asyncio.wait_for(_answered(impatient), 10)
    assert isinstance(verdict, Accepted)
    assert server.mailed == ["ada@acme.example", "ben@acme.example"]


async def _answered(crm: Crm) -> object:
    """A cut or given-up request is still in progress until the server has noticed."""
    while isinstance(verdict := await crm.send(BATCH, "key-1"), Deferred):
        assert verdict.code == "in_progress"
    return verdict


async def test_a_refused_batch_uses_no_key_up(crm: Crm, server: CrmImitation) -> None:
    server.behave(throttling("3"), failing(503), failing(422, "unverified_sender", text="ada@acme.example is unknown"))
    first, second = await crm.send(BATCH, "key-1"), await crm.send(BATCH, "key-1")
    assert isinstance(first, Deferred)
    assert isinstance(second, Deferred)
    assert (first.after, second.after) == (3.0, None)
    assert await crm.send(BATCH, "key-1") == Rejected("unverified_sender", "[address] is unknown")
    assert isinstance(await crm.send(BATCH, "key-1"), Accepted)
    assert server.mailed == ["ada@acme.example", "ben@acme.example"]


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        (b'{"id": 17, "status": "queued"}', Accepted("17", {"accepted": 2, "status": "queued"})),
        (b'{"id": "b", "status": "sent", "accepted": 1}', Accepted("b", {"accepted": 1, "status": "sent"})),
        (b'{"id": "b", "status": "rejected", "message": "No credit"}', Rejected("rejected", "No credit")),
        (b'{"id": "b", "status": "failed"}', Rejected("failed", "the CRM took the batch as failed")),
        (b'{"status": "sent"}', Unknown("the CRM answered 200 without naming the batch")),
        (b"", Unknown("the CRM answered 200 without naming the batch")),
        (b"<html>", Unknown("the CRM answered 200 without naming the batch")),
    ],
)
async def test_a_success_names_the_batch(
    answering: Callable[..., str], content: bytes, verdict: Accepted | Rejected | Unknown
) -> None:
    crm = HttpCrm(answering(200, content), API_KEY)
    assert await crm.send(BATCH, "key-1") == verdict
    await crm.close()


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        (b"", Rejected("http_400", "the CRM answered 400")),
        (b'{"error": {"code": "bad", "message": "Bad"}}', Rejected("bad", "Bad")),
        (b'{"error": "bad", "message": "Bad"}', Rejected("bad", "Bad")),
        (b'{"code": "bad", "detail": "Bad"}', Rejected("bad", "Bad")),
    ],
)
async def test_a_refusal_is_understood_in_every_form(
    answering: Callable[..., str], content: bytes, verdict: Rejected
) -> None:
    crm = HttpCrm(answering(400, content), API_KEY)
    assert await crm.send(BATCH, "key-1") == verdict
    await crm.close()


async def test_no_address_and_no_key_is_in_a_log(
    crm: Crm, server: CrmImitation, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await crm.send(BATCH, "key-1")
    ours = [record for record in caplog.records if not record.name.startswith("uvicorn")]
    said = " ".join(f"{record.getMessage()} {record.args}" for record in ours)
    assert "ada@acme.example" not in said
    assert API_KEY not in said


async def test_reports_are_read_on_from_where_the_last_reading_ended(crm: Crm, server: CrmImitation) -> None:
    server.events["campaign-1"] = [
        {
            "id": f"r-{number}",
            "event": "opened",
            "email": "ada@acme.example",
            "campaign_id": "campaign-1",
            "timestamp": "2026-11-22T10:00:00Z",
        }
        for number in range(130)
    ]
    first = await crm.events("campaign-1", None)
    assert isinstance(first, ReportPage)
    assert (len(first.reports), first.next, first.more) == (100, "100", True)
    assert first.reports[0].kind is ReportKind.OPENED
    second = await crm.events("campaign-1", first.next)
    assert isinstance(second, ReportPage)
    assert (second.reports[0].id, second.next, second.more) == ("r-100", "130", False)
    assert await crm.events("campaign-1", "130") == ReportPage((), "130")
    assert await crm.events("other?x#y", None) == ReportPage((), "0")


@pytest.mark.parametrize(
    ("content", "page"),
    [
        (b'{"events": [], "has_more": true}', ReportPage((), "7")),
        (b'{"events": [], "next": "7", "has_more": true}', ReportPage((), "7")),
        (b'{"events": [], "next": "8", "has_more": true}', ReportPage((), "8", True)),
        (b'{"events": [], "next": 8, "has_more": true}', ReportPage((), "8", True)),
        (b'{"events": [3, {"event": "sent"}]}', ReportPage((), "7")),
    ],
)
async def test_a_cursor_that_stands_still_ends_the_reading(
    answering: Callable[..., str], content: bytes, page: ReportPage
) -> None:
    crm = HttpCrm(answering(200, content), API_KEY)
    assert await crm.events("campaign-1", "7") == page
    await crm.close()


async def test_another_answer_than_events_is_asked_for_again(answering: Callable[..., str]) -> None:
    crm = HttpCrm(answering(200, b'{"status": "ok"}'), API_KEY)
    assert isinstance(await crm.events("campaign-1", None), Deferred)
    await crm.close()


async def test_health_is_what_the_crm_answers_for_it(crm: Crm, server: CrmImitation, nobody_there: int) -> None:
    assert await crm.healthy()
    server.behave(failing(503, stage=Stage.LIST))
    assert not await crm.healthy()
    away = HttpCrm(f"http://127.0.0.1:{nobody_there}", API_KEY)
    assert not await away.healthy()
    assert isinstance(await away.send(BATCH, "key-1"), Deferred)
    assert isinstance(await away.count(EVERYBODY), Deferred)
    await away.close()


async def test_an_answer_that_never_ends_is_given_up_as_unknown(dripping: int) -> None:
    crm = HttpCrm(f"http://127.0.0.1:{dripping}", API_KEY, timeout_seconds=0.2)
    assert isinstance(await asyncio.wait_for(crm.send(BATCH, "key-1"), 10), Unknown)
    await crm.close()

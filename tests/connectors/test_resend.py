"""E-mail through Resend, against a local server that speaks as Resend does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

import httpx2
import pytest

from connectors.email import ERASED, INVALID, NOT_CARRIED
from connectors.resend import QUOTA_WAIT, ResendEmail
from domain.calls.email import Email
from streams.core.calls import Accepted, Connector, Deferred, Rejected, Unknown
from tests.imitations import Behaviour, dropping, failing, hanging, slow, throttling
from tests.imitations.resend import API_KEY, ResendImitation

SENDER = "Acme <hello@acme.example>"
MakeEmail = Callable[..., Email]


@pytest.fixture
async def send(resend: ResendImitation) -> AsyncIterator[Connector[Email]]:
    connector = ResendEmail(API_KEY, SENDER, resend.url, timeout_seconds=5.0)
    yield connector
    await connector.close()


@pytest.fixture
async def impatient(resend: ResendImitation) -> AsyncIterator[Connector[Email]]:
    connector = ResendEmail(API_KEY, SENDER, resend.url, timeout_seconds=0.2)
    yield connector
    await connector.close()


async def test_an_email_that_resend_takes_is_named_by_its_id(
    send: Connector[Email], resend: ResendImitation, an_email: MakeEmail
) -> None:
    assert isinstance(await send(an_email(headers={"X-Campaign": "spring"}), "key-1"), Accepted)
    [received] = resend.journal.received
    assert received.content == {
        "from": SENDER,
        "to": ["ada@example.com"],
        "subject": "Your appointment",
        "html": "<p>At <b>3</b>.</p>",
        "text": "At 3.",
        "headers": {"X-Campaign": "spring"},
        "tags": [{"name": "headwater_reference", "value": "message-1"}],
    }
    assert received.headers["idempotency-key"] == "key-1"
    assert received.headers["user-agent"] == "headwater"


async def test_the_domain_goes_out_as_a_labels_and_a_mailbox_beyond_ascii_not_at_all(
    send: Connector[Email], resend: ResendImitation, an_email: MakeEmail
) -> None:
    assert isinstance(await send(an_email(to="user@bücher.example"), "key-1"), Accepted)
    assert await send(an_email(to="ädä@example.com"), "key-2") == NOT_CARRIED
    assert await send(an_email(to="user@bücher..example"), "key-3") == INVALID
    assert [received.to for received in resend.journal.received] == ["user@xn--bcher-kva.example"]


async def test_an_email_may_have_one_form_only(
    send: Connector[Email], resend: ResendImitation, an_email: MakeEmail
) -> None:
    assert isinstance(await send(an_email(html=None), "key-1"), Accepted)
    assert isinstance(await send(an_email(text=None), "key-2"), Accepted)
    assert ["html" in received.content for received in resend.journal.received] == [False, True]


async def test_a_repeat_with_the_same_key_sends_nothing_and_gets_the_first_answer(
    send: Connector[Email], resend: ResendImitation, an_email: MakeEmail
) -> None:
    assert send.idempotent is True
    assert await send(an_email(), "same-key") == await send(an_email(), "same-key")
    assert resend.journal.counts == {"ada@example.com": 1}


@pytest.mark.parametrize("behaviour", [hanging(), dropping(recorded=True), failing(500, recorded=True)])
async def test_an_unknown_outcome_is_settled_by_asking_again(
    impatient: Connector[Email], resend: ResendImitation, an_email: MakeEmail, behaviour: Behaviour
) -> None:
    resend.behave(behaviour)
    assert isinstance(await impatient(an_email(), "key-1"), Unknown)
    verdict = await asyncio.wait_for(_answered(impatient, an_email()), 10)
    assert isinstance(verdict, Accepted)
    assert resend.journal.counts == {"ada@example.com": 1}


async def _answered(send: Connector[Email], email: Email) -> object:
    """A cut or given-up request is still in progress until the server has noticed."""
    while isinstance(verdict := await send(email, "key-1"), Deferred):
        pass
    return verdict


async def test_another_email_under_a_used_key_does_not_go_out_and_what_went_out_before_stays_unknown(
    send: Connector[Email], resend: ResendImitation, an_email: MakeEmail
) -> None:
    await send(an_email(), "same-key")
    verdict = await send(an_email(text="Changed."), "same-key")
    assert isinstance(verdict, Unknown)
    assert resend.journal.counts == {"ada@example.com": 1}


async def test_a_key_whose_first_request_is_still_running_is_deferred(
    send: Connector[Email], resend: ResendImitation, an_email: MakeEmail
) -> None:
    resend.behave(hanging())
    first = asyncio.create_task(send(an_email(), "same-key"))
    await asyncio.to_thread(resend.journal.wait_for, 1)
    verdict = await send(an_email(), "same-key")
    assert isinstance(verdict, Deferred)
    assert verdict.code == "concurrent_idempotent_requests"
    first.cancel()


@pytest.mark.parametrize("missing", [{"to": None}, {"subject_line": None}, {"html": None, "text": None}])
async def test_an_erased_recipient_is_not_written_to(
    send: Connector[Email], resend: ResendImitation, an_email: MakeEmail, missing: dict[str, None]
) -> None:
    assert await send(an_email(**missing), "key-1") == ERASED
    assert resend.journal.requests == 0


async def test_too_many_requests_are_deferred_until_the_limit_is_reset(
    send: Connector[Email], resend: ResendImitation, an_email: MakeEmail
) -> None:
    resend.behave(throttling("3", text="Too many requests."), failing(429, headers={"ratelimit-reset": "2"}))
    assert await send(an_email(), "key-1") == Deferred("rate_limit_exceeded", "Too many requests.", 3.0)
    second = await send(an_email(), "key-1")
    assert isinstance(second, Deferred)
    assert second.after == 2.0
    assert isinstance(await send(an_email(), "key-1"), Accepted)


@pytest.mark.parametrize("quota", ["daily_quota_exceeded", "monthly_quota_exceeded"])
async def test_a_used_up_quota_is_deferred_for_long_whatever_the_rate_limit_says(
    send: Connector[Email], resend: ResendImitation, an_email: MakeEmail, quota: str
) -> None:
    resend.behave(throttling("1", quota))
    verdict = await send(an_email(), "key-1")
    assert isinstance(verdict, Deferred)
    assert (verdict.code, verdict.after) == (quota, QUOTA_WAIT)


@pytest.mark.parametrize("status", [408, 503])
async def test_what_resend_did_not_process_is_deferred(
    send: Connector[Email], resend: ResendImitation, an_email: MakeEmail, status: int
) -> None:
    resend.behave(failing(status))
    verdict = await send(an_email(), "key-1")
    assert isinstance(verdict, Deferred)
    assert verdict.after is None


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_a_server_error_is_unknown(
    send: Connector[Email], resend: ResendImitation, an_email: MakeEmail, status: int
) -> None:
    resend.behave(failing(status))
    assert isinstance(await send(an_email(), "key-1"), Unknown)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 422])
async def test_a_refusal_carries_resends_own_name_and_words(
    send: Connector[Email], resend: ResendImitation, an_email: MakeEmail, status: int
) -> None:
    resend.behave(failing(status, "validation_error", text="The acme.example domain is not verified."))
    verdict = await send(an_email(), "key-1")
    assert verdict == Rejected("validation_error", "The acme.example domain is not verified.")


async def test_a_wrong_key_is_a_refusal_that_shows_no_key(resend: ResendImitation, an_email: MakeEmail) -> None:
    connector = ResendEmail("re_wrong", SENDER, resend.url, timeout_seconds=5.0)
    assert await connector(an_email(), "key-1") == Rejected("invalid_api_key", "API key is invalid.")
    assert "re_wrong" not in repr(connector)
    await connector.close()


async def test_the_recipient_is_in_no_verdict_and_no_log(
    send: Connector[Email], an_email: MakeEmail, resend: ResendImitation, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    resend.behave(failing(422, text="Invalid `to` field: <ada@example.com>, see docs"))
    verdict = await send(an_email(), "key-1")
    assert verdict == Rejected("validation_error", "Invalid `to` field: <[address]>, see docs")
    ours = [record for record in caplog.records if not record.name.startswith("uvicorn")]
    told = " ".join(f"{record.getMessage()} {record.args}" for record in ours)
    assert "ada@example.com" not in told
    assert API_KEY not in told


async def test_a_server_that_cannot_be_reached_defers(nobody_there: int, an_email: MakeEmail) -> None:
    connector = ResendEmail(API_KEY, SENDER, f"http://127.0.0.1:{nobody_there}", timeout_seconds=5.0)
    assert isinstance(await connector(an_email(), "key-1"), Deferred)
    await connector.close()


async def test_an_answer_that_comes_in_time_counts(
    send: Connector[Email], resend: ResendImitation, an_email: MakeEmail
) -> None:
    resend.behave(slow(0.3))
    assert isinstance(await send(an_email(), "key-1"), Accepted)


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"id": 5}'])
async def test_a_success_that_names_no_email_is_unknown(
    content: bytes, an_email: MakeEmail, answering: Callable[..., str]
) -> None:
    connector = ResendEmail(API_KEY, SENDER, answering(200, content), timeout_seconds=5.0)
    assert isinstance(await connector(an_email(), "key-1"), Unknown)
    await connector.close()


async def test_a_refusal_that_is_not_resends_is_named_by_its_status(
    an_email: MakeEmail, answering: Callable[..., str]
) -> None:
    connector = ResendEmail(API_KEY, SENDER, answering(403, b"<html>"), timeout_seconds=5.0)
    assert await connector(an_email(), "key-1") == Rejected("http_403", "Resend answered 403")
    await connector.close()


async def test_the_imitation_tells_the_rate_limit_in_every_answer(resend: ResendImitation) -> None:
    async with httpx2.AsyncClient(base_url=resend.url) as client:
        response = await client.post("/emails", json={})
    assert response.json() == {
        "statusCode": 401,
        "name": "missing_api_key",
        "message": "Missing API key in the authorization header.",
    }
    assert response.headers["ratelimit-limit"] == "2"


def test_the_data_subject_is_the_asking_contexts(an_email: MakeEmail) -> None:
    assert an_email().subject == "communication:7"
    assert Email.personal_fields == ("to", "subject_line", "html", "text")


async def test_an_answer_that_never_ends_is_given_up_as_unknown(dripping: int, an_email: MakeEmail) -> None:
    connector = ResendEmail(API_KEY, SENDER, f"http://127.0.0.1:{dripping}", timeout_seconds=0.2)
    assert isinstance(await asyncio.wait_for(connector(an_email(), "key-1"), 10), Unknown)
    await connector.close()

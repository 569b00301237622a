"""Text messages through Twilio, against a local server that speaks as Twilio does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

import httpx2
import pytest

from connectors.sms import ERASED
from connectors.twilio import TwilioSms
from domain.calls.sms import Sms
from streams.core.calls import Accepted, Connector, Deferred, Rejected, Unknown
from tests.imitations import dropping, failing, hanging, slow, throttling
from tests.imitations.twilio import ACCOUNT_SID, AUTH_TOKEN, TwilioImitation

SENDER = "+18005551212"
MakeSms = Callable[..., Sms]


@pytest.fixture
async def send(twilio: TwilioImitation) -> AsyncIterator[Connector[Sms]]:
    connector = TwilioSms(ACCOUNT_SID, AUTH_TOKEN, SENDER, twilio.url, timeout_seconds=5.0)
    yield connector
    await connector.close()


@pytest.fixture
async def impatient(twilio: TwilioImitation) -> AsyncIterator[Connector[Sms]]:
    connector = TwilioSms(ACCOUNT_SID, AUTH_TOKEN, SENDER, twilio.url, timeout_seconds=0.2)
    yield connector
    await connector.close()


async def test_a_message_that_twilio_takes_is_named_by_its_sid(
    send: Connector[Sms], twilio: TwilioImitation, an_sms: MakeSms
) -> None:
    verdict = await send(an_sms(body="Grüße & bis 3 + 4"), "key-1")
    assert isinstance(verdict, Accepted)
    assert verdict.provider_id.startswith("SM")
    [received] = twilio.journal.received
    assert received.content == {"To": "+4915112345678", "From": SENDER, "Body": "Grüße & bis 3 + 4"}


async def test_a_messaging_service_and_a_status_callback_are_told_to_twilio(
    twilio: TwilioImitation, an_sms: MakeSms
) -> None:
    callback = "https://our.example/hooks/twilio"
    connector = TwilioSms(ACCOUNT_SID, AUTH_TOKEN, "MG123", twilio.url, callback, timeout_seconds=5.0)
    assert isinstance(await connector(an_sms(), "key-1"), Accepted)
    await connector.close()
    content = twilio.journal.received[0].content
    expected = f"{callback}?headwater_reference=message-1"
    assert (content["MessagingServiceSid"], content["StatusCallback"]) == ("MG123", expected)
    assert "From" not in content


async def test_the_reference_joins_the_query_of_a_status_callback(twilio: TwilioImitation, an_sms: MakeSms) -> None:
    connector = TwilioSms(ACCOUNT_SID, AUTH_TOKEN, SENDER, twilio.url, "https://our.example/hooks?tenant=a%20b#rc=2")
    await connector(an_sms(reference="a&b"), "key-1")
    await connector.close()
    expected = "https://our.example/hooks?tenant=a%20b&headwater_reference=a%26b#rc=2"
    assert twilio.journal.received[0].content["StatusCallback"] == expected


async def test_twilio_recognises_no_repeat_so_the_connector_must_not_claim_it(
    send: Connector[Sms], twilio: TwilioImitation, an_sms: MakeSms
) -> None:
    assert send.idempotent is False
    await send(an_sms(), "same-key")
    await send(an_sms(), "same-key")
    assert twilio.journal.counts == {"+4915112345678": 2}


@pytest.mark.parametrize(("to", "body"), [(None, "x"), ("+4915112345678", None), (None, None)])
async def test_an_erased_recipient_is_not_written_to(
    send: Connector[Sms], twilio: TwilioImitation, an_sms: MakeSms, to: str | None, body: str | None
) -> None:
    assert await send(an_sms(to=to, body=body), "key-1") == ERASED
    assert twilio.journal.requests == 0


async def test_too_many_requests_are_deferred_for_as_long_as_twilio_asks(
    send: Connector[Sms], twilio: TwilioImitation, an_sms: MakeSms
) -> None:
    twilio.behave(throttling("17", text="Too Many Requests"))
    assert await send(an_sms(), "key-1") == Deferred("20429", "Too Many Requests", 17.0)
    assert isinstance(await send(an_sms(), "key-1"), Accepted)
    assert twilio.journal.counts == {"+4915112345678": 1}


async def test_retry_after_may_be_a_date(send: Connector[Sms], twilio: TwilioImitation, an_sms: MakeSms) -> None:
    twilio.behave(throttling("Mon, 23 Nov 2099 12:00:00 GMT"))
    verdict = await send(an_sms(), "key-1")
    assert isinstance(verdict, Deferred)
    assert verdict.after == 86_400.0


@pytest.mark.parametrize("status", [408, 503])
async def test_what_twilio_did_not_process_is_deferred(
    send: Connector[Sms], twilio: TwilioImitation, an_sms: MakeSms, status: int
) -> None:
    twilio.behave(failing(status))
    assert isinstance(await send(an_sms(), "key-1"), Deferred)


@pytest.mark.parametrize("status", [500, 501, 502, 504, 520])
async def test_a_server_error_is_unknown_for_the_message_may_have_gone_out(
    send: Connector[Sms], twilio: TwilioImitation, an_sms: MakeSms, status: int
) -> None:
    twilio.behave(failing(status, recorded=True))
    assert isinstance(await send(an_sms(), "key-1"), Unknown)
    assert twilio.journal.counts == {"+4915112345678": 1}


@pytest.mark.parametrize(("status", "code"), [(400, "21610"), (403, "21608"), (404, "20404"), (422, "60200")])
async def test_a_refusal_carries_twilios_own_code_and_words(
    send: Connector[Sms], twilio: TwilioImitation, an_sms: MakeSms, status: int, code: str
) -> None:
    twilio.behave(failing(status, code, text="Attempt to send to unsubscribed recipient"))
    assert await send(an_sms(), "key-1") == Rejected(code, "Attempt to send to unsubscribed recipient")


async def test_a_redirect_is_not_followed(send: Connector[Sms], twilio: TwilioImitation, an_sms: MakeSms) -> None:
    twilio.behave(failing(307, headers={"Location": "https://elsewhere.example/"}))
    assert isinstance(await send(an_sms(), "key-1"), Rejected)
    assert twilio.journal.requests == 1


async def test_a_wrong_token_is_a_refusal_that_shows_no_token(twilio: TwilioImitation, an_sms: MakeSms) -> None:
    connector = TwilioSms(ACCOUNT_SID, "wrong-token", SENDER, twilio.url, timeout_seconds=5.0)
    assert await connector(an_sms(), "key-1") == Rejected("20003", "Authenticate")
    assert "wrong-token" not in repr(connector)
    await connector.close()


async def test_the_recipient_is_in_no_verdict_and_no_log(
    send: Connector[Sms], twilio: TwilioImitation, an_sms: MakeSms, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    twilio.behave(failing(400, "21408", text="Not enabled for +49 151-1234-5678\x00 (the 'To' number)"))
    assert await send(an_sms(), "key-1") == Rejected("21408", "Not enabled for [number]  (the 'To' number)")
    invalid = await send(an_sms(to="4915112345678"), "key-2")
    assert invalid == Rejected("21211", "The 'To' number [number] is not a valid phone number.")
    ours = [record for record in caplog.records if not record.name.startswith("uvicorn")]
    told = " ".join(f"{record.getMessage()} {record.args}" for record in ours)
    assert "15112345678" not in told
    assert "appointment" not in told
    assert AUTH_TOKEN not in told


async def test_a_server_that_cannot_be_reached_defers_for_nothing_has_left(nobody_there: int, an_sms: MakeSms) -> None:
    connector = TwilioSms(ACCOUNT_SID, AUTH_TOKEN, SENDER, f"http://127.0.0.1:{nobody_there}", timeout_seconds=5.0)
    assert isinstance(await connector(an_sms(), "key-1"), Deferred)
    await connector.close()


async def test_a_message_that_was_taken_and_never_answered_is_unknown(
    impatient: Connector[Sms], twilio: TwilioImitation, an_sms: MakeSms
) -> None:
    twilio.behave(hanging())
    assert isinstance(await impatient(an_sms(), "key-1"), Unknown)
    assert twilio.journal.counts == {"+4915112345678": 1}


async def test_an_answer_that_comes_too_late_is_unknown(
    impatient: Connector[Sms], twilio: TwilioImitation, an_sms: MakeSms
) -> None:
    twilio.behave(slow(2.0))
    assert isinstance(await impatient(an_sms(), "key-1"), Unknown)


async def test_an_answer_that_comes_in_time_counts(
    send: Connector[Sms], twilio: TwilioImitation, an_sms: MakeSms
) -> None:
    twilio.behave(slow(0.3))
    assert isinstance(await send(an_sms(), "key-1"), Accepted)


@pytest.mark.parametrize("recorded", [True, False])
async def test_a_connection_cut_after_the_request_left_is_unknown(
    send: Connector[Sms], twilio: TwilioImitation, an_sms: MakeSms, recorded: bool
) -> None:
    twilio.behave(dropping(recorded=recorded))
    assert isinstance(await send(an_sms(), "key-1"), Unknown)
    assert len(twilio.journal.received) == recorded
    assert isinstance(await send(an_sms(), "key-2"), Accepted)


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"sid": null}', b'{"sid": "S\\u0000M"}', b"\xff"])
async def test_a_success_that_names_no_message_is_unknown(
    content: bytes, an_sms: MakeSms, answering: Callable[..., str]
) -> None:
    connector = TwilioSms(ACCOUNT_SID, AUTH_TOKEN, SENDER, answering(201, content), timeout_seconds=5.0)
    assert isinstance(await connector(an_sms(), "key-1"), Unknown)
    await connector.close()


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        (b"", Rejected("http_400", "Twilio answered 400")),
        (b"<html>", Rejected("http_400", "Twilio answered 400")),
        (b'{"code": [1]}', Rejected("http_400", "Twilio answered 400")),
        (
            b'{"type": "https://x", "title": "Invalid", "status": 400, "code": 21211, "detail": "Bad number"}',
            Rejected("21211", "Bad number"),
        ),
    ],
)
async def test_a_refusal_is_understood_in_the_newer_shape_and_without_any(
    content: bytes, verdict: Rejected, an_sms: MakeSms, answering: Callable[..., str]
) -> None:
    connector = TwilioSms(ACCOUNT_SID, AUTH_TOKEN, SENDER, answering(400, content), timeout_seconds=5.0)
    assert await connector(an_sms(), "key-1") == verdict
    await connector.close()


async def test_the_imitation_answers_in_twilios_shape(twilio: TwilioImitation) -> None:
    async with httpx2.AsyncClient(base_url=twilio.url, auth=(ACCOUNT_SID, AUTH_TOKEN)) as client:
        form = {"To": "+4915112345678", "From": SENDER, "Body": "x" * 161}
        response = await client.post(f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json", data=form)
    message = response.json()
    assert response.status_code == 201
    assert (message["num_segments"], message["price"], message["status"]) == ("2", None, "queued")
    assert message["date_created"].endswith("+0000")


def test_the_data_subject_is_the_asking_contexts(an_sms: MakeSms) -> None:
    assert an_sms().subject == "communication:7"
    assert Sms.personal_fields == ("to", "body")


async def test_an_answer_that_never_ends_is_given_up_as_unknown(dripping: int, an_sms: MakeSms) -> None:
    connector = TwilioSms(ACCOUNT_SID, AUTH_TOKEN, SENDER, f"http://127.0.0.1:{dripping}", timeout_seconds=0.2)
    assert isinstance(await asyncio.wait_for(connector(an_sms(), "key-1"), 10), Unknown)
    await connector.close()

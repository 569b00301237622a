"""The look-up of texts whose sending had no answer, in a list as Twilio documents it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from connectors.twilio import TwilioSms
from connectors.twilio_list import TRIAL
from domain.calls.sms import Sms
from streams.core.calls import Accepted, Deferred, Listed, Traceable, Unknown
from tests.imitations import Stage, dropping, failing, hanging, throttling
from tests.imitations.twilio import ACCOUNT_SID, AUTH_TOKEN, TwilioImitation

SENDER = "+18005551212"
MakeSms = Callable[..., Sms]


@pytest.fixture
async def connector(twilio: TwilioImitation) -> AsyncIterator[TwilioSms]:
    made = TwilioSms(ACCOUNT_SID, AUTH_TOKEN, SENDER, twilio.url, timeout_seconds=1.0)
    yield made
    await made.close()


def now() -> datetime:
    return datetime.now(UTC)


def test_twilio_can_be_asked(connector: TwilioSms) -> None:
    assert isinstance(connector, Traceable)


async def test_a_text_that_was_taken_without_an_answer_is_found_by_its_words(
    connector: TwilioSms, twilio: TwilioImitation, an_sms: MakeSms
) -> None:
    before = now()
    assert await connector.find(an_sms(), before) == Listed()
    twilio.behave(failing(500, recorded=True))
    assert isinstance(await connector(an_sms(), "key-1"), Unknown)
    assert await connector.find(an_sms(), before) == Listed((twilio.messages[0]["sid"],))
    assert await connector.find(an_sms(body="Other words"), before) == Listed()
    assert await connector.find(an_sms(to="+4915100000000"), before) == Listed()


async def test_what_was_not_taken_is_not_listed(connector: TwilioSms, twilio: TwilioImitation, an_sms: MakeSms) -> None:
    twilio.behave(dropping(recorded=False))
    assert isinstance(await connector(an_sms(), "key-1"), Unknown)
    assert await connector.find(an_sms(), now()) == Listed()


async def test_every_page_is_read_and_the_oldest_comes_first(
    connector: TwilioSms, twilio: TwilioImitation, an_sms: MakeSms
) -> None:
    before = now()
    sids = []
    for number in range(120):
        verdict = await connector(an_sms(body="The same" if number in (0, 60, 119) else f"Text {number}"), "key")
        assert isinstance(verdict, Accepted)
        sids.append(verdict.provider_id)
    for number, message in enumerate(twilio.messages):
        message["date_created"] = format_datetime(before + timedelta(seconds=number))
    assert await connector.find(an_sms(body="The same"), before) == Listed((sids[0], sids[60], sids[119]))


@pytest.mark.parametrize(
    "changes",
    [
        {"direction": "inbound"},
        {"from": "+15550000000"},
        {"date_created": format_datetime(datetime(2020, 1, 1, tzinfo=UTC))},
        {"body": "Something else"},
    ],
)
async def test_another_message_is_not_taken_for_it(
    connector: TwilioSms, twilio: TwilioImitation, an_sms: MakeSms, changes: dict[str, Any]
) -> None:
    await connector(an_sms(), "key-1")
    twilio.messages[0].update(changes)
    assert await connector.find(an_sms(), now()) == Listed()


@pytest.mark.parametrize(
    ("sent", "listed"),
    [
        ("It\u2019s \u201c3\u201d \u2013 come", 'It\'s "3" - come'),
        ("At 3", f"{TRIAL}At 3"),
        ("At  3", "At 3"),
    ],
)
async def test_words_that_twilio_changed_are_found_all_the_same(
    connector: TwilioSms, twilio: TwilioImitation, an_sms: MakeSms, sent: str, listed: str
) -> None:
    await connector(an_sms(body=sent), "key-1")
    twilio.messages[0]["body"] = listed
    assert await connector.find(an_sms(body=sent), now()) == Listed((twilio.messages[0]["sid"],))


async def test_texts_of_a_messaging_service_are_found_by_it(twilio: TwilioImitation, an_sms: MakeSms) -> None:
    connector = TwilioSms(ACCOUNT_SID, AUTH_TOKEN, "MG123", twilio.url)
    await connector(an_sms(), "key-1")
    twilio.messages[0]["from"] = "+18005550000"
    assert await connector.find(an_sms(), now()) == Listed((twilio.messages[0]["sid"],))
    await connector.close()


@pytest.mark.parametrize("body", [None, ""])
async def test_where_words_are_redacted_nothing_can_be_known(
    connector: TwilioSms, twilio: TwilioImitation, an_sms: MakeSms, body: str | None
) -> None:
    await connector(an_sms(), "key-1")
    twilio.messages[0]["body"] = body
    assert isinstance(await connector.find(an_sms(), now()), Unknown)


async def test_a_list_that_cannot_be_read_now_is_asked_again(
    connector: TwilioSms, twilio: TwilioImitation, an_sms: MakeSms
) -> None:
    twilio.behave(throttling("17", stage=Stage.LIST), failing(500, stage=Stage.LIST), hanging(stage=Stage.LIST))
    found = [await connector.find(an_sms(), now()) for _ in range(3)]
    assert all(isinstance(one, Deferred) for one in found)
    assert found[0] == Deferred("http_429", "Twilio answered 429 for its list of messages", 17.0)
    assert await connector.find(an_sms(), now()) == Listed()


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_list_that_is_refused_tells_nothing(
    connector: TwilioSms, twilio: TwilioImitation, an_sms: MakeSms, status: int
) -> None:
    twilio.behave(failing(status, stage=Stage.LIST))
    assert isinstance(await connector.find(an_sms(), now()), Unknown)


@pytest.mark.parametrize("uri", ["https://elsewhere.example/x", "//elsewhere.example/x"])
async def test_the_next_page_is_never_somebody_elses(
    answering: Callable[[int, bytes], str], an_sms: MakeSms, uri: str
) -> None:
    body = f'{{"messages": [], "next_page_uri": "{uri}"}}'.encode()
    connector = TwilioSms(ACCOUNT_SID, AUTH_TOKEN, SENDER, answering(200, body))
    assert isinstance(await connector.find(an_sms(), now()), Unknown)
    await connector.close()


async def test_an_erased_text_cannot_be_looked_for(connector: TwilioSms, an_sms: MakeSms) -> None:
    assert isinstance(await connector.find(an_sms(body=None), now()), Unknown)

"""What is WhatsApp's own: its requests as documented, numbered errors with any status, ids, numbers of an account."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable, Iterator

import httpx2
import pytest

from connectors.whatsapp import WhatsAppChat, code_of, mark_of
from domain.calls.chat import ChatChannel, ChatTemplate, FindChatSender, SendChat, SetChatWebhook
from streams.core.calls import Accepted, Deferred, Rejected, Unknown
from tests.imitations import Stage, failing, throttling
from tests.imitations.whatsapp import ACCESS_TOKEN, ACCOUNT_ID, PHONE_NUMBER_ID, WhatsAppImitation, number

MakeChat = Callable[..., SendChat]
SECRETS = {"access_token": ACCESS_TOKEN}


@pytest.fixture(scope="module")
def server() -> Iterator[WhatsAppImitation]:
    with WhatsAppImitation() as imitation:
        yield imitation


@pytest.fixture
def whatsapp(server: WhatsAppImitation) -> WhatsAppImitation:
    server.begin_anew()
    return server


@pytest.fixture
async def chat(whatsapp: WhatsAppImitation) -> AsyncIterator[WhatsAppChat]:
    connector = WhatsAppChat(whatsapp.url, timeout_seconds=5.0)
    yield connector
    await connector.close()


async def test_the_request_is_as_whatsapp_documents_it(
    chat: WhatsAppChat, whatsapp: WhatsAppImitation, a_chat: MakeChat
) -> None:
    await chat.send(a_chat(part=2), SECRETS)
    [received] = whatsapp.journal.received
    assert received.content == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+16505551234",
        "biz_opaque_callback_data": "message-1/2",
        "type": "text",
        "text": {"body": "Breathe in, breathe out.", "preview_url": False},
    }
    assert received.headers["authorization"] == f"Bearer {ACCESS_TOKEN}"


async def test_a_template_goes_out_in_place_of_the_text(
    chat: WhatsAppChat, whatsapp: WhatsAppImitation, a_chat: MakeChat
) -> None:
    await chat.send(a_chat(template=ChatTemplate(name="hello_again", language="en_US")), SECRETS)
    [received] = whatsapp.journal.received
    assert received.content["template"] == {"name": "hello_again", "language": {"code": "en_US"}}
    assert (received.content["type"], "text" in received.content) == ("template", False)


async def test_a_person_without_a_number_is_a_recipient_by_id(
    chat: WhatsAppChat, whatsapp: WhatsAppImitation, a_chat: MakeChat
) -> None:
    await chat.send(a_chat(to="US.13491208655302741918"), SECRETS)
    [received] = whatsapp.journal.received
    assert received.content["recipient"] == "US.13491208655302741918"
    assert "to" not in received.content


@pytest.mark.parametrize("code", ["4", "80007", "130429", "131048", "131056", "131057", "133004"])
async def test_a_limit_is_deferred_whatever_the_status(
    chat: WhatsAppChat, whatsapp: WhatsAppImitation, a_chat: MakeChat, code: str
) -> None:
    sentence = f"(#{code}) Rate limit hit"
    whatsapp.behave(failing(400, code, text=sentence, headers={"Retry-After": "9"}), failing(500, code, text=sentence))
    assert await chat.send(a_chat(), SECRETS) == Deferred(code, sentence, 9.0)
    assert await chat.send(a_chat(), SECRETS) == Deferred(code, sentence, None)


@pytest.mark.parametrize(("status", "code"), [(401, "0"), (401, "190"), (400, "190"), (403, "10"), (500, "3")])
async def test_a_token_that_has_ended_or_lacks_rights_is_refused_as_credentials(
    chat: WhatsAppChat, whatsapp: WhatsAppImitation, a_chat: MakeChat, status: int, code: str
) -> None:
    whatsapp.behave(failing(status, code, text="The session has expired"))
    assert await chat.send(a_chat(), SECRETS) == Rejected("credentials", "The session has expired")


@pytest.mark.parametrize(
    ("code", "ours"),
    [("131047", "window_closed"), ("131026", "unreachable_recipient"), ("131030", "131030"), ("132001", "132001")],
)
async def test_a_refusal_has_our_name_where_something_follows_from_it(
    chat: WhatsAppChat, whatsapp: WhatsAppImitation, a_chat: MakeChat, code: str, ours: str
) -> None:
    whatsapp.behave(failing(400, code, text=f"(#{code}) Re-engagement message for +1 650-555-1234"))
    assert await chat.send(a_chat(), SECRETS) == Rejected(ours, f"(#{code}) Re-engagement message for [number]")
    assert code_of(int(code)) == ours


@pytest.mark.parametrize(("status", "code"), [(400, "1"), (400, "131000"), (500, "131016"), (500, "2")])
async def test_a_failure_of_whatsapps_own_is_unknown(
    chat: WhatsAppChat, whatsapp: WhatsAppImitation, a_chat: MakeChat, status: int, code: str
) -> None:
    whatsapp.behave(failing(status, code))
    verdict = await chat.send(a_chat(), SECRETS)
    assert isinstance(verdict, Unknown)
    assert verdict.output == {"answered": True}


async def test_a_service_that_takes_nothing_now_is_deferred(
    chat: WhatsAppChat, whatsapp: WhatsAppImitation, a_chat: MakeChat
) -> None:
    whatsapp.behave(failing(503, headers={"Retry-After": "4"}))
    verdict = await chat.send(a_chat(), SECRETS)
    assert isinstance(verdict, Deferred)
    assert verdict.after == 4.0


async def test_a_channel_whose_number_is_not_known_sends_nothing(
    chat: WhatsAppChat, whatsapp: WhatsAppImitation, a_chat: MakeChat
) -> None:
    verdict = await chat.send(a_chat(sender=None), SECRETS)
    assert isinstance(verdict, Rejected)
    assert verdict.code == "sender_missing"
    assert whatsapp.journal.requests == 0


async def test_an_id_of_a_message_does_not_hold_the_persons_number(
    a_chat: MakeChat, answering: Callable[..., str]
) -> None:
    named = base64.b64encode(b"\x1c\x18\x0b16505551234\x15\x02\x00").decode()
    body = f'{{"messages": [{{"id": "wamid.{named}"}}]}}'.encode()
    connector = WhatsAppChat(answering(200, body), timeout_seconds=5.0)
    verdict = await connector.send(a_chat(), SECRETS)
    await connector.close()
    assert verdict == Accepted(mark_of(f"wamid.{named}"))
    assert named[4:16] not in str(verdict)


@pytest.mark.parametrize(
    ("asked", "found"), [("+1 (555) 078-3881", PHONE_NUMBER_ID), ("16315555555", "1906385232743451")]
)
async def test_a_numbers_id_is_found_in_its_account(chat: WhatsAppChat, asked: str, found: str) -> None:
    assert await chat.find_sender(search(asked), SECRETS) == Accepted(found)


async def test_the_only_number_of_an_account_is_meant(chat: WhatsAppChat, whatsapp: WhatsAppImitation) -> None:
    several = await chat.find_sender(search(None), SECRETS)
    assert isinstance(several, Rejected)
    assert several.code == "sender_missing"
    both, whatsapp.numbers = whatsapp.numbers, [number("17", "+1 555-078-3881")]
    assert await chat.find_sender(search(None), SECRETS) == Accepted("17")
    assert isinstance(await chat.find_sender(search("+49 30 1"), SECRETS), Rejected)
    whatsapp.numbers = both


async def test_an_account_that_cannot_be_asked_now_is_asked_later(
    chat: WhatsAppChat, whatsapp: WhatsAppImitation
) -> None:
    whatsapp.behave(throttling("17", stage=Stage.LIST), failing(500, stage=Stage.LIST), failing(400, stage=Stage.LIST))
    verdicts = [await chat.find_sender(search(None), SECRETS) for _ in range(3)]
    assert [type(verdict) for verdict in verdicts] == [Deferred, Deferred, Rejected]


async def test_a_webhook_needs_no_call(chat: WhatsAppChat, whatsapp: WhatsAppImitation) -> None:
    effect = SetChatWebhook(channel=ChatChannel.WHATSAPP, vault="c", url="https://acme.example")
    assert isinstance(await chat.set_webhook(effect, SECRETS), Accepted)
    assert whatsapp.journal.requests == 0


def search(asked: str | None) -> FindChatSender:
    return FindChatSender(channel=ChatChannel.WHATSAPP, vault="c", account=ACCOUNT_ID, number=asked)


async def test_the_imitation_answers_as_whatsapp_documents_it(whatsapp: WhatsAppImitation) -> None:
    path = f"/v26.0/{PHONE_NUMBER_ID}/messages"
    message = {"messaging_product": "whatsapp", "to": "+16505551234", "type": "text", "text": {"body": "Hi"}}
    whatsapp.behave(failing(400, "130429", text="(#130429) Rate limit hit"))
    async with httpx2.AsyncClient(base_url=whatsapp.url, headers={"Authorization": f"Bearer {ACCESS_TOKEN}"}) as client:
        refused = await client.post(path, json=message)
        taken = await client.post(path, json=message)
        incomplete = await client.post(path, json=message | {"to": ""})
    assert refused.json()["error"].keys() == {"message", "type", "code", "error_data", "fbtrace_id"}
    assert refused.json()["error"]["code"] == 130429
    assert taken.json()["contacts"] == [{"input": "+16505551234", "wa_id": "16505551234"}]
    assert taken.json()["messages"][0]["id"].startswith("wamid.")
    assert (incomplete.status_code, incomplete.json()["error"]["code"]) == (400, 100)


@pytest.mark.parametrize("body", ["", "x" * 4097])
async def test_the_imitation_takes_no_text_that_whatsapp_would_not(
    chat: WhatsAppChat, whatsapp: WhatsAppImitation, a_chat: MakeChat, body: str
) -> None:
    verdict = await chat.send(a_chat(text=body), SECRETS)
    assert isinstance(verdict, Rejected)
    assert (verdict.code, whatsapp.journal.received) == ("100", [])

"""What is Telegram's own: the token in the path, refusals by status, the webhook and its secret."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import httpx2
import pytest

from connectors.retry_after import LONGEST
from connectors.telegram import TelegramChat
from domain.calls.chat import ChatChannel, FindChatSender, SendChat, SetChatWebhook
from streams.core.calls import Accepted, Deferred, Rejected
from tests.imitations import Stage, failing, throttling
from tests.imitations.telegram import BOT_TOKEN, SECRET_TOKEN, TelegramImitation

MakeChat = Callable[..., SendChat]
SECRETS = {"bot_token": BOT_TOKEN, "secret_token": SECRET_TOKEN}
URL = "https://acme.example/creator-hub/webhooks/telegram/c-1"


@pytest.fixture(scope="module")
def server() -> Iterator[TelegramImitation]:
    with TelegramImitation() as imitation:
        yield imitation


@pytest.fixture
def telegram(server: TelegramImitation) -> TelegramImitation:
    server.begin_anew()
    return server


@pytest.fixture
async def chat(telegram: TelegramImitation) -> AsyncIterator[TelegramChat]:
    connector = TelegramChat(telegram.url, timeout_seconds=5.0)
    yield connector
    await connector.close()


@pytest.fixture
def message(a_chat: MakeChat) -> SendChat:
    return a_chat(to="1111111", channel=ChatChannel.TELEGRAM, sender=None)


async def test_the_request_is_as_telegram_documents_it(
    chat: TelegramChat, telegram: TelegramImitation, message: SendChat
) -> None:
    assert await chat.send(message, SECRETS) == Accepted("1")
    [received] = telegram.journal.received
    assert received.content == {"chat_id": 1111111, "text": "Breathe in, breathe out."}
    assert received.headers["content-type"] == "application/json"
    assert "authorization" not in received.headers


async def test_a_chat_may_have_a_name(chat: TelegramChat, telegram: TelegramImitation, message: SendChat) -> None:
    await chat.send(message.model_copy(update={"to": "@acme"}), SECRETS)
    assert telegram.journal.counts == {"@acme": 1}


async def test_the_api_may_be_below_a_path(telegram: TelegramImitation, message: SendChat) -> None:
    connector = TelegramChat(f"{telegram.url}/below/", timeout_seconds=5.0)
    assert await connector.send(message, SECRETS) == Accepted("1")
    await connector.close()


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (403, "Forbidden: bot was blocked by the user"),
        (403, "Forbidden: user is deactivated"),
        (403, "Forbidden: bot can't initiate conversation with a user"),
        (400, "Bad Request: chat not found"),
    ],
)
async def test_a_person_who_cannot_be_written_to_is_named_so(
    chat: TelegramChat, telegram: TelegramImitation, message: SendChat, status: int, sentence: str
) -> None:
    telegram.behave(failing(status, text=sentence))
    assert await chat.send(message, SECRETS) == Rejected("unreachable_recipient", sentence)


@pytest.mark.parametrize("status", [401, 404])
async def test_a_token_that_telegram_does_not_know_is_refused_as_credentials(
    chat: TelegramChat, telegram: TelegramImitation, message: SendChat, status: int
) -> None:
    telegram.behave(failing(status))
    verdict = await chat.send(message, SECRETS)
    assert isinstance(verdict, Rejected)
    assert verdict.code == "credentials"


async def test_another_refusal_is_final_and_says_telegrams_own_words(
    chat: TelegramChat, telegram: TelegramImitation, message: SendChat
) -> None:
    telegram.behave(failing(400, text="Bad Request: message is too long"))
    assert await chat.send(message, SECRETS) == Rejected("400", "Bad Request: message is too long")


async def test_a_limit_is_waited_for_but_not_for_ever(
    chat: TelegramChat, telegram: TelegramImitation, message: SendChat
) -> None:
    telegram.behave(throttling("5", text="Too Many Requests: retry after 5"), throttling("9999999"), failing(429))
    verdicts = [await chat.send(message, SECRETS) for _ in range(3)]
    assert verdicts[0] == Deferred("429", "Too Many Requests: retry after 5", 5.0)
    assert [verdict.after for verdict in verdicts[1:] if isinstance(verdict, Deferred)] == [LONGEST, None]


async def test_a_webhook_is_set_with_its_secret_and_removed(chat: TelegramChat, telegram: TelegramImitation) -> None:
    effect = SetChatWebhook(channel=ChatChannel.TELEGRAM, vault="c", url=URL)
    assert isinstance(await chat.set_webhook(effect, SECRETS), Accepted)
    assert telegram.webhook == {"url": URL, "allowed_updates": ["message"], "secret_token": SECRET_TOKEN}
    assert isinstance(await chat.set_webhook(effect.model_copy(update={"url": None}), SECRETS), Accepted)
    assert telegram.webhook == {}


async def test_a_webhook_that_telegram_refuses_is_final(chat: TelegramChat, telegram: TelegramImitation) -> None:
    sentence = "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"
    telegram.behave(failing(400, text=sentence, stage=Stage.LIST))
    effect = SetChatWebhook(channel=ChatChannel.TELEGRAM, vault="c", url=URL)
    assert await chat.set_webhook(effect, SECRETS) == Rejected("400", sentence)


async def test_a_bot_has_no_number_to_be_found(chat: TelegramChat, telegram: TelegramImitation) -> None:
    effect = FindChatSender(channel=ChatChannel.TELEGRAM, vault="c", account="a")
    assert isinstance(await chat.find_sender(effect, SECRETS), Accepted)
    assert telegram.journal.requests == 0


async def test_the_imitation_answers_as_telegram_documents_it(telegram: TelegramImitation) -> None:
    telegram.behave(throttling("5", text="Too Many Requests: retry after 5"))
    async with httpx2.AsyncClient(base_url=f"{telegram.url}/bot{BOT_TOKEN}") as client:
        refused = await client.post("/sendMessage", json={"chat_id": 1, "text": "Hi"})
        taken = await client.post("/sendMessage", json={"chat_id": 1, "text": "Hi"})
        unknown = await client.post(f"{telegram.url}/botwrong/sendMessage", json={"chat_id": 1, "text": "Hi"})
    assert (refused.status_code, refused.json()) == (
        429,
        {
            "ok": False,
            "error_code": 429,
            "description": "Too Many Requests: retry after 5",
            "parameters": {"retry_after": 5},
        },
    )
    assert taken.json()["result"].keys() >= {"message_id", "from", "chat", "text"}
    assert unknown.json() == {"ok": False, "error_code": 401, "description": "Unauthorized"}

"""Chat messages with the channel's secrets: from the vault, to the channel's service, or to the outbox."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import psycopg
import pytest
from psycopg_pool import PoolTimeout

from connectors.chat import ERASED, ChatService, Secrets
from connectors.sandbox import SandboxChat
from domain.calls.chat import ChatChannel, FindChatSender, SendChat, SetChatWebhook
from effects.chat import ChatSenderSearch, ChatSending, ChatWebhookSetting, OpenSecrets
from streams.core.calls import Accepted, Deferred, Rejected, Verdict

SECRETS: Mapping[str, Secrets] = {
    "telegram-1": {"bot_token": "t"},
    "whatsapp-1": {"access_token": "w"},
    "empty": {"webhook_verify_token": "v"},
}


class Service:
    """A service that answers with what it was given."""

    def __init__(self, provider: str, required: str) -> None:
        self.provider = provider
        self.required = required
        self.closed = 0

    async def send(self, effect: SendChat, secrets: Secrets) -> Verdict:
        return Accepted(f"{self.provider}/{secrets[self.required]}/{effect.reference}")

    async def set_webhook(self, effect: SetChatWebhook, secrets: Secrets) -> Verdict:
        return Accepted(f"{self.provider}/{secrets[self.required]}/{effect.url}")

    async def find_sender(self, effect: FindChatSender, secrets: Secrets) -> Verdict:
        return Accepted(f"{self.provider}/{secrets[self.required]}/{effect.account}")

    async def close(self) -> None:
        self.closed += 1


async def opened(reference: str) -> Secrets:
    return SECRETS[reference]


async def no_answer(reference: str) -> Secrets:
    raise PoolTimeout(reference)


async def no_database(reference: str) -> Secrets:
    raise psycopg.OperationalError(reference)


@pytest.fixture
def services() -> Mapping[ChatChannel, ChatService]:
    return {
        ChatChannel.WHATSAPP: Service("whatsapp", "access_token"),
        ChatChannel.TELEGRAM: Service("telegram", "bot_token"),
    }


@pytest.fixture
async def send(services: Mapping[ChatChannel, ChatService], tmp_path: Path) -> AsyncIterator[ChatSending]:
    sending = ChatSending(services, SandboxChat(tmp_path), opened)
    yield sending
    await sending.close()


def message(channel: ChatChannel, vault: str | None, text: str | None = "Hi") -> SendChat:
    return SendChat(
        context="creator_hub",
        recipient_id="7",
        channel=channel,
        reference="m-1",
        vault=vault,
        to="1",
        text=text,
    )


async def test_a_message_goes_to_its_channels_service_with_its_channels_secrets(send: ChatSending) -> None:
    for channel in ChatChannel:
        verdict = await send(message(channel, f"{channel.value}-1"), "key-1")
        assert verdict == Accepted(f"{channel.value}/{channel.value[0]}/m-1")
    assert send.idempotent is False


@pytest.mark.parametrize("vault", [None, "empty"])
async def test_a_channel_without_its_token_is_served_by_the_sandbox(
    send: ChatSending, vault: str | None, tmp_path: Path
) -> None:
    assert await send(message(ChatChannel.WHATSAPP, vault), "key-1") == Accepted("sandbox-key-1")
    assert [path.name for path in tmp_path.iterdir()] == ["chat-key-1.json"]


async def test_secrets_that_are_gone_are_never_replaced_by_the_sandbox(send: ChatSending, tmp_path: Path) -> None:
    verdict = await send(message(ChatChannel.TELEGRAM, "forgotten"), "key-1")
    assert isinstance(verdict, Rejected)
    assert verdict.code == "credentials"
    assert list(tmp_path.iterdir()) == []


async def test_an_erased_person_is_not_written_to(send: ChatSending) -> None:
    assert await send(message(ChatChannel.TELEGRAM, "forgotten", None), "key-1") == ERASED


@pytest.mark.parametrize("secrets", [no_answer, no_database])
async def test_a_vault_that_is_away_puts_the_effect_off(
    services: Mapping[ChatChannel, ChatService], secrets: OpenSecrets, tmp_path: Path
) -> None:
    sending = ChatSending(services, SandboxChat(tmp_path), secrets)
    assert isinstance(await sending(message(ChatChannel.TELEGRAM, "telegram-1"), "key-1"), Deferred)
    setting = ChatWebhookSetting(services, secrets)
    effect = SetChatWebhook(channel=ChatChannel.TELEGRAM, vault="telegram-1", url=None)
    assert isinstance(await setting(effect, "key-1"), Deferred)


async def test_a_webhook_is_set_and_a_number_found_with_the_channels_secrets(
    services: Mapping[ChatChannel, ChatService],
) -> None:
    setting, search = ChatWebhookSetting(services, opened), ChatSenderSearch(services, opened)
    webhook = SetChatWebhook(channel=ChatChannel.TELEGRAM, vault="telegram-1", url="https://acme.example")
    assert await setting(webhook, "k") == Accepted("telegram/t/https://acme.example")
    sender = FindChatSender(channel=ChatChannel.WHATSAPP, vault="whatsapp-1", account="a-1")
    assert await search(sender, "k") == Accepted("whatsapp/w/a-1")
    assert isinstance(await setting(webhook.model_copy(update={"vault": "forgotten"}), "k"), Rejected)
    assert isinstance(await search(sender.model_copy(update={"vault": "forgotten"}), "k"), Rejected)
    await setting.close()
    await search.close()

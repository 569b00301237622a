"""The port of chat services, and what their connectors share.

A channel brings its own secrets, so one connector speaks for every channel of its service.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from connectors.http_client import HttpClient
from connectors.sms import without_numbers
from domain.calls.chat import CREDENTIALS, ChatChannel, FindChatSender, SendChat, SetChatWebhook
from streams.core.calls import Accepted, Rejected, Verdict

ERASED = Rejected("erased", "the recipient's data was erased before the message went out")
UNUSABLE = Rejected(CREDENTIALS, "the channel has no token, or one with letters that no token has")

clean = without_numbers
"""A provider's sentence for logs and events: short, printable, and without phone numbers."""

Secrets = Mapping[str, str]
"""The secrets of a channel, by the names of its configuration."""


class ChatService(Protocol):
    """A connector to a chat service. Never raises for an error of the provider or the network.

    `required` names the secret without which a channel is not configured. No call is recognised when it is repeated.
    """

    provider: str
    required: str

    async def send(self, effect: SendChat, secrets: Secrets) -> Verdict: ...

    async def set_webhook(self, effect: SetChatWebhook, secrets: Secrets) -> Verdict: ...

    async def find_sender(self, effect: FindChatSender, secrets: Secrets) -> Verdict: ...

    async def close(self) -> None: ...


ChatServices = Mapping[ChatChannel, ChatService]


async def close_all(services: ChatServices) -> None:
    """Close every connector."""
    await asyncio.gather(*(service.close() for service in services.values()))


def client_for(client: HttpClient, token: str) -> HttpClient | Rejected:
    """The client with a channel's token; a rejection for one that no header can carry."""
    usable = token and token.isascii() and token.isprintable() and " " not in token
    return client.with_key(token) if usable else UNUSABLE


def nothing_to_do(service: str) -> Accepted:
    """The verdict of a call that this service has no need of."""
    return Accepted(service)

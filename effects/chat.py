"""Chat messages, webhooks and numbers of channels, performed with the channel's secrets from the vault.

A channel without its service's token is served by the sandbox; a service is called with nothing but a channel's own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import psycopg
from psycopg_pool import PoolTimeout

from connectors.chat import ERASED, ChatServices, Secrets, close_all
from domain.calls.chat import CREDENTIALS, FindChatSender, SendChat, SetChatWebhook
from streams.core.calls import Connector, Deferred, Rejected, Verdict

OpenSecrets = Callable[[str], Awaitable[Secrets]]
"""The vault's `open`. Raises LookupError for a reference without secrets, psycopg.Error, psycopg_pool.PoolTimeout."""

GONE = Rejected(CREDENTIALS, "the channel's secrets are no longer there")
AWAY = Deferred("database_away", "the channel's secrets could not be read")


class ChatSending:
    """Sends each message by its channel's service, or writes it to the sandbox's outbox."""

    provider = "chat"
    idempotent = False

    def __init__(self, services: ChatServices, sandbox: Connector[SendChat], secrets: OpenSecrets) -> None:
        self._services = services
        self._sandbox = sandbox
        self._secrets = secrets

    async def __call__(self, effect: SendChat, key: str) -> Verdict:
        if effect.to is None or effect.text is None:
            return ERASED
        secrets = await _opened(self._secrets, effect.vault)
        if isinstance(secrets, Rejected | Deferred):
            return secrets
        service = self._services[effect.channel]
        if not secrets.get(service.required):
            return await self._sandbox(effect, key)
        return await service.send(effect, secrets)

    async def close(self) -> None:
        await close_all(self._services)
        await self._sandbox.close()


class ChatWebhookSetting:
    """Tells each channel's service where to send updates."""

    provider = "chat"
    idempotent = True

    def __init__(self, services: ChatServices, secrets: OpenSecrets) -> None:
        self._services = services
        self._secrets = secrets

    async def __call__(self, effect: SetChatWebhook, key: str) -> Verdict:
        secrets = await _opened(self._secrets, effect.vault)
        if isinstance(secrets, Rejected | Deferred):
            return secrets
        return await self._services[effect.channel].set_webhook(effect, secrets)

    async def close(self) -> None:
        await close_all(self._services)


class ChatSenderSearch:
    """Finds the id of each channel's number."""

    provider = "chat"
    idempotent = True

    def __init__(self, services: ChatServices, secrets: OpenSecrets) -> None:
        self._services = services
        self._secrets = secrets

    async def __call__(self, effect: FindChatSender, key: str) -> Verdict:
        secrets = await _opened(self._secrets, effect.vault)
        if isinstance(secrets, Rejected | Deferred):
            return secrets
        return await self._services[effect.channel].find_sender(effect, secrets)

    async def close(self) -> None:
        await close_all(self._services)


async def _opened(open_secrets: OpenSecrets, reference: str | None) -> Secrets | Rejected | Deferred:
    """The secrets of a channel; none of a channel that has none."""
    if reference is None:
        return {}
    try:
        return await open_secrets(reference)
    except LookupError:
        return GONE
    except (psycopg.Error, PoolTimeout):
        return AWAY

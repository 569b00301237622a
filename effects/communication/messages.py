"""From what is to be said to the words and the provider: rendering at the edge, where the secrets and addresses are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import psycopg
from psycopg_pool import PoolTimeout

from api.communication.dependencies import Secrets
from commands.communication.effects import (
    NOT_ALLOWED,
    FindSenders,
    ForgetMessages,
    SendMail,
    SendMessage,
    SendText,
    SendVerificationCode,
)
from connectors.sandbox import forget
from content.communication import Links, mail, text_message, verification_text
from domain.calls.email import Email
from domain.calls.sms import Sms
from domain.communication.kinds import Channel
from domain.messages import Effect
from projections.communication.queries.consent_check import ConsentCheck, may_still_go
from projections.communication.recipients import RECIPIENTS, users_with_mark
from streams.core.calls import Accepted, Connector, Deferred, Rejected, Verdict
from streams.core.partitions import partition_of
from streams.core.read_models import Row
from streams.postgres.reads import Reads
from streams.postgres.status import installation

CONTEXT = "communication"
BEHIND_SECONDS = 60.0
"""How long until it is asked again whether a read model that halted goes on."""

REMOVAL_SECONDS = 300.0
"""How long until the outbox's files are tried again."""

Asked = TypeVar("Asked", bound=Effect)
Rendered = TypeVar("Rendered", bound=Effect)
Message = TypeVar("Message", bound=SendMessage)


class Rendering(Generic[Asked, Rendered]):
    """A connector that renders an effect and passes it to the provider's connector."""

    def __init__(self, render: Callable[[Asked], Rendered], connector: Connector[Rendered]) -> None:
        self._render = render
        self._connector = connector
        self.provider = connector.provider
        self.idempotent = connector.idempotent

    async def __call__(self, effect: Asked, key: str) -> Verdict:
        return await self._connector(self._render(effect), key)

    async def close(self) -> None:
        """The provider's connector is closed by whoever made it."""


class Permission:
    """Asks the recipient's own record right before every try: hours may lie between a dispatch and its last retry."""

    def __init__(self, dsn: str) -> None:
        self._reads = Reads(dsn, size=2)

    async def of(self, effect: SendMessage, channel: Channel) -> ConsentCheck:
        """Whether the message may still go; raises psycopg.Error or psycopg_pool.PoolTimeout."""
        await self._reads.open()
        async with self._reads.connection() as connection:
            return await may_still_go(connection, effect.user_id, channel, effect.trigger_type)

    async def close(self) -> None:
        await self._reads.close()


class Permitted(Generic[Message]):
    """Performs an effect only while its recipient still allows it."""

    def __init__(self, permission: Permission, channel: Channel, connector: Connector[Message]) -> None:
        self._permission = permission
        self._channel = channel
        self._connector = connector
        self.provider = connector.provider
        self.idempotent = connector.idempotent

    async def __call__(self, effect: Message, key: str) -> Verdict:
        try:
            allowed = await self._permission.of(effect, self._channel)
        except (psycopg.Error, PoolTimeout):
            return Deferred("database_away", "whether the recipient still allows it could not be asked")
        if not allowed.can_send:
            return Rejected(NOT_ALLOWED, f"the recipient does not allow it any more: {allowed.reason}")
        return await self._connector(effect, key)

    async def close(self) -> None:
        await self._permission.close()


class Senders:
    """Looks for whoever sent a STOP, in a read model that has come past it; one that has halted is waited for."""

    provider = "read model"
    idempotent = True

    def __init__(self, dsn: str, secrets: Secrets) -> None:
        self._reads = Reads(dsn, size=2)
        self._salt = secrets.salt

    async def __call__(self, effect: FindSenders, key: str) -> Verdict:
        try:
            await self._reads.open()
            async with self._reads.connection() as connection:
                if await self._behind(connection):
                    return Deferred("read_model_behind", "not everybody's number can be seen", BEHIND_SECONDS)
                users = await users_with_mark(connection, self._salt, effect.mark)
        except (psycopg.Error, PoolTimeout):
            return Deferred("database_away", "whose number it is could not be asked")
        here = [user for user in users if partition_of(str(user), effect.partitions) == effect.partition]
        return Accepted(effect.stop_id, {"user_ids": [user for user in here if user not in effect.told]})

    async def _behind(self, connection: psycopg.AsyncConnection[Row]) -> bool:
        """Nothing but a halt holds a read model back from what made this task: they are written in one transaction."""
        live = (p for p in (await installation(connection)).projections if p.state == "live")
        return any(projection.name == RECIPIENTS.name and projection.lag_events for projection in live)

    async def close(self) -> None:
        await self._reads.close()


class Forgetting:
    """Takes an erased person's messages out of the sandbox's outbox, which may be there from before a provider was."""

    provider = "sandbox"
    idempotent = True

    def __init__(self, outbox: Path) -> None:
        self._outbox = outbox

    async def __call__(self, effect: ForgetMessages, key: str) -> Verdict:
        try:
            await asyncio.to_thread(forget, self._outbox, effect.erased)
        except OSError as error:
            return Deferred("outbox", f"a file could not be removed: {error.strerror}", REMOVAL_SECONDS)
        return Accepted(effect.erased)

    async def close(self) -> None:
        """There is nothing to close."""


def _sms(effect: SendMessage | SendVerificationCode, reference: str, body: str | None) -> Sms:
    return Sms(context=CONTEXT, recipient_id=str(effect.user_id), reference=reference, to=effect.to, body=body)


def text_of(effect: SendText) -> Sms:
    """The text message, empty once the person is erased."""
    body = None if effect.data is None else text_message(effect.template, effect.data).body
    return _sms(effect, str(effect.message_id), body)


def code_of(secrets: Secrets) -> Callable[[SendVerificationCode], Sms]:
    """The text with the code of a verification, which is nowhere else."""

    def render(effect: SendVerificationCode) -> Sms:
        body = verification_text(secrets.code(effect.verification_id)).body
        return _sms(effect, str(effect.verification_id), body)

    return render


def mail_of(secrets: Secrets) -> Callable[[SendMail], Email]:
    """The e-mail, with the recipient's own unsubscribe link."""

    def render(effect: SendMail) -> Email:
        about: dict[str, Any] = {
            "context": CONTEXT,
            "recipient_id": str(effect.user_id),
            "reference": str(effect.message_id),
        }
        if effect.data is None or effect.to is None:
            return Email(**about, to=None, subject_line=None)
        link = secrets.unsubscribe_link(effect.user_id, effect.trigger_type)
        words = mail(effect.template, effect.data, Links(unsubscribe=link))
        return Email(
            **about, to=effect.to, subject_line=words.subject, html=words.html, text=words.text, headers=words.headers
        )

    return render

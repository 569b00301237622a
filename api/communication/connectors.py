"""From what is to be said to the words and the provider: rendering at the edge, where the secrets and addresses are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from api.communication.desk import Secrets
from commands.communication.effects import SendMail, SendMessage, SendText, SendVerificationCode
from domain.messages import Effect
from projections.communication.content import Links, mail, text_message, verification_text
from streams.calls import Connector, Verdict
from streams.calls.email import Email
from streams.calls.sms import Sms

CONTEXT = "communication"
Asked = TypeVar("Asked", bound=Effect)
Rendered = TypeVar("Rendered", bound=Effect)


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

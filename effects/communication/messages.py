"""Rendering of message effects: a text message, a verification's text message, an e-mail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from commands.communication.effects import SendMail, SendMessage, SendText, SendVerificationCode
from content.communication import Links, mail, text_message, verification_text
from content.communication.links import UnsubscribeLinks
from domain.calls.email import Email
from domain.calls.sms import Sms
from streams.core.secrets import Secrets

CONTEXT = "communication"


def _sms(effect: SendMessage | SendVerificationCode, reference: str, body: str | None) -> Sms:
    return Sms(context=CONTEXT, recipient_id=str(effect.user_id), reference=reference, to=effect.to, body=body)


def text_of(effect: SendText) -> Sms:
    """The text message of an effect; its body is None once the person is erased."""
    body = None if effect.data is None else text_message(effect.template, effect.data).body
    return _sms(effect, str(effect.message_id), body)


def code_of(secrets: Secrets) -> Callable[[SendVerificationCode], Sms]:
    """The renderer of text messages with a verification's code, which is derived and never stored."""

    def render(effect: SendVerificationCode) -> Sms:
        body = verification_text(secrets.code(effect.verification_id)).body
        return _sms(effect, str(effect.verification_id), body)

    return render


def mail_of(links: UnsubscribeLinks) -> Callable[[SendMail], Email]:
    """The renderer of e-mails, each with the recipient's unsubscribe link."""

    def render(effect: SendMail) -> Email:
        about: dict[str, Any] = {
            "context": CONTEXT,
            "recipient_id": str(effect.user_id),
            "reference": str(effect.message_id),
        }
        if effect.data is None or effect.to is None:
            return Email(**about, to=None, subject_line=None)
        link = links.link(effect.user_id, effect.trigger_type)
        words = mail(effect.template, effect.data, Links(unsubscribe=link))
        return Email(
            **about, to=effect.to, subject_line=words.subject, html=words.html, text=words.text, headers=words.headers
        )

    return render

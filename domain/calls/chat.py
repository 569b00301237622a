"""Chat messages to one person, and what a channel of a chat service needs, as effects."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.messages import Effect, Personal

LONGEST_TEXT = 4096
"""The most UTF-16 code units of one message, with every service (domain/social/message_parts.py splits longer ones)."""

CREDENTIALS = "credentials"
"""The code of a refused key or token, and of one that is missing."""

WINDOW_CLOSED = "window_closed"
"""The code of a person who has not written for 24 hours, so that only templates go out."""

UNREACHABLE_RECIPIENT = "unreachable_recipient"
"""The code of a person who has blocked us, has left, or cannot be written to."""

SENDER_MISSING = "sender_missing"
"""The code of a channel whose sending number is not known yet."""


class ChatChannel(StrEnum):
    """Chat services, by the names that the surfaces use."""

    WHATSAPP = "whatsapp"
    TELEGRAM = "telegram"


class ChatTemplate(BaseModel):
    """A template that the service has approved: all that goes out on WhatsApp where the window is closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    language: str


class SendChat(Effect, name="send_chat.v1", subject="recipient_id"):
    """A chat message, or the given part of a longer one, as plain text. With a template, that goes out instead.

    `context` and `recipient_id` name the person. `to` and `text` are None once that person has been erased, and every
    connector then answers ERASED. `reference` is our own id of the message, and parts count from 1. `vault` is
    the vault's reference of the channel's secrets, `sender` the service's id of our number (WhatsApp). Rejections:
    `credentials`, `window_closed`, `unreachable_recipient`; else the service's own code.
    """

    context: str
    recipient_id: str
    channel: ChatChannel
    reference: str
    part: int = 1
    vault: str | None = None
    sender: str | None = None
    template: ChatTemplate | None = None
    to: Personal[str]
    text: Personal[str]

    @property
    def subject(self) -> str:
        """The data subject of the context that asks; the effect's own name begins with no context."""
        return f"{self.context}:{self.recipient_id}"


class SetChatWebhook(Effect, name="set_chat_webhook.v1"):
    """The address at which a channel's updates are taken; None removes it. Only Telegram is told by a call.

    The secret of each update, `secret_token`, lies with the token in the vault.
    """

    channel: ChatChannel
    vault: str
    url: str | None


class FindChatSender(Effect, name="find_chat_sender.v1"):
    """The look-up of a number's id with the service (WhatsApp), which is the accepted verdict's provider id.

    Without a number it is the account's only one. Rejection: `sender_missing`, where the account has none that fits.
    """

    channel: ChatChannel
    vault: str
    account: str
    number: str | None = None


def callback_of(reference: str, part: int) -> str:
    """The text that identifies a part in the service's reports."""
    return f"{reference}/{part}"


def part_of(callback: str) -> tuple[str, int] | None:
    """The reference and part that such a text identifies; None if it is not ours."""
    reference, slash, part = callback.rpartition("/")
    plain = part.isascii() and part.isdecimal() and len(part) < 6
    return (reference, int(part)) if slash and reference and plain else None

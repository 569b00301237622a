"""A text message to one person, as data."""

from __future__ import annotations

import re

from domain.messages import Effect, Personal
from streams.calls import Rejected

ERASED = Rejected("erased", "the recipient's data was erased before the message went out")

_LONGEST = 500
_NUMBER = re.compile(r"\+?\d(?:[\s().-]{0,2}\d){6,}")


class Sms(Effect, name="sms.v1", subject="recipient_id"):
    """A text message. `to` is an E.164 number; `reference` is our own id of the message.

    `context` and `recipient_id` name the person it concerns; `to` and `body` are None once that person was erased,
    and every connector then answers ERASED.
    """

    context: str
    recipient_id: str
    reference: str
    to: Personal[str]
    body: Personal[str]

    @property
    def subject(self) -> str:
        """The data subject is the asking context's, whatever the name of the effect begins with."""
        return f"{self.context}:{self.recipient_id}"


def without_numbers(text: str) -> str:
    """A provider's sentence, fit for logs and events: short, printable, and the phone numbers in it blotted out."""
    printable = "".join(character if character.isprintable() else " " for character in text[: 4 * _LONGEST])
    return _NUMBER.sub("[number]", printable)[:_LONGEST]

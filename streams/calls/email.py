"""An e-mail to one person, as data."""

from __future__ import annotations

import re

from pydantic import Field

from domain.messages import Effect, Personal
from streams.calls import Rejected

ERASED = Rejected("erased", "the recipient's data was erased before the e-mail went out")

_LONGEST = 500
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"'`]+@[^\s<>()\[\],;:\"'`]+")


class Email(Effect, name="email.v1", subject="recipient_id"):
    """An e-mail, as HTML, plain text or both. `headers` are extra ones; `reference` is our own id of the message.

    `context` and `recipient_id` name the person it concerns; the personal values are None once that person was erased,
    and every connector then answers ERASED. The subject line is not called `subject`: that is the data subject.
    """

    context: str
    recipient_id: str
    reference: str
    to: Personal[str]
    subject_line: Personal[str]
    html: Personal[str] = None
    text: Personal[str] = None
    headers: dict[str, str] = Field(default_factory=dict)

    @property
    def subject(self) -> str:
        """The data subject is the asking context's, whatever the name of the effect begins with."""
        return f"{self.context}:{self.recipient_id}"


def without_addresses(text: str) -> str:
    """A provider's sentence, fit for logs and events: short, printable, and the e-mail addresses in it blotted out."""
    printable = "".join(character if character.isprintable() else " " for character in text[: 4 * _LONGEST])
    return _ADDRESS.sub("[address]", printable)[:_LONGEST]

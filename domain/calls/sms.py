"""A text message to one person, as data."""

from __future__ import annotations

from domain.messages import Effect, Personal


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

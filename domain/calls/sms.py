"""A text message to one person, as an effect."""

from __future__ import annotations

from domain.messages import Effect, Personal


class Sms(Effect, name="sms.v1", subject="recipient_id"):
    """A text message. `to` is an E.164 number; `reference` is our own id of the message.

    `context` and `recipient_id` name the person. `to` and `body` are None once that person has been erased, and every
    connector then answers ERASED.
    """

    context: str
    recipient_id: str
    reference: str
    to: Personal[str]
    body: Personal[str]

    @property
    def subject(self) -> str:
        """The data subject of the context that asks; the effect's own name begins with no context."""
        return f"{self.context}:{self.recipient_id}"

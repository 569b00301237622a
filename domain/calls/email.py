"""An e-mail to one person, as data."""

from __future__ import annotations

from pydantic import Field

from domain.messages import Effect, Personal


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

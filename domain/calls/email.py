"""An e-mail to one person, as an effect."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from domain.messages import Effect, Personal


class Attachment(BaseModel):
    """A file of an e-mail: its name for the reader, its media type without parameters, and the id of its object.

    Its bytes are loaded by the performer (effects/attachments.py).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    media_type: str = Field(pattern=r"^[a-z]+/[a-z0-9.+-]+$")
    object_id: str


class Email(Effect, name="email.v1", subject="recipient_id"):
    """An e-mail, as HTML, plain text or both. `headers` are additional ones; `reference` is our own id of the message.

    `context` and `recipient_id` name the person. The personal values are None once that person has been erased, and
    every connector then answers ERASED. The subject line is not called `subject`: that is the data subject.
    """

    context: str
    recipient_id: str
    reference: str
    to: Personal[str]
    subject_line: Personal[str]
    html: Personal[str] = None
    text: Personal[str] = None
    headers: dict[str, str] = Field(default_factory=dict)
    attachments: tuple[Attachment, ...] = Field((), exclude_if=lambda files: not files)
    """Without any it is stored as releases know it that have none."""

    @property
    def subject(self) -> str:
        """The data subject of the context that asks; the effect's own name begins with no context."""
        return f"{self.context}:{self.recipient_id}"

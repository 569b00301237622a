"""Replies to a member by a model: asked for within the allowance, composed with citations, skipped or discarded."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.creator_hub.kinds import OfMember
from domain.messages import Instant, Personal


class Citation(BaseModel):
    """A passage that a reply rests on: `hash` is that of its words (SHA-256), `score` that of the search."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    document_id: str
    chunk_id: str
    hash: str
    score: float


class Usage(BaseModel):
    """Tokens that the provider counted, and the cost in microcents of a US dollar."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input_tokens: int = 0
    output_tokens: int = 0
    cost_microcents: int = 0


class ReplyCause(BaseModel):
    """What a reply is for: messages of the member, or a step of a program."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    message_ids: tuple[str, ...] = ()
    program_id: str | None = None
    flow_id: str | None = None
    n: int | None = None


class ReplyRequested(OfMember, name="creator_hub.member.reply_requested.v1"):
    """A model is asked. `text` is what is to be answered: the messages' texts, or the step's instruction.

    `asked_at` is when the first of the messages came, or the step began.
    """

    asked_at: Instant
    reply_id: str
    channel_id: str
    cause: ReplyCause
    text: Personal[str]
    knowledge_base_ids: tuple[str, ...]
    cite_sources: bool
    only_knowledge: bool


class SkipReason(StrEnum):
    """Why no model was asked, or why its reply was of no use."""

    NO_MODEL = "no_model"
    OVER_ALLOWANCE = "over_allowance"
    ESCALATED = "escalated"
    OPTED_OUT = "opted_out"
    NOT_TEXT = "not_text"
    REPLIES_OFF = "replies_off"
    PROGRAM_STEP = "program_step"
    NOTHING_FOUND = "nothing_found"
    MODEL_FAILED = "model_failed"


class ReplySkipped(OfMember, name="creator_hub.member.reply_skipped.v1"):
    reply_id: str | None
    cause: ReplyCause
    reason: SkipReason


class ReplyComposed(OfMember, name="creator_hub.member.reply_composed.v1"):
    """The model's reply, which goes out as the message `message_id`."""

    reply_id: str
    message_id: str
    cause: ReplyCause
    text: Personal[str]
    citations: tuple[Citation, ...]
    prompt_version: str
    model: str
    usage: Usage


class ReplyDiscarded(OfMember, name="creator_hub.member.reply_discarded.v1"):
    """The reply came too late: a person has been asked for, or the member wants nothing any more."""

    reply_id: str
    cause: ReplyCause
    reason: SkipReason
    model: str
    usage: Usage


ReplyEvent = ReplyRequested | ReplySkipped | ReplyComposed | ReplyDiscarded


class Unanswered(BaseModel):
    """A message that came while another one was being answered; the next reply is to it too."""

    model_config = ConfigDict(frozen=True)

    message_id: str
    text: str
    at: Instant

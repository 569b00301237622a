"""Replies by a model: when one is asked for, and what becomes of its answer. One is open for a member at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from commands.creator_hub.dispatch import Outgoing, queued
from domain.creator_hub.account import Account
from domain.creator_hub.allowance import Allowance, AllowanceSpent, hour_of
from domain.creator_hub.channel import Channel
from domain.creator_hub.kinds import derived_id
from domain.creator_hub.member import Member, MemberEvent, evolve
from domain.creator_hub.message import Cause, CauseKind, Message, MessageEvent, MessagePhase
from domain.creator_hub.reply import (
    Citation,
    ReplyCause,
    ReplyComposed,
    ReplyDiscarded,
    ReplyRequested,
    ReplySkipped,
    SkipReason,
    Unanswered,
    Usage,
)
from domain.messages import Attempt, Instant, Personal, ReplyAboutPerson, Result

LONGEST_REPLY = 4096
NOTHING_FOUND, NO_MODEL = "nothing_found", "no_model"


class RecordReply(ReplyAboutPerson, name="creator_hub.member.record_reply.v1", key="creator_id", subject="user_id"):
    """The model's answer. What it says is kept apart from the attempt, sealed."""

    creator_id: str
    user_id: str
    channel_id: str
    reply_id: str
    cause: ReplyCause
    asked_at: Instant
    answer: Personal[dict[str, JsonValue]] = None

    @property
    def message_id(self) -> str:
        """The id of the message that the reply goes out as."""
        return reply_message_id(self.reply_id)

    @property
    def holds_personal(self) -> bool:
        return self.answer is not None or super().holds_personal

    def answered(self, attempt: Attempt, at: datetime) -> Self:
        """This reply with the attempt, whose output becomes the answer."""
        apart = super().answered(attempt.model_copy(update={"output": None}), at)
        return apart.model_copy(update={"answer": attempt.output})


class _Answer(BaseModel):
    """The output of the effect AnswerMember."""

    model_config = ConfigDict(frozen=True)

    text: str
    citations: tuple[Citation, ...] = ()
    prompt_version: str = ""
    model: str = ""
    usage: Usage = Usage()


class About(NamedTuple):
    """Whom a reply is for, and what of the hour's allowance is left."""

    at: datetime
    creator_id: str
    user_id: str
    channel_id: str
    left: int


class Asking(NamedTuple):
    """The account's limit and the hour's use."""

    account: Account
    allowance: Allowance

    def about(self, at: datetime, creator_id: str, user_id: str, channel_id: str) -> About:
        left = self.account.ai_interactions - self.allowance.spent
        return About(at, creator_id, user_id, channel_id, left)


def reply_message_id(reply_id: str) -> str:
    """The id of the message that a reply goes out as."""
    return derived_id("reply", reply_id)


def replies_to(
    messages: Sequence[Unanswered],
    member: Member,
    channel: Channel,
    about: About,
    *,
    model: bool,
    stopped: bool,
    answers_step: bool = False,
) -> Iterator[MemberEvent | AllowanceSpent]:
    """A request to the model for these messages, or the reason why there is none."""
    cause = ReplyCause(message_ids=tuple(one.message_id for one in messages))
    text = "\n\n".join(one.text for one in messages if one.text)
    reason = _skip_reason(member, channel, text, stopped=stopped, answers_step=answers_step)
    if reason is None and not model:
        reason = SkipReason.NO_MODEL
    if reason is not None:
        yield skipped(about, cause, reason)
    else:
        yield from requested(about, cause, text, channel, messages[0].at)


def _skip_reason(
    member: Member, channel: Channel, text: str, *, stopped: bool, answers_step: bool
) -> SkipReason | None:
    reasons = {
        SkipReason.OPTED_OUT: stopped,
        SkipReason.NOT_TEXT: not text.strip(),
        SkipReason.ESCALATED: member.escalated,
        SkipReason.REPLIES_OFF: not channel.replies,
        SkipReason.PROGRAM_STEP: answers_step,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def requested(
    about: About, cause: ReplyCause, text: str, channel: Channel, asked_at: datetime
) -> Iterator[MemberEvent | AllowanceSpent]:
    """The request, within the hour's allowance."""
    if about.left <= 0:
        yield skipped(about, cause, SkipReason.OVER_ALLOWANCE)
        return
    reply_id = derived_id("reply to", about.user_id, *cause.message_ids, cause.program_id, cause.n)
    bases = channel.configuration.get("knowledge_base_ids")
    yield ReplyRequested(
        at=about.at,
        creator_id=about.creator_id,
        user_id=about.user_id,
        reply_id=reply_id,
        channel_id=about.channel_id,
        cause=cause,
        asked_at=asked_at,
        text=text,
        knowledge_base_ids=tuple(one for one in bases if isinstance(one, str)) if isinstance(bases, list) else (),
        cite_sources=channel.configuration.get("cite_sources") is True,
        only_knowledge=channel.configuration.get("answer_only_from_knowledge") is True,
    )
    yield AllowanceSpent(at=about.at, creator_id=about.creator_id, hour=hour_of(about.at), reply_id=reply_id)


def skipped(about: About, cause: ReplyCause, reason: SkipReason, reply_id: str | None = None) -> ReplySkipped:
    return ReplySkipped(
        at=about.at, creator_id=about.creator_id, user_id=about.user_id, reply_id=reply_id, cause=cause, reason=reason
    )


def record_reply(
    command: RecordReply,
    member: Member,
    channel: Channel,
    account: Account,
    allowance: Allowance,
    message: Message,
) -> Sequence[MemberEvent | MessageEvent | AllowanceSpent]:
    attempt, is_step = command.attempt, command.cause.program_id is not None
    if attempt is None or attempt.result is Result.DEFERRED or message.phase is not MessagePhase.ABSENT:
        return []
    if not is_step and command.reply_id != member.open_reply:
        return []
    about = Asking(account, allowance).about(command.at, command.creator_id, command.user_id, command.channel_id)
    facts, messages = _settled(command, attempt, member, about)
    after = member
    for fact in facts:
        after = evolve(after, fact)
    if is_step or not member.unanswered:
        return [*facts, *messages]
    more = replies_to(member.unanswered, after, channel, about, model=attempt.code != NO_MODEL, stopped=member.stopped)
    return [*facts, *messages, *more]


def _settled(
    command: RecordReply, attempt: Attempt, member: Member, about: About
) -> tuple[list[MemberEvent], list[MessageEvent]]:
    answer = _answer_in(command)
    if attempt.result is not Result.ACCEPTED or answer is None:
        return [skipped(about, command.cause, _failure(attempt), command.reply_id)], []
    reason = _too_late(command, member)
    if reason is not None:
        return [_discarded(command, about, answer, reason)], []
    return [_composed(command, about, answer)], list(_queued(command, member, answer))


def _answer_in(command: RecordReply) -> _Answer | None:
    try:
        answer = _Answer.model_validate(command.answer)
    except ValidationError:
        return None
    return answer if answer.text.strip() else None


def _failure(attempt: Attempt) -> SkipReason:
    known = {NOTHING_FOUND: SkipReason.NOTHING_FOUND, NO_MODEL: SkipReason.NO_MODEL}
    return known.get(attempt.code or "", SkipReason.MODEL_FAILED)


def _too_late(command: RecordReply, member: Member) -> SkipReason | None:
    """A person has been asked for, or the member wants nothing more; a step's text needs consent as any other."""
    if member.escalated:
        return SkipReason.ESCALATED
    unwanted = member.opted_out or member.blocked if command.cause.program_id is not None else member.stopped
    return SkipReason.OPTED_OUT if unwanted else None


def _composed(command: RecordReply, about: About, answer: _Answer) -> ReplyComposed:
    return ReplyComposed(
        at=about.at,
        creator_id=about.creator_id,
        user_id=about.user_id,
        reply_id=command.reply_id,
        message_id=command.message_id,
        cause=command.cause,
        text=answer.text[:LONGEST_REPLY],
        citations=answer.citations,
        prompt_version=answer.prompt_version,
        model=answer.model,
        usage=answer.usage,
    )


def _discarded(command: RecordReply, about: About, answer: _Answer, reason: SkipReason) -> ReplyDiscarded:
    return ReplyDiscarded(
        at=about.at,
        creator_id=about.creator_id,
        user_id=about.user_id,
        reply_id=command.reply_id,
        cause=command.cause,
        reason=reason,
        model=answer.model,
        usage=answer.usage,
    )


def _queued(command: RecordReply, member: Member, answer: _Answer) -> Iterator[MessageEvent]:
    cause = command.cause
    about: dict[str, Any] = {"kind": CauseKind.REPLY, "answered_at": command.asked_at}
    if cause.program_id is not None:
        about = {"kind": CauseKind.STEP, **cause.model_dump(include={"program_id", "flow_id", "n"})}
    return queued(
        Outgoing(
            at=command.at,
            creator_id=command.creator_id,
            user_id=command.user_id,
            message_id=command.message_id,
            text=answer.text[:LONGEST_REPLY],
            cause=Cause(**about, ai=True, reply_id=command.reply_id),
        ),
        member,
    )

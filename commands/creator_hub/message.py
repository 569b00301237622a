"""Messages to members: the answers of the channel's provider, and its reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TypedDict

from commands.creator_hub.dispatch import OUTSIDE_WINDOW, AboutMessage
from commands.creator_hub.rounds import resume_at
from domain.calls.chat import CREDENTIALS, UNREACHABLE_RECIPIENT, WINDOW_CLOSED
from domain.creator_hub.channel import Template
from domain.creator_hub.member import Member, MemberEvent, OptedOut, OptOutSource, WindowClosed
from domain.creator_hub.message import (
    Message,
    MessageDelivered,
    MessageEvent,
    MessageFailed,
    MessagePhase,
    MessagePutOff,
    MessageQueued,
    MessageRead,
    MessageResumed,
    MessageSent,
    MessageUnconfirmed,
    PartSent,
)
from domain.messages import Attempt, Command, Remark, ReplyAboutPerson, Result

REACHED = (MessagePhase.SENT, MessagePhase.UNCONFIRMED, MessagePhase.DELIVERED)


class RecordSend(ReplyAboutPerson, name="creator_hub.message.record_send.v1", key="creator_id", subject="user_id"):
    creator_id: str
    user_id: str
    message_id: str
    part: int
    round: int


class OfMessage(Command, subject="user_id"):
    creator_id: str
    user_id: str
    message_id: str


class ResumeMessage(OfMessage, name="creator_hub.message.resume.v1", key="creator_id"):
    """Begin the round `round`, which was put off."""

    round: int


class ReceiptStatus(StrEnum):
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


class RecordReceipt(OfMessage, name="creator_hub.message.record_receipt.v1", key="creator_id"):
    """The provider's report on a part. `code` and `reason` say why it failed."""

    part: int
    status: ReceiptStatus
    provider_id: str
    code: str | None
    reason: Remark


def record_send(command: RecordSend, message: Message, member: Member) -> Sequence[MessageEvent | MemberEvent]:
    attempt, was = command.attempt, message.queued
    if attempt is None or attempt.result is Result.DEFERRED or was is None:
        return []
    is_open = message.phase is MessagePhase.SENDING
    if not is_open or (command.part, command.round) != (message.part, message.round):
        return []
    return list(_answered(command, attempt, message, was, member))


def _answered(
    command: RecordSend, attempt: Attempt, message: Message, was: MessageQueued, member: Member
) -> Iterator[MessageEvent | MemberEvent]:
    about = _about(command, was)
    match attempt.result:
        case Result.ACCEPTED:
            yield _accepted(about, command.part, attempt.provider_id or "", was)
        case Result.UNCONFIRMED:
            yield MessageUnconfirmed(**about, part=command.part, reason=command.reason)
        case _:
            yield from _refused(command, attempt, message, was, member)


def _accepted(about: AboutMessage, part: int, provider_id: str, was: MessageQueued) -> MessageEvent:
    if part < was.parts:
        return PartSent(**about, **_content(was), part=part, provider_id=provider_id)
    return MessageSent(**about, provider_id=provider_id, ai=was.cause.ai)


def _refused(
    command: RecordSend, attempt: Attempt, message: Message, was: MessageQueued, member: Member
) -> Iterator[MessageEvent | MemberEvent]:
    again = resume_at(attempt, message.worn_out, command.at) if attempt.worn_out else None
    about, code = _about(command, was), attempt.code or "refused"
    if again is not None:
        yield MessagePutOff(**about, part=command.part, round=command.round, code=code, resume_at=again)
        return
    vault = (attempt.output or {}).get("vault") if code == CREDENTIALS else None
    yield MessageFailed(
        **about,
        code=OUTSIDE_WINDOW if code == WINDOW_CLOSED else code,
        vault=vault if isinstance(vault, str) else None,
        reason=command.reason,
    )
    yield from _learnt(about, code, member)


def _learnt(about: AboutMessage, code: str, member: Member) -> Iterator[MemberEvent]:
    """What a refusal says about the member."""
    person = {"at": about["at"], "creator_id": about["creator_id"], "user_id": about["user_id"]}
    if code == UNREACHABLE_RECIPIENT and not member.blocked:
        yield OptedOut.model_validate({**person, "source": OptOutSource.BLOCKED, "message_id": about["message_id"]})
    elif code == WINDOW_CLOSED and member.window_open:
        yield WindowClosed.model_validate({**person, "channel_id": about["channel_id"]})


class _Content(TypedDict):
    to: str | None
    text: str | None
    parts: int
    template: Template | None


def _content(was: MessageQueued) -> _Content:
    return {"to": was.to, "text": was.text, "parts": was.parts, "template": was.template}


def _about(command: RecordSend | ResumeMessage | RecordReceipt, was: MessageQueued) -> AboutMessage:
    return {
        "at": command.at,
        "creator_id": was.creator_id,
        "user_id": was.user_id,
        "message_id": was.message_id,
        "channel_id": was.channel_id,
        "channel_type": was.channel_type,
        "cause": was.cause,
    }


def resume(command: ResumeMessage, message: Message) -> Sequence[MessageEvent]:
    was = message.queued
    if was is None or message.phase is not MessagePhase.PUT_OFF or command.round != message.round + 1:
        return []
    return [MessageResumed(**_about(command, was), **_content(was), part=message.part, round=command.round)]


def record_receipt(command: RecordReceipt, message: Message, member: Member) -> Sequence[MessageEvent | MemberEvent]:
    """A report may come before its send's answer, and settles a message that was unconfirmed."""
    was = message.queued
    if was is None or command.part != was.parts:
        return []
    about, confirms = _about(command, was), message.phase is MessagePhase.UNCONFIRMED
    before: list[MessageEvent] = []
    phase = message.phase
    if phase is MessagePhase.SENDING and message.part == was.parts and command.status is not ReceiptStatus.FAILED:
        before, phase = [_accepted(about, command.part, command.provider_id, was)], MessagePhase.SENT
    if phase not in REACHED:
        return before
    match command.status:
        case ReceiptStatus.READ:
            return [*before, MessageRead(**about, confirms=confirms)]
        case ReceiptStatus.DELIVERED | ReceiptStatus.SENT if phase is not MessagePhase.DELIVERED and (
            command.status is ReceiptStatus.DELIVERED or confirms
        ):
            return [*before, MessageDelivered(**about, confirms=confirms)]
        case ReceiptStatus.FAILED if phase is not MessagePhase.DELIVERED:
            return [_failed(about, command), *_learnt(about, command.code or "", member)]
        case _:
            return before


def _failed(about: AboutMessage, command: RecordReceipt) -> MessageFailed:
    code = OUTSIDE_WINDOW if command.code == WINDOW_CLOSED else command.code or "failed"
    return MessageFailed(**about, code=code, vault=None, reason=command.reason)

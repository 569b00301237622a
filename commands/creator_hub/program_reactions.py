"""The reactions to enrolments: steps when they are due, replies that are waited for, programs that lead to others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from commands.creator_hub.enrollment import Advance, Enroll, RecordAnswer, RecordStep, StepResult, WakeHeld
from commands.creator_hub.notifications import completion_webhook, enrollment_webhook
from domain.creator_hub.enrollment import (
    Completed,
    Enrolled,
    EnrolledBy,
    OfEnrollment,
    StepAwaiting,
    StepDelivered,
    StepHeld,
    StepScheduled,
)
from domain.creator_hub.kinds import OfMember
from domain.creator_hub.member import MemberRegistered, MessageReceived
from domain.creator_hub.message import Cause, MessageFailed, MessageSent, MessageUnconfirmed, OfMessage
from domain.creator_hub.reply import ReplyCause, ReplyDiscarded, ReplySkipped
from domain.messages import Event
from streams.core.envelope import Recorded
from streams.core.wiring import Later, Reaction


def react_to_enrollment(event: Recorded[Event]) -> Iterator[Reaction]:
    webhook_id = str(event.record.event_id)
    match event.fact:
        case Enrolled() as enrolled:
            yield Later(enrolled.at, enrollment_webhook(enrolled, webhook_id))
            yield Later(enrolled.at, _advance(enrolled, enrolled.flow_id, 0, "", 1))
        case StepScheduled() as step:
            yield Later(step.due_at, _advance(step, step.flow_id, step.n, step.channel_id, step.attempt))
        case StepHeld() as held:
            yield Later(held.until, WakeHeld(**_about(held), expired=True))
        case StepAwaiting(until=until) as awaiting if until is not None:
            yield Later(until, RecordAnswer(**_about(awaiting), replied=False, rating=None))
        case StepDelivered(enrolls=program) as delivered if program is not None:
            yield Later(delivered.at, _enroll(delivered, program, EnrolledBy.FLOW))
        case Completed() as completed:
            yield Later(completed.at, completion_webhook(completed, webhook_id))


def react_to_way(event: Recorded[Event]) -> Iterator[Reaction]:
    """What members and messages mean for enrolments."""
    match event.fact:
        case MemberRegistered() as registered:
            for program in registered.programs:
                yield Later(registered.at, _enroll(registered, program, EnrolledBy.AUTO))
        case MessageReceived() as received:
            yield from _heard(received)
        case MessageSent() as sent:
            yield from _settled(sent, sent.cause, StepResult.DELIVERED, "")
        case MessageUnconfirmed() as unconfirmed:
            yield from _settled(unconfirmed, unconfirmed.cause, StepResult.UNCONFIRMED, "")
        case MessageFailed() as failed:
            yield from _settled(failed, failed.cause, StepResult.FAILED, failed.code)
        case ReplySkipped() as skipped if skipped.reply_id is not None:
            yield from _unspoken(skipped, skipped.cause, skipped.reason)
        case ReplyDiscarded() as discarded:
            yield from _unspoken(discarded, discarded.cause, discarded.reason)


def _about(event: StepHeld | StepAwaiting) -> dict[str, Any]:
    return event.model_dump(include={"at", "creator_id", "user_id", "program_id", "flow_id", "n"})


def _advance(event: OfEnrollment, flow_id: str, n: int, channel_id: str, attempt: int) -> Advance:
    about = event.model_dump(include={"at", "creator_id", "user_id", "program_id"})
    return Advance(**about, flow_id=flow_id, n=n, channel_id=channel_id, attempt=attempt)


def _enroll(event: OfMember, program_id: str, by: EnrolledBy) -> Enroll:
    return Enroll(at=event.at, creator_id=event.creator_id, user_id=event.user_id, program_id=program_id, by=by)


def _heard(received: MessageReceived) -> Iterator[Reaction]:
    about = received.model_dump(include={"at", "creator_id", "user_id"})
    for one in received.awaited_by:
        step = one.model_dump(include={"program_id", "flow_id", "n"})
        if one.held:
            yield Later(received.at, WakeHeld(**about, **step, expired=False))
        else:
            yield Later(received.at, RecordAnswer(**about, **step, replied=True, rating=received.rating))


def _settled(event: OfMessage, cause: Cause, result: StepResult, code: str) -> Iterator[Reaction]:
    if cause.program_id is not None:
        yield Later(event.at, _record(event, cause, result, code))


def _unspoken(event: OfMember, cause: ReplyCause, code: str) -> Iterator[Reaction]:
    if cause.program_id is not None:
        yield Later(event.at, _record(event, cause, StepResult.SKIPPED, code))


def _record(event: OfMember, cause: Cause | ReplyCause, result: StepResult, code: str) -> RecordStep:
    assert cause.program_id is not None
    assert cause.flow_id is not None
    assert cause.n is not None
    return RecordStep(
        at=event.at,
        creator_id=event.creator_id,
        user_id=event.user_id,
        program_id=cause.program_id,
        flow_id=cause.flow_id,
        n=cause.n,
        result=result,
        code=code,
    )

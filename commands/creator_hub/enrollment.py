"""Enrolments: the door of a program, and the steps of its flow, each decided when it is due."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from commands.creator_hub.dispatch import OUTSIDE_WINDOW
from commands.creator_hub.member import UnknownMember
from commands.creator_hub.program import UnknownProgram
from commands.creator_hub.step import Journey
from commands.creator_hub.way import Way
from domain.creator_hub.account import Account
from domain.creator_hub.allowance import Allowance
from domain.creator_hub.channel import Channel
from domain.creator_hub.enrollment import (
    Enrolled,
    EnrolledBy,
    Enrollment,
    EnrollmentEvent,
    StepAnswered,
    StepDelivered,
    StepFailed,
    StepPhase,
    StepSkipped,
    enrollment_id,
    step_message_id,
)
from domain.creator_hub.member import Member
from domain.creator_hub.message import Message
from domain.creator_hub.program import Flow, Program, ProgramStatus
from domain.messages import Command, Event, Refused


class NotPublished(Refused, name="creator_hub.not_published"):
    """Only a published program takes members in. 422."""


class OfEnrollment(Command, subject="user_id"):
    creator_id: str
    user_id: str
    program_id: str

    @property
    def enrollment_id(self) -> str:
        return enrollment_id(self.user_id, self.program_id)


class Enroll(OfEnrollment, name="creator_hub.enrollment.enroll.v1", key="creator_id"):
    by: EnrolledBy


class OfStep(OfEnrollment):
    """A command about the step `n` of an enrolment that is pinned to `flow_id`."""

    flow_id: str
    n: int


class Advance(OfStep, name="creator_hub.enrollment.advance.v1", key="creator_id"):
    """Begin the step `n`, which is due; 0 takes the first one. `channel_id` is the one that it was scheduled for."""

    channel_id: str
    attempt: int

    @property
    def message_id(self) -> str:
        """The id of the message that the step sends."""
        return step_message_id(self.enrollment_id, self.n, self.attempt)


class StepResult(StrEnum):
    DELIVERED = "delivered"
    UNCONFIRMED = "unconfirmed"
    FAILED = "failed"
    SKIPPED = "skipped"


class RecordStep(OfStep, name="creator_hub.enrollment.record_step.v1", key="creator_id"):
    """Settle the step by the fate of its message. `code` says why it failed or was skipped."""

    result: StepResult
    code: str


class RecordAnswer(OfStep, name="creator_hub.enrollment.record_answer.v1", key="creator_id"):
    """Settle the step by the member's reply; without one its time has run out."""

    replied: bool
    rating: int | None


class WakeHeld(OfStep, name="creator_hub.enrollment.wake_held.v1", key="creator_id"):
    """Take up a step that was held: the member has written, or (`expired`) has not for too long."""

    expired: bool


def enroll(command: Enroll, enrollment: Enrollment, program: Program, member: Member) -> Sequence[EnrollmentEvent]:
    """There is one enrolment for ever: a second request finds it."""
    if not member.registered:
        raise UnknownMember("there is no such user")
    if program.status is ProgramStatus.ABSENT:
        raise UnknownProgram("there is no such program")
    if enrollment.enrolled is not None:
        return []
    if program.status is not ProgramStatus.PUBLISHED:
        raise NotPublished("only a published program takes users in")
    return [
        Enrolled(
            at=command.at,
            creator_id=command.creator_id,
            user_id=command.user_id,
            program_id=command.program_id,
            enrollment_id=command.enrollment_id,
            program_name=program.program_name,
            flow_id=program.flow_id,
            version=program.version,
            by=command.by,
        )
    ]


def advance(
    command: Advance,
    enrollment: Enrollment,
    flow: Flow,
    program: Program,
    member: Member,
    channel: Channel,
    account: Account,
    allowance: Allowance,
    _message: Message,
) -> Sequence[Event]:
    way = _way(command, enrollment, flow, program, member)
    if enrollment.enrolled is None or enrollment.completed:
        return []
    if command.n == 0:
        return list(way.on()) if enrollment.phase is StepPhase.NONE else []
    if not enrollment.is_at(command.n, StepPhase.SCHEDULED):
        return []
    if member.channel_id != command.channel_id:
        return [way.again(command.at, enrollment.attempt)]
    later = way.moved()
    if later is not None:
        return [way.again(later, enrollment.attempt)]
    journey = Journey(command.at, command.message_id, way, member, channel, account, allowance)
    return list(journey.begin())


def record_step(
    command: RecordStep, enrollment: Enrollment, flow: Flow, program: Program, member: Member
) -> Sequence[Event]:
    if not enrollment.is_at(command.n, StepPhase.BEGUN):
        return []
    way = _way(command, enrollment, flow, program, member)
    if command.result is StepResult.FAILED and command.code == OUTSIDE_WINDOW:
        return list(way.held())
    return list(way.settled(_settlement(command, way)))


def _settlement(command: RecordStep, way: Way) -> StepDelivered | StepSkipped | StepFailed:
    about = way.about_settled()
    match command.result:
        case StepResult.SKIPPED:
            return StepSkipped(**about, reason=command.code)
        case StepResult.FAILED:
            return StepFailed(**about, code=command.code)
        case _:
            return StepDelivered(**about, unconfirmed=command.result is StepResult.UNCONFIRMED)


def record_answer(
    command: RecordAnswer, enrollment: Enrollment, flow: Flow, program: Program, member: Member
) -> Sequence[Event]:
    if not enrollment.is_at(command.n, StepPhase.AWAITING):
        return []
    answered = enrollment.model_copy(update={"replied": command.replied, "rating": command.rating})
    way = _way(command, answered, flow, program, member)
    settled = StepAnswered(**way.about_settled(), replied=command.replied, rating=command.rating)
    return list(way.settled(settled))


def wake_held(
    command: WakeHeld, enrollment: Enrollment, flow: Flow, program: Program, member: Member
) -> Sequence[Event]:
    if not enrollment.is_at(command.n, StepPhase.HELD):
        return []
    way = _way(command, enrollment, flow, program, member)
    if not command.expired:
        return [way.again(command.at, enrollment.attempt + 1)]
    return list(way.settled(StepSkipped(**way.about_settled(), reason=OUTSIDE_WINDOW)))


def _way(command: OfStep, enrollment: Enrollment, flow: Flow, program: Program, member: Member) -> Way:
    return Way.of(command.at, command, enrollment, flow, program, member)

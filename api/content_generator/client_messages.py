"""The messages that clients of live sessions send: their fields, and the roles that may send them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from api.content_generator.fields import Line, Text
from api.errors import field_errors, invalid
from api.fields import Body
from api.streaming.sockets import SocketError
from commands.content_generator.live_session import ChangeTechnique, DescribeSession, OfSession, ReachMilestone
from domain.content_generator.live_session import Role

Number = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
STEERING = frozenset({Role.INSTRUCTOR, Role.ADMIN})
PARTICIPATING = frozenset({Role.PARTICIPANT})


class HeartbeatBody(Body):
    """Nothing: the connection is kept alive by any message."""


class StatusBody(Body):
    status: Annotated[str, Field(max_length=200)] | None = None
    hrv_reading: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] | None = None


class FeedbackBody(Body):
    technique: Line
    rating: Annotated[int, Field(ge=1, le=5)] | None = None
    difficulty: Annotated[str, Field(max_length=200)] | None = None


class StartBody(Body):
    title: Line
    instructor: Line | None = None


class TechniqueBody(Body):
    """A technique; the duration is in seconds."""

    title: Line
    instruction: Text = ""
    duration: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] | None = None


class MilestoneBody(Body):
    improvement: Number
    message: Text = ""
    achievement: Text = ""


class EndBody(Body):
    """Nothing: the session ends in a moment."""


Make = Callable[[dict[str, Any], Any], OfSession | None]
"""The command of a message; None for one whose command needs a look at the read models."""


@dataclass(frozen=True, slots=True)
class MessageKind:
    """A type of message. Without a command, it is the participant's own affair."""

    body: type[BaseModel]
    roles: frozenset[Role]
    command: Make | None = None


def _described(fields: dict[str, Any], body: StartBody) -> DescribeSession:
    return DescribeSession(**fields, title=body.title, instructor=body.instructor)


def _technique(fields: dict[str, Any], body: TechniqueBody) -> ChangeTechnique:
    return ChangeTechnique(**_without_mark(fields), **body.model_dump())


def _milestone(fields: dict[str, Any], body: MilestoneBody) -> ReachMilestone:
    return ReachMilestone(**_without_mark(fields), **body.model_dump())


def _without_mark(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != "mark"}


MESSAGES: Mapping[str, MessageKind] = {
    "heartbeat": MessageKind(HeartbeatBody, frozenset(Role)),
    "participant_status": MessageKind(StatusBody, PARTICIPATING),
    "technique_feedback": MessageKind(FeedbackBody, PARTICIPATING),
    "session_start": MessageKind(StartBody, STEERING, _described),
    "technique_change": MessageKind(TechniqueBody, STEERING, _technique),
    "hrv_milestone": MessageKind(MilestoneBody, STEERING, _milestone),
    "session_end": MessageKind(EndBody, STEERING, lambda _fields, _body: None),
}


def parsed(body: type[BaseModel], message: Mapping[str, object]) -> BaseModel:
    """The payload of a message, at its top or under `content`; raises SocketError."""
    content = message.get("content")
    given = {**message, **content} if isinstance(content, Mapping) else dict(message)
    try:
        return body.model_validate(given)
    except ValidationError as error:
        faults = field_errors(error)
        details: dict[str, object] = {fault.field: fault.message for fault in faults}
        raise SocketError("validation_error", invalid(faults).sentence, details) from None

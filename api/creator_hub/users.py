"""Users, as the document calls a creator's members: who wrote on a channel, their profiles, and their enrolments."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from psycopg import AsyncConnection
from pydantic import BaseModel, JsonValue
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller
from api.creator_hub.access import CREATOR, READ
from api.creator_hub.fields import (
    Body,
    Id,
    JsonMap,
    Language,
    PageNumber,
    PageSize,
    Search,
    Shown,
    TimeZone,
    not_there,
)
from api.creator_hub.schemas import Pagination, blank
from api.routing import LeanRoute, response_of
from api.surface import Act, Read, may, surface_of
from commands.creator_hub.enrollment import Enroll
from commands.creator_hub.member import ResolveEscalation, UpdateProfile
from domain.creator_hub.enrollment import Enrolled, EnrolledBy
from domain.creator_hub.kinds import ChannelType
from domain.creator_hub.member import ResolvedBy
from projections.creator_hub.badges import BadgeRow, badges_of
from projections.creator_hub.messages import InteractionRow, recent_interactions
from projections.creator_hub.queries.user_enrollments import EnrollmentRow, enrollment_in, enrollments_of
from projections.creator_hub.queries.users import SortOrder, UserRow, UserSort, UserStatus, user_by_id, users_page
from streams.core.read_models import Row

router = APIRouter(route_class=LeanRoute, prefix="/api/v1/users", tags=["User Management API"])
extensions = APIRouter(route_class=LeanRoute, prefix="/api/v1/users", tags=["Extensions"])


class UserAnswer(BaseModel):
    """A user. `external_id` is the address on the channel; `last_active_at` is the time of the last message."""

    id: str
    external_id: str
    channel: ChannelType
    profile_data: dict[str, JsonValue]
    created_at: Shown
    last_active_at: Shown | None
    is_active: bool
    engagement_score: float


class ListedUser(UserAnswer):
    program_enrollments: int
    total_interactions: int


class UsersAnswer(BaseModel):
    users: list[ListedUser]
    pagination: Pagination


class EnrollmentInUser(BaseModel):
    program_id: str
    program_name: str
    status: Literal["active", "completed"]
    progress: float
    enrolled_at: Shown


class InteractionAnswer(BaseModel):
    """A message: `message_sent` by the hub, `message_received` from the user."""

    id: str
    interaction_type: Literal["message_sent", "message_received"]
    created_at: Shown
    channel: ChannelType


class BadgeAnswer(BaseModel):
    badge_id: str
    badge_name: str
    earned_at: Shown


class UserDetails(UserAnswer):
    """A user with the enrolments, badges and the last 20 interactions, the newest first."""

    timezone: str
    language: str
    program_enrollments: list[EnrollmentInUser]
    recent_interactions: list[InteractionAnswer]
    badges_earned: list[BadgeAnswer]


class ProfileBody(Body):
    """The changes: the first-level keys of `profile_data` are merged, and null removes one."""

    profile_data: JsonMap | None = None
    timezone: TimeZone | None = None
    language: Language | None = None


class EnrollmentAnswer(BaseModel):
    enrollment_id: str
    program_id: str
    user_id: str
    status: Literal["active", "completed"]
    enrolled_at: Shown


class EscalationAnswer(BaseModel):
    user_id: str
    escalated: bool = False


@router.get("")
async def list_(
    caller: Annotated[Caller, may(READ)],
    request: Request,
    reads: Read,
    page: PageNumber = 1,
    limit: PageSize = 20,
    channel: ChannelType | None = None,
    status: UserStatus | None = None,
    search: Search | None = None,
    sort: UserSort = UserSort.CREATED_AT,
    order: SortOrder = SortOrder.DESC,
) -> UsersAnswer:
    """List users, the newest first unless sorted. `search` is a part of the name or of `external_id`."""
    now = surface_of(request).actions.clock.now()
    async with reads.connection() as connection:
        found = await users_page(
            connection, caller.subject, now, channel, status, blank(search), sort, order, page, limit
        )
    shown = [_listed(row) for row in found.rows]
    return UsersAnswer(users=shown, pagination=Pagination.of(page, limit, found.total))


@router.get("/{user_id}")
async def get(user_id: Id, caller: Annotated[Caller, may(READ)], request: Request, reads: Read) -> UserDetails:
    """Show a user, as they are now."""
    async with reads.connection() as connection:
        return await _details(connection, request, caller.subject, str(user_id))


@router.put("/{user_id}")
async def update(
    user_id: Id, body: ProfileBody, caller: Annotated[Caller, may(CREATOR)], request: Request, act: Act
) -> UserDetails:
    """Change a user's profile."""
    command = UpdateProfile(
        at=act.at,
        creator_id=caller.subject,
        user_id=str(user_id),
        patch=body.profile_data,
        time_zone=body.timezone,
        language=body.language,
    )
    reads = await act.covered(await act.submit(command))
    async with reads.connection() as connection:
        return await _details(connection, request, caller.subject, str(user_id))


@router.post(
    "/{user_id}/programs/{program_id}/enroll",
    status_code=201,
    response_model=EnrollmentAnswer,
    responses={200: {"model": EnrollmentAnswer}},
)
async def enroll(
    user_id: Id, program_id: Id, caller: Annotated[Caller, may(CREATOR)], act: Act
) -> EnrollmentAnswer | Response:
    """Enrol a user in a published program. There is one enrolment for ever: where it is, it is the answer, with 200."""
    member, program = str(user_id), str(program_id)
    command = Enroll(at=act.at, creator_id=caller.subject, user_id=member, program_id=program, by=EnrolledBy.REQUEST)
    outcome = await act.submit(command)
    made = next((event for event in outcome.events if isinstance(event, Enrolled)), None)
    if made is not None:
        return _enrollment(made.enrollment_id, program, member, "active", made.at)
    async with (await act.covered(outcome)).connection() as connection:
        row = await enrollment_in(connection, caller.subject, member, program)
    if row is None:
        raise not_there()
    return response_of(_enrollment(row.enrollment_id, program, member, row.status.value, row.enrolled_at), 200)


@extensions.post("/{user_id}/escalation/resolve")
async def resolve(user_id: Id, caller: Annotated[Caller, may(CREATOR)], act: Act) -> EscalationAnswer:
    """End an escalation: the model answers this user again."""
    command = ResolveEscalation(
        at=act.at, creator_id=caller.subject, user_id=str(user_id), number=None, by=ResolvedBy.REQUEST
    )
    await act.submit(command)
    return EscalationAnswer(user_id=str(user_id))


async def _details(connection: AsyncConnection[Row], request: Request, creator_id: str, user_id: str) -> UserDetails:
    now = surface_of(request).actions.clock.now()
    row = await user_by_id(connection, creator_id, user_id, now)
    if row is None:
        raise not_there()
    enrolled = await enrollments_of(connection, creator_id, user_id)
    interactions = await recent_interactions(connection, creator_id, user_id)
    badges = await badges_of(connection, creator_id, user_id)
    return UserDetails.model_validate(
        _fields(row)
        | {
            "timezone": row.time_zone,
            "language": row.language,
            "program_enrollments": [_enrolled(one) for one in enrolled],
            "recent_interactions": [_interaction(one) for one in interactions],
            "badges_earned": [_badge(one) for one in badges],
        }
    )


def _fields(row: UserRow) -> dict[str, object]:
    return {
        "id": row.user_id,
        "external_id": row.external_id,
        "channel": row.channel_type,
        "profile_data": row.profile,
        "created_at": row.registered_at,
        "last_active_at": row.last_active_at,
        "is_active": row.is_active,
        "engagement_score": row.engagement_score,
    }


def _listed(row: UserRow) -> ListedUser:
    counts = {"program_enrollments": row.enrollments, "total_interactions": row.interactions}
    return ListedUser.model_validate(_fields(row) | counts)


def _enrolled(row: EnrollmentRow) -> EnrollmentInUser:
    return EnrollmentInUser(
        program_id=row.program_id,
        program_name=row.program_name,
        status=row.status.value,
        progress=row.progress,
        enrolled_at=row.enrolled_at,
    )


def _interaction(row: InteractionRow) -> InteractionAnswer:
    return InteractionAnswer(
        id=row.message_id,
        interaction_type=row.type.value,
        created_at=row.interaction_at,
        channel=ChannelType(row.channel_type),
    )


def _badge(row: BadgeRow) -> BadgeAnswer:
    return BadgeAnswer(badge_id=row.badge_id, badge_name=row.badge_name, earned_at=row.earned_at)


def _enrollment(
    id_: str, program_id: str, user_id: str, status: Literal["active", "completed"], at: datetime
) -> EnrollmentAnswer:
    return EnrollmentAnswer(enrollment_id=id_, program_id=program_id, user_id=user_id, status=status, enrolled_at=at)

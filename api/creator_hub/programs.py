"""Programs: a working copy that is edited, and what is published of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field, JsonValue, WithJsonSchema

from api.auth import Caller
from api.creator_hub.access import CREATOR, READ
from api.creator_hub.fields import (
    Body,
    Description,
    FlowMap,
    Id,
    JsonMap,
    Name,
    PageNumber,
    PageSize,
    Search,
    Shown,
    not_there,
)
from api.creator_hub.schemas import Pagination, blank
from api.errors import FieldError, invalid
from api.routing import LeanRoute
from api.surface import Act, Read, may
from commands.creator_hub.program import ArchiveProgram, CreateProgram, PublishProgram, UpdateProgram, flow_id_of
from domain.creator_hub.flow_checks import form_faults
from domain.creator_hub.program import (
    EMPTY_FLOW,
    ProgramArchived,
    ProgramCreated,
    ProgramPublished,
    ProgramStatus,
)
from projections.creator_hub.programs import ProgramRow, program_by_id
from projections.creator_hub.queries.programs import (
    ListedProgram,
    ProgramAnalytics,
    program_analytics,
    programs_page,
)
from streams.postgres.reads import Reads

router = APIRouter(route_class=LeanRoute, prefix="/api/v1/programs", tags=["Program Builder API"])

Status = Literal["draft", "published", "archived"]
STATUSES: Mapping[ProgramStatus, Status] = {
    ProgramStatus.DRAFT: "draft",
    ProgramStatus.PUBLISHED: "published",
    ProgramStatus.ARCHIVED: "archived",
}
OPEN_TEXT: dict[str, JsonValue] = {"type": ["string", "null"]}
FLOW: dict[str, JsonValue] = {
    "type": "object",
    "description": "Nodes and edges; every other key is kept.",
    "properties": {
        "nodes": {"type": ["array", "null"], "items": {"type": "object"}, "maxItems": 500},
        "edges": {"type": ["array", "null"], "items": {"type": "object"}, "maxItems": 1_000},
    },
}
SETTINGS: dict[str, JsonValue] = {
    "type": "object",
    "description": "`auto_enroll` enrols those who register while the program is published; other keys are kept.",
    "properties": {
        "auto_enroll": {"type": ["boolean", "null"]},
        "completion_badge": OPEN_TEXT,
        "badge_name": OPEN_TEXT,
    },
}
FlowDefinition = Annotated[FlowMap, WithJsonSchema(FLOW)]
ProgramSettings = Annotated[JsonMap, WithJsonSchema(SETTINGS)]


class ProgramBody(Body):
    name: Name
    description: Description = ""
    flow_definition: FlowDefinition = Field(default_factory=dict)
    settings: ProgramSettings = Field(default_factory=dict)


class ProgramChanges(Body):
    """The parts to change, each whole: the others stay."""

    name: Name | None = None
    description: Description | None = None
    flow_definition: FlowDefinition | None = None
    settings: ProgramSettings | None = None


class CreatedProgram(BaseModel):
    id: str
    name: str
    description: str
    flow_definition: dict[str, JsonValue]
    status: Status
    version: int
    settings: dict[str, JsonValue]
    created_at: Shown
    enrollment_count: int = 0


class ProgramAnswer(CreatedProgram):
    """A program as it is edited. `version` is the one that is published; `published_at` is null for a draft."""

    updated_at: Shown
    published_at: Shown | None


class ProgramFigures(BaseModel):
    total_enrollments: int
    active_enrollments: int
    completed_enrollments: int
    average_completion_time_days: float
    engagement_score: float


class ProgramDetails(ProgramAnswer):
    completion_rate: float
    analytics: ProgramFigures


class ProgramSummary(BaseModel):
    id: str
    name: str
    description: str
    status: Status
    version: int
    created_at: Shown
    updated_at: Shown
    enrollment_count: int
    completion_rate: float


class ProgramsAnswer(BaseModel):
    programs: list[ProgramSummary]
    pagination: Pagination


class PublishedProgram(BaseModel):
    id: str
    status: Status
    published_at: Shown
    version: int


class ArchivedProgram(BaseModel):
    id: str
    status: Status
    archived_at: Shown
    version: int


@router.post("", status_code=201)
async def create(body: ProgramBody, caller: Annotated[Caller, may(CREATOR)], act: Act) -> CreatedProgram:
    """Save a draft. Its flow may be unfinished; what can never be right is refused."""
    flow = _whole(body.flow_definition)
    _check(flow, body.settings)
    command = CreateProgram(
        at=act.at,
        creator_id=caller.subject,
        program_id=str(act.new_id("program")),
        program_name=body.name,
        description=body.description,
        flow_definition=flow,
        settings=body.settings,
    )
    made = (await act.submit(command)).only(ProgramCreated)
    return CreatedProgram(
        id=made.program_id,
        name=made.program_name,
        description=made.description,
        flow_definition=made.flow_definition,
        status="draft",
        version=1,
        settings=made.settings,
        created_at=made.at,
    )


@router.get("")
async def list_(
    caller: Annotated[Caller, may(READ)],
    reads: Read,
    page: PageNumber = 1,
    limit: PageSize = 20,
    status: Status | None = None,
    search: Search | None = None,
) -> ProgramsAnswer:
    """List programs, the newest first. `search` is a part of the name or of the description."""
    wanted = None if status is None else ProgramStatus(status)
    async with reads.connection() as connection:
        found = await programs_page(connection, caller.subject, wanted, blank(search), page, limit)
    shown = [_summary(row) for row in found.rows]
    return ProgramsAnswer(programs=shown, pagination=Pagination.of(page, limit, found.total))


@router.get("/{program_id}")
async def get(program_id: Id, caller: Annotated[Caller, may(READ)], reads: Read) -> ProgramDetails:
    """Show a program: its working copy, and the figures of all its enrolments."""
    row, figures = await _found(reads, caller.subject, str(program_id))
    analytics = ProgramFigures(
        total_enrollments=figures.total,
        active_enrollments=figures.active,
        completed_enrollments=figures.completed,
        average_completion_time_days=figures.average_completion_time_days,
        engagement_score=figures.engagement_score,
    )
    more = {"completion_rate": figures.completion_rate, "analytics": analytics}
    return ProgramDetails.model_validate(_fields(row, figures) | more)


@router.put("/{program_id}")
async def update(
    program_id: Id, body: ProgramChanges, caller: Annotated[Caller, may(CREATOR)], act: Act
) -> ProgramAnswer:
    """Change parts of the working copy. Name and settings hold at once, the flow when it is published."""
    flow = None if body.flow_definition is None else _whole(body.flow_definition)
    _check(flow or {}, body.settings or {})
    command = UpdateProgram(
        at=act.at,
        creator_id=caller.subject,
        program_id=str(program_id),
        program_name=body.name,
        description=body.description,
        flow_definition=flow,
        settings=body.settings,
    )
    reads = await act.covered(await act.submit(command))
    return _answer(*await _found(reads, caller.subject, str(program_id)))


@router.post("/{program_id}/publish")
async def publish(program_id: Id, caller: Annotated[Caller, may(CREATOR)], act: Act) -> PublishedProgram:
    """Pin the working copy's flow as the next version. Who is enrolled already stays with theirs."""
    command = PublishProgram(
        at=act.at, creator_id=caller.subject, program_id=str(program_id), flow_id=flow_id_of(act.command_id)
    )
    made = (await act.submit(command)).only(ProgramPublished)
    return PublishedProgram(id=made.program_id, status="published", published_at=made.at, version=made.version)


@router.post("/{program_id}/archive")
async def archive(program_id: Id, caller: Annotated[Caller, may(CREATOR)], act: Act) -> ArchivedProgram:
    """Take nobody in any more, for good. Those inside finish."""
    id_ = str(program_id)
    outcome = await act.submit(ArchiveProgram(at=act.at, creator_id=caller.subject, program_id=id_))
    made = next((event for event in outcome.events if isinstance(event, ProgramArchived)), None)
    if made is not None:
        return _archived(id_, made.at, made.version)
    async with (await act.covered(outcome)).connection() as connection:
        row = await program_by_id(connection, caller.subject, id_)
    if row is None or row.archived_at is None:
        raise not_there()
    return _archived(id_, row.archived_at, row.program_version)


def _whole(flow: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The flow with lists of nodes and edges; null is as good as none."""
    given = {key: value for key, value in flow.items() if value is not None or key not in EMPTY_FLOW}
    return {**EMPTY_FLOW, **given}


def _check(flow: Mapping[str, JsonValue], settings: Mapping[str, JsonValue]) -> None:
    """Raise ApiError 400 for what can never be right."""
    faults = [FieldError(f"flow_definition.{one.field}", one.message, missing=False) for one in form_faults(flow)]
    faults += _setting_faults(settings)
    if faults:
        raise invalid(faults)


def _setting_faults(settings: Mapping[str, JsonValue]) -> Iterator[FieldError]:
    if not isinstance(settings.get("auto_enroll"), bool | None):
        yield FieldError("settings.auto_enroll", "must be true or false", missing=False)
    for name in ("completion_badge", "badge_name"):
        if not isinstance(settings.get(name), str | None):
            yield FieldError(f"settings.{name}", "must be a string", missing=False)


async def _found(reads: Reads, creator_id: str, program_id: str) -> tuple[ProgramRow, ProgramAnalytics]:
    """The program with its figures; raises ApiError 404."""
    async with reads.connection() as connection:
        row = await program_by_id(connection, creator_id, program_id)
        figures = await program_analytics(connection, creator_id, program_id)
    if row is None or figures is None:
        raise not_there()
    return row, figures


def _answer(row: ProgramRow, figures: ProgramAnalytics) -> ProgramAnswer:
    return ProgramAnswer.model_validate(_fields(row, figures))


def _fields(row: ProgramRow, figures: ProgramAnalytics) -> dict[str, object]:
    return {
        "id": row.program_id,
        "name": row.program_name,
        "description": row.description,
        "flow_definition": row.flow_definition,
        "status": row.status.value,
        "version": row.program_version,
        "settings": row.settings,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "published_at": row.published_at,
        "enrollment_count": figures.total,
    }


def _summary(row: ListedProgram) -> ProgramSummary:
    return ProgramSummary(
        id=row.program_id,
        name=row.program_name,
        description=row.description,
        status=STATUSES[row.status],
        version=row.program_version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        enrollment_count=row.enrolled,
        completion_rate=row.completion_rate,
    )


def _archived(program_id: str, at: datetime, version: int) -> ArchivedProgram:
    return ArchivedProgram(id=program_id, status="archived", archived_at=at, version=version)

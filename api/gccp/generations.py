"""Endpoints of generations: request, retry, cancellation, list, state and calls."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.auth import Caller
from api.errors import ApiError
from api.fields import DIGITS
from api.gccp.access import AUTHENTICATED
from api.gccp.cost import in_dollars
from api.gccp.dependencies import Own
from api.gccp.fields import NUMBER, UnblankBody, within
from api.routing import LeanRoute
from api.surface import Act, Read, may
from commands.gccp.generation import (
    LONGEST_SUBTOPICS,
    LONGEST_TOPIC,
    LONGEST_TRANSCRIPT,
    CancelGeneration,
    RequestGeneration,
    RetryGeneration,
)
from domain.gccp.course import MOST_QUESTIONS, Assignment, ContentMode, Counts
from domain.gccp.generation import STEPS, GenerationRetried
from domain.money import dollars
from projections.gccp.calls import CallRow, calls_of
from projections.gccp.generations import GenerationRow, by_id, of_owner
from projections.gccp.steps import Content, StepRow, content_of, steps_of
from streams.postgres.reads import Reads

router = APIRouter(route_class=LeanRoute, prefix="/api", tags=["Content Generation"])
retries = APIRouter(route_class=LeanRoute, prefix="/api", tags=["Retry Operations"])

ALLOWED = may(AUTHENTICATED)
OFFLINE = "offline"
OFFLINE_NOTICE = (
    "No language model is configured: this was composed by fixed rules from the topic, the subtopics and,"
    " where one was given, the transcript"
)

Count = Annotated[int, Field(ge=0, le=MOST_QUESTIONS), NUMBER]


class AssignmentCounts(UnblankBody):
    """How many questions: with one right option, with several, answered in prose. All three are to be given."""

    mcsc: Count
    mcmc: Count
    subjective: Count


class GenerateBody(UnblankBody):
    """What is to be written about. `subtopics` are separated by commas.

    In bytes, `topic` takes at most 500, `subtopics` 5,000, `transcript` 150,000 (UTF-8, escaped as JSON).
    """

    topic: Annotated[str, within(LONGEST_TOPIC)]
    subtopics: Annotated[str, within(LONGEST_SUBTOPICS)]
    mode: ContentMode
    transcript: Annotated[str, within(LONGEST_TRANSCRIPT)] | None = None
    assignmentCounts: AssignmentCounts | None = None  # noqa: N815 - the document's name


class GenerateAnswer(BaseModel):
    success: bool = True
    generation_id: UUID
    status: str = "queued"


class RetryBody(UnblankBody):
    generation_id: UUID


class RetryAnswer(BaseModel):
    success: bool = True
    generation_id: UUID
    resumed_from: str


class CancelAnswer(BaseModel):
    success: bool = True
    generation_id: UUID
    status: str = "cancelled"


class StepAnswer(BaseModel):
    """A step: pending, running, waiting (until `retry_at`), completed, failed or cancelled, and what it used."""

    step: str
    status: str
    provider: str | None = None
    model: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    retry_at: datetime | None = None
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0


class ContentAnswer(BaseModel):
    """Markdown, or an assignment; both null once the owner has been erased. `notice`: no language model wrote it."""

    format: str
    markdown: str | None = None
    assignment: Assignment | None = None
    provider: str
    model: str
    notice: str | None = None


class FailureAnswer(BaseModel):
    """Why it failed: the document's code, the provider's (or our) cause, and a sentence."""

    code: str
    cause: str
    step: str
    message: str


class TotalUsage(BaseModel):
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float


class GenerationSummary(BaseModel):
    """A generation: queued, processing, completed, failed or cancelled. `percent` counts finished steps."""

    generation_id: UUID
    status: str
    mode: str
    topic: str | None
    subtopics: str | None
    current_step: str | None
    percent: int
    resumed_from: str | None
    retry_at: datetime | None
    created_at: datetime
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    duration_seconds: float | None
    failure: FailureAnswer | None


class GenerationAnswer(GenerationSummary):
    """A generation with its steps, what they used, and its content once it has completed."""

    assignmentCounts: Counts | None  # noqa: N815 - as it was asked for
    steps: list[StepAnswer]
    usage: TotalUsage
    content: ContentAnswer | None


class GenerationsAnswer(BaseModel):
    """The latest first; `next` is the `before` that goes on."""

    generations: list[GenerationSummary]
    next: UUID | None


class CallAnswer(BaseModel):
    """One attempt at a call: completed, unfit, deferred, rejected, unconfirmed or discarded, and what it used."""

    call: int
    attempt: int
    step: str
    result: str
    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    cost_usd: float
    estimated: bool
    code: str | None
    reason: str | None
    at: datetime
    retry_at: datetime | None


class CallsAnswer(BaseModel):
    calls: list[CallAnswer]


@router.post("/generate")
async def generate(
    body: GenerateBody, caller: Annotated[Caller, may(AUTHENTICATED, limit="generate")], act: Act, own: Own
) -> GenerateAnswer:
    """Queue the generation of course content."""
    generation_id = act.new_id("generation")
    wanted = RequestGeneration(
        at=act.at,
        generation_id=generation_id,
        owner=caller.subject,
        topic=body.topic,
        subtopics=body.subtopics,
        transcript=body.transcript,
        mode=body.mode,
        counts=_counts(body),
        model=own.generation_model,
        max_tokens=own.generation_max_tokens,
    )
    await act.submit(wanted)
    return GenerateAnswer(generation_id=generation_id)


def _counts(body: GenerateBody) -> Counts:
    if body.mode is not ContentMode.ASSIGNMENT or body.assignmentCounts is None:
        return Counts()
    return Counts(**body.assignmentCounts.model_dump())


@retries.post("/retry")
async def retry(
    body: RetryBody, caller: Annotated[Caller, may(AUTHENTICATED, limit="retry")], act: Act, reads: Read, own: Own
) -> RetryAnswer:
    """Queue a failed generation again, to go on with the step that failed."""
    await _own_by_id(reads, body.generation_id, caller)
    again = RetryGeneration(
        at=act.at,
        generation_id=body.generation_id,
        owner=caller.subject,
        caller=caller.subject,
        model=own.generation_model,
        max_tokens=own.generation_max_tokens,
    )
    outcome = await act.submit(again)
    resumed_from = outcome.only(GenerationRetried).resumed_from
    return RetryAnswer(generation_id=body.generation_id, resumed_from=resumed_from)


@router.post("/generations/{generation_id}/cancel")
async def cancel(generation_id: UUID, caller: Annotated[Caller, ALLOWED], act: Act, reads: Read) -> CancelAnswer:
    """Cancel a generation that is not over. A call that is under way is not waited for; what it costs is recorded."""
    await _own_by_id(reads, generation_id, caller)
    owner = caller.subject
    await act.submit(CancelGeneration(at=act.at, generation_id=generation_id, owner=owner, caller=owner))
    return CancelAnswer(generation_id=generation_id)


@router.get("/generations")
async def generations(
    caller: Annotated[Caller, ALLOWED],
    reads: Read,
    limit: Annotated[int, Field(ge=1, le=100), DIGITS] = 20,
    before: UUID | None = None,
) -> GenerationsAnswer:
    """The caller's own generations, the latest first."""
    place = await _own_by_id(reads, before, caller) if before is not None else None
    async with reads.connection() as connection:
        rows = await of_owner(connection, caller.subject, limit + 1, place)
    shown = rows[:limit]
    following = shown[-1].generation_id if len(rows) > limit else None
    return GenerationsAnswer(generations=[GenerationSummary(**_summary(row)) for row in shown], next=following)


@router.get("/generations/{generation_id}")
async def generation(generation_id: UUID, caller: Annotated[Caller, ALLOWED], reads: Read) -> GenerationAnswer:
    """A generation of the caller's own: how far it has come, what it used, and its content."""
    row = await _own_by_id(reads, generation_id, caller)
    async with reads.connection() as connection:
        steps = await steps_of(connection, generation_id)
        content = await content_of(connection, generation_id)
    counts = Counts(mcsc=row.mcsc, mcmc=row.mcmc, subjective=row.subjective)
    return GenerationAnswer(
        **_summary(row),
        assignmentCounts=counts if row.mode == ContentMode.ASSIGNMENT else None,
        steps=_steps(steps),
        usage=_total(steps),
        content=_content(content),
    )


@router.get("/generations/{generation_id}/calls")
async def calls(generation_id: UUID, caller: Annotated[Caller, ALLOWED], reads: Read) -> CallsAnswer:
    """Every attempt at every call of a generation of the caller's own, with what it used, also of failed ones."""
    await _own_by_id(reads, generation_id, caller)
    async with reads.connection() as connection:
        return CallsAnswer(calls=[_call(row) for row in await calls_of(connection, generation_id)])


def check_owner(row: GenerationRow | None, caller: Caller) -> GenerationRow:
    """The generation, if it is the caller's; raises ApiError 404 or 403."""
    if row is None:
        raise ApiError(404, "There is no such generation", kind="NotFound")
    if row.owner != caller.subject:
        raise ApiError(403, "This generation belongs to somebody else", kind="Forbidden")
    return row


async def _own_by_id(reads: Reads, generation_id: UUID, caller: Caller) -> GenerationRow:
    async with reads.connection() as connection:
        return check_owner(await by_id(connection, generation_id), caller)


def _summary(row: GenerationRow) -> dict[str, Any]:
    over = row.status in ("completed", "cancelled")
    known = {name: getattr(row, name) for name in GenerationSummary.model_fields if hasattr(row, name)}
    return known | {
        "current_step": None if over else row.step,
        "percent": row.steps_done * 100 // len(STEPS),
        "failure": _failure(row),
    }


def _failure(row: GenerationRow) -> FailureAnswer | None:
    if row.code is None:
        return None
    return FailureAnswer(code=row.code, cause=row.cause or "", step=row.failed_step or "", message=row.error or "")


def _steps(begun: list[StepRow]) -> list[StepAnswer]:
    by_name = {row.step: row for row in begun}
    return [_step(by_name[step]) if step in by_name else StepAnswer(step=step, status="pending") for step in STEPS]


def _step(row: StepRow) -> StepAnswer:
    return StepAnswer(**in_dollars(row._asdict()))


def _total(steps: list[StepRow]) -> TotalUsage:
    return TotalUsage(
        calls=sum(row.calls for row in steps),
        input_tokens=sum(row.input_tokens for row in steps),
        output_tokens=sum(row.output_tokens for row in steps),
        cost_usd=dollars(sum(row.cost_microcents for row in steps)),
    )


def _content(content: Content | None) -> ContentAnswer | None:
    if content is None:
        return None
    assignment = content.mode is ContentMode.ASSIGNMENT
    return ContentAnswer(
        format="assignment" if assignment else "markdown",
        markdown=None if assignment else content.text,
        assignment=Assignment.model_validate_json(content.text) if assignment and content.text else None,
        provider=content.provider,
        model=content.model,
        notice=OFFLINE_NOTICE if content.provider == OFFLINE else None,
    )


def _call(row: CallRow) -> CallAnswer:
    return CallAnswer(**in_dollars(row._asdict()))

"""Exports of figures: requested here, built behind, mailed or fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from io import BytesIO
from typing import Annotated, Any, Literal
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, Field
from starlette.responses import Response

from api.auth import Caller
from api.creator_hub.access import ANALYTICS_EXPORTS, CREATOR, READ
from api.creator_hub.dependencies import Dependencies, Own
from api.creator_hub.fields import Body, DayInBody, EmailAddress, Id, Shown, not_there
from api.creator_hub.schemas import days_of
from api.errors import ApiError
from api.routing import LeanRoute
from api.surface import Act, Read, may
from commands.creator_hub.export import RequestExport
from domain.creator_hub.export import ExportFile, ExportFormat, ExportPhase, Metric
from projections.creator_hub.exports import ExportRow, MailStatus, export_by_id
from streams.postgres.objects import ObjectErased, ObjectMissing
from streams.postgres.reads import Reads

router = APIRouter(route_class=LeanRoute, prefix="/api/v1/analytics", tags=["Analytics and Reporting API"])
extensions = APIRouter(route_class=LeanRoute, prefix="/api/v1/analytics", tags=["Extensions"])

ESTIMATE = timedelta(minutes=5)
Status = Literal["processing", "completed", "failed"]
STATUSES: Mapping[ExportPhase, Status] = {
    ExportPhase.PROCESSING: "processing",
    ExportPhase.COMPLETED: "completed",
    ExportPhase.FAILED: "failed",
}
ZIP = "application/zip"
MEDIA_TYPES: Mapping[ExportFormat, str] = {ExportFormat.CSV: "text/csv", ExportFormat.JSON: "application/json"}
BYTES: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
FILES: dict[int | str, dict[str, Any]] = {200: {"content": dict.fromkeys((ZIP, *MEDIA_TYPES.values()), BYTES)}}


def _once(metrics: list[Metric]) -> list[Metric]:
    return list(dict.fromkeys(metrics))


class ExportBody(Body):
    """One file a metric. Without an address the files are only to be fetched."""

    metrics: Annotated[list[Metric], Field(min_length=1, max_length=20), AfterValidator(_once)]
    start_date: DayInBody
    end_date: DayInBody
    format: ExportFormat
    email: EmailAddress | None = None


class ExportAnswer(BaseModel):
    export_id: str
    status: Status
    estimated_completion: Shown


@router.post("/export", status_code=202)
async def export(
    body: ExportBody, caller: Annotated[Caller, may(CREATOR, limit=ANALYTICS_EXPORTS)], act: Act
) -> ExportAnswer:
    """Ask for an export. It is built behind this answer."""
    days = days_of(body.start_date, body.end_date, act.at)
    command = RequestExport(
        at=act.at,
        creator_id=caller.subject,
        requested_by=caller.subject,
        export_id=str(act.new_id("export")),
        metrics=tuple(body.metrics),
        first=days.first,
        last=days.last,
        export_format=body.format,
        email=body.email,
    )
    try:
        requested_at = (await act.submit(command)).events[0].at
    except ApiError as error:
        if error.status != 202:
            raise
        requested_at = act.at  # it is in the log, and that is all that this answer says
    return ExportAnswer(export_id=command.export_id, status="processing", estimated_completion=requested_at + ESTIMATE)


class FileAnswer(BaseModel):
    metric: Metric
    file_name: str
    size: int
    rows: int
    sha256: str


class ExportDetails(ExportAnswer):
    """An export. `mail` is what became of the e-mail: sent, unconfirmed or failed; null without one, or before."""

    metrics: list[Metric]
    start_date: date
    end_date: date
    format: ExportFormat
    completed_at: Shown | None
    files: list[FileAnswer]
    mail: MailStatus | None
    code: str | None
    reason: str | None


@extensions.get("/export/{export_id}")
async def get(export_id: Id, caller: Annotated[Caller, may(READ)], reads: Read) -> ExportDetails:
    """Show an export: whether it is built, and whether it was mailed."""
    row = await _found(reads, caller.subject, str(export_id))
    return ExportDetails(
        export_id=row.export_id,
        status=STATUSES[row.phase],
        estimated_completion=row.requested_at + ESTIMATE,
        metrics=row.metrics,
        start_date=row.first_day,
        end_date=row.last_day,
        format=row.export_format,
        completed_at=row.built_at,
        files=[FileAnswer.model_validate(one.model_dump(include=set(FileAnswer.model_fields))) for one in row.files],
        mail=row.mail,
        code=row.code,
        reason=row.reason,
    )


@extensions.get("/export/{export_id}/download", response_class=Response, response_model=None, responses=FILES)
async def download(
    export_id: Id, caller: Annotated[Caller, may(READ)], reads: Read, own: Own, metric: Metric | None = None
) -> Response:
    """Fetch the files of an export: all in one zip, or the one of a metric."""
    row = await _found(reads, caller.subject, str(export_id))
    if row.phase is not ExportPhase.COMPLETED:
        raise ApiError(400, "The export is not completed", kind="NotCompleted")
    files = [one for one in row.files if metric in (None, one.metric)]
    if not files:
        raise not_there()
    contents = [(one.file_name, await _content(own, one)) for one in files]
    if metric is not None:
        (name, content), kind = contents[0], MEDIA_TYPES[row.export_format]
    else:
        name, content, kind = f"export-{row.export_id}.zip", _zipped(contents, row.requested_at), ZIP
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _zipped(contents: Sequence[tuple[str, bytes]], at: datetime) -> bytes:
    """One zip of all files; the same files make the same bytes."""
    written = BytesIO()
    with ZipFile(written, "w", ZIP_DEFLATED) as archive:
        for name, content in contents:
            archive.writestr(ZipInfo(name, at.timetuple()[:6]), content, ZIP_DEFLATED)
    return written.getvalue()


async def _content(own: Dependencies, file: ExportFile) -> bytes:
    try:
        return await own.objects.read(file.object_id, file.size)
    except (ObjectMissing, ObjectErased):
        raise not_there() from None


async def _found(reads: Reads, creator_id: str, export_id: str) -> ExportRow:
    async with reads.connection() as connection:
        row = await export_by_id(connection, creator_id, export_id)
    if row is None:
        raise not_there()
    return row

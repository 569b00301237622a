"""Exports: the request, the files, and the mail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pydantic import BaseModel, ConfigDict, ValidationError

from domain.creator_hub.export import (
    EmailFailed,
    EmailUnconfirmed,
    Export,
    ExportBuilt,
    ExportEmailed,
    ExportEvent,
    ExportFailed,
    ExportFile,
    ExportFormat,
    ExportPhase,
    ExportRequested,
    Metric,
)
from domain.messages import Command, Personal, ReplyAboutPerson, Result


class RequestExport(Command, name="creator_hub.export.request.v1", key="creator_id", subject="requested_by"):
    creator_id: str
    requested_by: str
    export_id: str
    metrics: tuple[Metric, ...]
    first: date
    last: date
    export_format: ExportFormat
    email: Personal[str]


class RecordBuilt(
    ReplyAboutPerson, name="creator_hub.export.record_built.v1", key="creator_id", subject="requested_by"
):
    creator_id: str
    requested_by: str
    export_id: str


class RecordMailed(
    ReplyAboutPerson, name="creator_hub.export.record_mailed.v1", key="creator_id", subject="requested_by"
):
    creator_id: str
    requested_by: str
    export_id: str


class _Built(BaseModel):
    """The output of a build: see the effect BuildExport."""

    model_config = ConfigDict(frozen=True)

    files: tuple[ExportFile, ...]
    position: int


def request(command: RequestExport, _export: Export) -> Sequence[ExportEvent]:
    return [ExportRequested(**command.model_dump())]


def record_built(command: RecordBuilt, export: Export) -> Sequence[ExportEvent]:
    attempt, about = command.attempt, command.model_dump(include={"at", "creator_id", "requested_by", "export_id"})
    if attempt is None or attempt.result is Result.DEFERRED or export.phase is not ExportPhase.PROCESSING:
        return []
    if attempt.result is not Result.ACCEPTED:
        return [ExportFailed(**about, code=attempt.code or "no_answer", reason=command.reason)]
    try:
        built = _Built.model_validate(attempt.output)
    except ValidationError:
        return [ExportFailed(**about, code="wrong_files", reason="the files are not those that were asked for")]
    return [ExportBuilt(**about, files=built.files, position=built.position, email=export.email)]


def record_mailed(command: RecordMailed, export: Export) -> Sequence[ExportEvent]:
    """A mail without an answer is not sent again: it may have arrived."""
    attempt, about = command.attempt, command.model_dump(include={"at", "creator_id", "requested_by", "export_id"})
    if attempt is None or attempt.result is Result.DEFERRED or export.mailed:
        return []
    match attempt.result:
        case Result.ACCEPTED:
            return [ExportEmailed(**about, provider_id=attempt.provider_id or "")]
        case Result.UNCONFIRMED:
            return [EmailUnconfirmed(**about, reason=command.reason)]
        case _:
            return [EmailFailed(**about, code=attempt.code or "refused", reason=command.reason)]

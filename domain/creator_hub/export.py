"""An export of figures: requested, built as one file a metric, and mailed where an address was given."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import assert_never

from pydantic import BaseModel, ConfigDict

from domain.creator_hub.kinds import OfCreator
from domain.messages import ObjectId, Personal, Remark


class ExportFormat(StrEnum):
    CSV = "csv"
    JSON = "json"


class Metric(StrEnum):
    USERS = "users"
    INTERACTIONS = "interactions"
    PROGRAMS = "programs"
    CHANNELS = "channels"


class ExportFile(BaseModel):
    """One file of an export: `rows` without the heading, `size` in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: Metric
    file_name: str
    object_id: ObjectId
    sha256: str
    size: int
    rows: int


class OfExport(OfCreator, subject="requested_by"):
    """An event of one export. `requested_by` is the creator as the person whose address it holds."""

    requested_by: str
    export_id: str


class ExportRequested(OfExport, name="creator_hub.export.requested.v1"):
    """`first` and `last` are days, UTC, both included."""

    metrics: tuple[Metric, ...]
    first: date
    last: date
    export_format: ExportFormat
    email: Personal[str]


class ExportBuilt(OfExport, name="creator_hub.export.built.v1"):
    """`position` is the sequence, in the creator's partition, up to which events are counted."""

    files: tuple[ExportFile, ...]
    position: int
    email: Personal[str]


class ExportEmailed(OfExport, name="creator_hub.export.emailed.v1"):
    provider_id: str


class EmailUnconfirmed(OfExport, name="creator_hub.export.email_unconfirmed.v1"):
    """The mail's call had no answer; it is not made again."""

    reason: Remark


class EmailFailed(OfExport, name="creator_hub.export.email_failed.v1"):
    """The files are there all the same."""

    code: str
    reason: Remark


class ExportFailed(OfExport, name="creator_hub.export.failed.v1"):
    code: str
    reason: Remark


ExportEvent = ExportRequested | ExportBuilt | ExportEmailed | EmailUnconfirmed | EmailFailed | ExportFailed


class ExportPhase(StrEnum):
    ABSENT = "absent"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


class Export(BaseModel):
    model_config = ConfigDict(frozen=True)

    phase: ExportPhase = ExportPhase.ABSENT
    email: str | None = None
    mailed: bool = False


def evolve(export: Export, event: ExportEvent) -> Export:
    match event:
        case ExportRequested():
            return Export(phase=ExportPhase.PROCESSING, email=event.email)
        case ExportBuilt():
            return export.model_copy(update={"phase": ExportPhase.COMPLETED})
        case ExportFailed():
            return export.model_copy(update={"phase": ExportPhase.FAILED})
        case ExportEmailed() | EmailUnconfirmed() | EmailFailed():
            return export.model_copy(update={"mailed": True})
        case _:
            assert_never(event)

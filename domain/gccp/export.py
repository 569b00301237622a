"""The export of Markdown as PDF: done or failed. The document itself is not stored."""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.messages import Event, Personal, Remark


class _OfExport(Event, subject="owner"):
    owner: str
    export_id: UUID
    content_bytes: int
    duration_ms: int


class PdfExported(_OfExport, name="gccp.export.exported.v1"):
    filename: Personal[str]
    pages: int
    pdf_bytes: int


class PdfExportFailed(_OfExport, name="gccp.export.failed.v1"):
    """A failed export. `code` is a limit that was passed, or an error in the document."""

    code: str
    reason: Remark


ExportEvent = PdfExported | PdfExportFailed


class ExportPhase(StrEnum):
    ABSENT = "absent"
    EXPORTED = "exported"
    FAILED = "failed"


class Export(BaseModel):
    model_config = ConfigDict(frozen=True)

    phase: ExportPhase = ExportPhase.ABSENT


def evolve(_export: Export, event: ExportEvent) -> Export:
    match event:
        case PdfExported():
            return Export(phase=ExportPhase.EXPORTED)
        case PdfExportFailed():
            return Export(phase=ExportPhase.FAILED)
        case _:
            assert_never(event)

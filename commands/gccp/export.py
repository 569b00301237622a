"""The record of a PDF export. The PDF is made while the caller waits, so these commands record facts."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from domain.gccp.export import Export, ExportEvent, ExportPhase, PdfExported, PdfExportFailed
from domain.messages import Command, Personal, Remark


class RecordPdfExport(Command, name="gccp.export.record.v1", key="owner", subject="owner"):
    export_id: UUID
    owner: str
    filename: Personal[str]
    content_bytes: int
    pages: int
    pdf_bytes: int
    duration_ms: int


class RecordPdfExportFailure(Command, name="gccp.export.record_failure.v1", key="owner", subject="owner"):
    export_id: UUID
    owner: str
    content_bytes: int
    duration_ms: int
    code: str
    reason: Remark


def record(command: RecordPdfExport, export: Export) -> Sequence[ExportEvent]:
    return [PdfExported(**command.model_dump())] if export.phase is ExportPhase.ABSENT else []


def record_failure(command: RecordPdfExportFailure, export: Export) -> Sequence[ExportEvent]:
    return [PdfExportFailed(**command.model_dump())] if export.phase is ExportPhase.ABSENT else []

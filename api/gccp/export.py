"""Endpoints of PDF export: Markdown is rendered while the caller waits."""

from __future__ import annotations

import re
from time import perf_counter
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from api.actions import Action
from api.auth import Caller
from api.errors import ApiError, FieldError, invalid
from api.gccp.access import AUTHENTICATED
from api.gccp.dependencies import Own
from api.gccp.fields import NUMBER, SHORT, UnblankBody
from api.routing import LeanRoute
from api.streaming.event_stream import unless_disconnected
from api.surface import Act, may
from commands.gccp.export import RecordPdfExport, RecordPdfExportFailure
from documents.errors import (
    DocumentError,
    DocumentTooLarge,
    InvalidStyling,
    RendererBusy,
    RenderFailed,
    RenderTimeout,
)
from documents.filename import clean, content_disposition
from documents.render.request import DocumentRequest, Options
from documents.render.style import Styling, styling_of

HEALTH_VERSION = "1.0.0"
PAGES = re.compile(rb"/Type/Pages/Count (\d+)")
"""The root of the page tree, which Typst writes as the first object, uncompressed."""

MISSING = "X-Missing-Characters"
"""The header of a PDF that shows boxes, since no font has these characters: `U+1F680 U+2705`."""

MOST_NAMED = 50

FAILURES: dict[type[DocumentError], tuple[str, int]] = {
    DocumentTooLarge: ("too_large", 400),
    RenderTimeout: ("too_slow", 400),
    RenderFailed: ("failed", 500),
    RendererBusy: ("busy", 503),
}
"""The recorded code and the answer's status: 400 where the same document would fail again."""


class PdfRoute(LeanRoute):
    """The route of exports, with a larger body: 1 MiB of document takes more when it is escaped as JSON."""

    max_body_bytes = 4 << 20


router = APIRouter(route_class=PdfRoute, prefix="/api/export/pdf", tags=["PDF Export"])


class StylingBody(UnblankBody):
    """How it looks: `headerColor` as #rgb or #rrggbb, `fontSize` from 6 to 36 pt, `lineHeight` from 1 to 3."""

    model_config = ConfigDict(extra="allow")

    headerColor: str | None = None  # noqa: N815 - the document's names
    fontSize: Annotated[float, NUMBER] | None = None  # noqa: N815
    lineHeight: Annotated[float, NUMBER] | None = None  # noqa: N815


class PdfBody(UnblankBody):
    """Markdown, and what is said about it."""

    content: str
    title: Annotated[str, StringConstraints(max_length=SHORT)] | None = None
    author: Annotated[str, StringConstraints(max_length=SHORT)] | None = None
    filename: Annotated[str, StringConstraints(max_length=SHORT)] | None = None
    styling: StylingBody | None = None


class PdfHealthAnswer(BaseModel):
    status: str = "ok"
    service: str = "PDF Generation API"
    version: str = HEALTH_VERSION


class PdfFile(Response):
    """The response with a PDF as attachment."""

    media_type = "application/pdf"


@router.post("", response_class=PdfFile)
async def export_pdf(
    body: PdfBody,
    caller: Annotated[Caller, may(AUTHENTICATED, limit="export_pdf")],
    act: Act,
    request: Request,
    own: Own,
) -> Response:
    """The document as PDF. Nothing is fetched for it, no file is read, and HTML in it is shown as text."""
    document = DocumentRequest(body.content, act.at, Options(body.title, body.author, _styling(body)))
    began = perf_counter()
    about: dict[str, Any] = {
        "at": act.at,
        "export_id": act.new_id("export"),
        "owner": caller.subject,
        "content_bytes": len(body.content.encode()),
    }
    try:
        rendered = await unless_disconnected(request, own.pdf.render(document))
    except (DocumentError, ClientDisconnect) as failed:
        await _record_failure(act.part(1), about | {"duration_ms": _elapsed_ms(began)}, failed)
        raise _error_of(failed) from failed
    made = RecordPdfExport(
        **about,
        filename=clean(body.filename),
        pages=_pages(rendered.pdf),
        pdf_bytes=len(rendered.pdf),
        duration_ms=_elapsed_ms(began),
    )
    await _record(act, made)
    headers = {"Content-Disposition": content_disposition(body.filename)} | _missing(rendered.missing)
    return PdfFile(rendered.pdf, headers=headers)


@router.get("")
async def pdf_health(own: Own) -> PdfHealthAnswer:
    """Whether PDFs can be made: a small one was, within the last half minute."""
    if not await own.pdf_health.healthy():
        raise ApiError(
            503,
            "Service unavailable",
            kind="Unavailable",
            details="the renderer does not work",
            headers={"Retry-After": "30"},
        )
    return PdfHealthAnswer()


def _styling(body: PdfBody) -> Styling:
    try:
        return styling_of(body.styling.model_dump() if body.styling else None)
    except InvalidStyling as error:
        raise invalid([FieldError(error.field, str(error).removeprefix(f"{error.field} "), missing=False)]) from None


async def _record(act: Action, made: RecordPdfExport | RecordPdfExportFailure) -> None:
    """`Pending` is ignored: the PDF is returned even if its record is not visible yet."""
    try:
        await act.submit(made)
    except ApiError as pending:
        if pending.status != 202:
            raise


async def _record_failure(act: Action, about: dict[str, Any], failed: DocumentError | ClientDisconnect) -> None:
    """A failure has a separate export id: the same request, repeated with its key, may still become an export."""
    code = "client_disconnected" if isinstance(failed, ClientDisconnect) else FAILURES[type(failed)][0]
    reason = str(failed) or "the client left before the document was made"
    about["export_id"] = act.new_id("export")
    await _record(act, RecordPdfExportFailure(**about, code=code, reason=reason))


def _error_of(failed: DocumentError | ClientDisconnect) -> Exception:
    if isinstance(failed, ClientDisconnect):
        return failed
    _, status = FAILURES[type(failed)]
    if status == 503:
        return ApiError(
            503, "Service unavailable", kind="Unavailable", details=str(failed), headers={"Retry-After": "5"}
        )
    return ApiError(status, "The PDF could not be made", kind="Pdf", details=str(failed))


def _missing(characters: str) -> dict[str, str]:
    """The header that names the characters no font has, as code points in ASCII."""
    named = " ".join(f"U+{ord(character):04X}" for character in characters[:MOST_NAMED])
    return {MISSING: named + (" ..." if len(characters) > MOST_NAMED else "")} if characters else {}


def _pages(pdf: bytes) -> int:
    found = PAGES.search(pdf)
    return int(found[1]) if found else 0


def _elapsed_ms(began: float) -> int:
    return round((perf_counter() - began) * 1000)

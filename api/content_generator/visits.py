"""The addresses in our own mails by which opens and clicks are seen. The token in them is signed, and the only proof.

An open counts once for a recipient and campaign, a click once for each link besides: mail programs load pictures anew.
What a machine does is kept apart: its opens are counted as such, its clicks lead on and count nowhere.
"""

from __future__ import annotations

import logging
import re
from base64 import b64decode
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.content_generator.dependencies import NAME, Own
from api.errors import ApiError
from api.head import HEAD_ASKED
from api.routing import LeanRoute
from api.surface import surface_of
from api.unsubscribe import RECIPIENT
from commands.content_generator.recipient import RecordReport, ReportKind
from content.content_generator.links import CLICK, OPEN, LinkedRecipient, recipient_of
from streams.core.gateway import Pending, Unavailable, envelop
from streams.core.ids import derived_id

router = APIRouter(route_class=LeanRoute, tags=["Recipients"])

VISITS = UUID("5f0d3c1e-9f6b-5b1e-8a55-1c0f6c3f7a42")
"""The namespace of command ids of opens and clicks: the same one again is the same command."""

DEADLINE_SECONDS = 1.0
"""Seconds that a recipient waits for the record; a later one is recorded too."""

PICTURE = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A transparent pixel."""

PREFETCHED = re.compile(r"Mozilla/5\.0|.* Edge/12\.246 Mozilla/5\.0")
"""The whole user agent of Apple's Mail Privacy Protection, and of Gmail's loading before a mail is shown."""

MACHINES = re.compile(
    r"bot\b|crawl|spider|scan|preview|monitor|proofpoint|mimecast|barracuda|forcepoint|symantec|mcafee|sophos|ironport"
    r"|safelinks|headless|curl|wget|python|java/|go-http|okhttp|axios|node-fetch",
    re.IGNORECASE,
)
"""Words in the user agents of scanners, previews and programs."""

log = logging.getLogger(__name__)


@router.get("/opens/{token}")
async def opened(token: str, request: Request, own: Own) -> Response:
    """The picture in a mail; loading it counts an open."""
    linked = _linked(own, OPEN, token)
    machine = by_machine(request)
    await _record(request, own, linked, ReportKind.OPENED, machine)
    return Response(PICTURE, media_type="image/gif")


@router.get("/clicks/{token}", status_code=302)
async def clicked(token: str, request: Request, own: Own) -> Response:
    """The way to a link of a mail, which counts a click. It leads only where a mail of ours said."""
    linked = _linked(own, CLICK, token)
    if not by_machine(request):
        await _record(request, own, linked, ReportKind.CLICKED)
    return RedirectResponse(linked.url, 302)


def _linked(own: Own, purpose: str, token: str) -> LinkedRecipient:
    linked = recipient_of(own.secrets.mac, purpose, token)
    if linked is None:
        raise ApiError(404, "This link is not valid", kind="NotFound")
    return linked


def by_machine(request: Request) -> bool:
    """Whether no person looks: a scanner, a preview, a proxy that loads pictures before the mail is opened."""
    agent = request.headers.get("user-agent", "")
    early = "prefetch" in request.headers.get("sec-purpose", request.headers.get("purpose", ""))
    known = PREFETCHED.fullmatch(agent) or MACHINES.search(agent)
    return not agent or early or known is not None or HEAD_ASKED in request.scope


async def _record(request: Request, own: Own, linked: LinkedRecipient, kind: ReportKind, machine: bool = False) -> None:
    """Record an open or a click. The recipient is served even while the log takes none: then it is not counted."""
    at = surface_of(request).actions.clock.now()
    id_ = derived_id(VISITS, "\0".join((kind, str(machine), *linked)))
    command = RecordReport(
        at=at,
        mark=linked.mark,
        campaign_id=linked.campaign_id,
        report_id=str(id_),
        kind=kind,
        reported_at=at,
        url=linked.url or None,
        machine=machine,
    )
    envelope = envelop(command, NAME, own.engine.partitions, RECIPIENT, id_)
    try:
        await own.engine.gateway.submit(envelope, DEADLINE_SECONDS)
    except (Unavailable, Pending) as away:
        log.info("an open or click waits: %s", type(away).__name__)

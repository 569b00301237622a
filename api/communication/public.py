"""Endpoints without authentication: health, and the unsubscribe page of a recipient."""

from __future__ import annotations

from datetime import datetime

import orjson
import psycopg
from fastapi import APIRouter
from psycopg_pool import PoolTimeout
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from api import unsubscribe as page
from api.communication.dependencies import Dependencies, Own
from api.routing import Json, LeanRoute
from api.surface import surface_of
from commands.communication.opt_out import OptOut
from domain.communication.consent import OptOutSource
from domain.communication.kinds import TRIGGERS, Wish
from streams.postgres.status import Installation, installation

router = APIRouter(route_class=LeanRoute)

VERSION = "1.0.0"
ANALYTICS = ("communication_daily", "communication_deliveries")


class Services(BaseModel):
    preference_service: bool
    analytics_service: bool
    celery_integration: bool
    twilio_configured: bool
    resend_configured: bool


class HealthAnswer(BaseModel):
    status: str
    services: Services
    timestamp: datetime
    version: str


@router.get(
    "/api/communication/health",
    tags=["Health"],
    response_model=HealthAnswer,
    responses={503: {"model": HealthAnswer}},
)
async def communication_health(request: Request, own: Own) -> HealthAnswer | Json:
    """Real probes: the database and its read models, the log and its tasks. 503 when one of these fails.

    A provider that is not configured is shown, and degrades nothing: the sandbox stands in.
    """
    surface = surface_of(request)
    found = await _installation(request)
    services = Services(
        preference_service=found is not None and not _halted(found, ("communication_recipients",)),
        analytics_service=found is not None and not _halted(found, ANALYTICS),
        celery_integration=own.engine.writable
        and found is not None
        and not _halted(found, ("communication_reactions",)),
        **own.providers,
    )
    well = services.preference_service and services.analytics_service and services.celery_integration
    answer = HealthAnswer(
        status="healthy" if well else "degraded",
        services=services,
        timestamp=surface.actions.clock.now(),
        version=VERSION,
    )
    return answer if well else _degraded(answer)


def _degraded(answer: HealthAnswer) -> Json:
    return Json(orjson.dumps(answer.model_dump(mode="json")), 503)


async def _installation(request: Request) -> Installation | None:
    reads = surface_of(request).reads
    if not await reads.alive():
        return None
    try:
        async with reads.connection() as connection:
            return await installation(connection)
    except (psycopg.Error, PoolTimeout):
        return None


def _halted(found: Installation, names: tuple[str, ...]) -> bool:
    return any(projection.name in names for projection in found.halted)


@router.get("/unsubscribe/{token}", tags=["Unsubscribe"], response_class=HTMLResponse)
async def unsubscribe_page(token: str, request: Request, own: Own) -> Response:
    """Shows what the link is for. Looking changes nothing: mail scanners follow links (RFC 8058)."""
    return page.show(request, _purpose(request, own, token))


@router.post("/unsubscribe/{token}", tags=["Unsubscribe"], response_class=HTMLResponse)
async def unsubscribe(token: str, request: Request, own: Own) -> Response:
    """Unsubscribes, from the page's button or a mail program's own (one-click)."""
    return await page.act(request, _purpose(request, own, token))


def _purpose(request: Request, own: Dependencies, token: str) -> page.LinkPurpose | None:
    who = own.links.read(token)
    if who is None:
        return None
    command = OptOut(
        at=surface_of(request).actions.clock.now(),
        user_id=who.user_id,
        wish=Wish.EMAIL,
        message_types=(who.type,),
        reason="unsubscribe link",
        source=OptOutSource.UNSUBSCRIBE,
    )
    return page.LinkPurpose(f"messages of the kind “{TRIGGERS[who.type].name}”", command)

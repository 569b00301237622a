"""What needs no token: health, and a recipient's own unsubscribe page."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import Any

import orjson
import psycopg
from fastapi import APIRouter
from psycopg_pool import PoolTimeout
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from api.actions import Acting
from api.communication.dependencies import Own
from api.errors import ApiError
from api.routing import Json, LeanRoute
from api.surface import surface_of
from commands.communication.opt_out import OptOut
from content.communication.links import Unsubscription
from domain.communication.consent import OptOutSource
from domain.communication.kinds import TRIGGERS, Wish
from streams.core.gateway import Pending, Unavailable, envelop
from streams.postgres.status import Installation, installation

router = APIRouter(route_class=LeanRoute)

VERSION = "1.0.0"
DEADLINE_SECONDS = 5.0
ANALYTICS = ("communication_daily", "communication_deliveries")

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Unsubscribe</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
<style>body{{font-family:system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem;line-height:1.5}}
button{{font:inherit;padding:.6rem 1.2rem}}</style></head><body><h1>{title}</h1><p>{text}</p>{form}</body></html>"""


INVALID_LINK = "Nothing was changed. Perhaps the address was cut short: please follow the link in the e-mail again."


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


def _acting(request: Request) -> Acting:
    return surface_of(request).acting


@router.get("/api/communication/health", tags=["Health"], responses={503: {"model": HealthAnswer}})
async def communication_health(request: Request, own: Own) -> HealthAnswer:
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
        timestamp=surface.acting.clock.now(),
        version=VERSION,
    )
    return answer if well else _degraded(answer)


def _degraded(answer: HealthAnswer) -> Any:
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
    who = own.links.read(token)
    if who is None and "text/html" in request.headers.get("accept", ""):
        return _page("This link is not valid", INVALID_LINK, "", 404)
    about = _about(who)
    form = '<form method="post"><button>Unsubscribe</button></form>'
    return _page("Unsubscribe", f"You are about to stop receiving {about} by e-mail.", form)


@router.post("/unsubscribe/{token}", tags=["Unsubscribe"], response_class=HTMLResponse)
async def unsubscribe(token: str, request: Request, own: Own) -> Response:
    """Unsubscribes, from the page's button or a mail program's own (one-click)."""
    who = own.links.read(token)
    about = _about(who)
    assert who is not None
    acting = _acting(request)
    command = OptOut(
        at=acting.clock.now(),
        user_id=who.user_id,
        wish=Wish.EMAIL,
        message_types=(who.type,),
        reason="unsubscribe link",
        source=OptOutSource.UNSUBSCRIBE,
    )
    try:
        await acting.gateway.submit(envelop(command, acting.surface, acting.partitions, "recipient"), DEADLINE_SECONDS)
    except (Unavailable, Pending) as away:
        raise ApiError(503, "Please try again in a moment", kind="Unavailable", headers={"Retry-After": "5"}) from away
    return _page("You are unsubscribed", f"You will not receive {about} by e-mail any more.", "")


def _about(who: Unsubscription | None) -> str:
    if who is None:
        raise ApiError(404, "This link is not valid", kind="NotFound")
    return f"messages of the kind “{TRIGGERS[who.type].name}”"


def _page(title: str, text: str, form: str, status: int = 200) -> Response:
    return HTMLResponse(PAGE.format(title=escape(title), text=escape(text), form=form), status)

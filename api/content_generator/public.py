"""The page behind an unsubscribe link of a campaign."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api import unsubscribe
from api.content_generator.dependencies import Own
from api.routing import LeanRoute
from api.surface import surface_of
from commands.content_generator.recipient import Unsubscribe
from content.content_generator.links import UNSUBSCRIBE, recipient_of
from domain.content_generator.recipient import UnsubscribeSource

router = APIRouter(route_class=LeanRoute, prefix="/unsubscribe", tags=["Unsubscribe"])


@router.get("/{token}")
async def page(token: str, request: Request, own: Own) -> Response:
    """The page that a link in an e-mail leads to. Looking at it changes nothing."""
    return unsubscribe.show(request, _purpose(token, request, own, UnsubscribeSource.LINK))


@router.post("/{token}")
async def now(token: str, request: Request, own: Own) -> Response:
    """Unsubscribe, by the page's button or by a mail program (RFC 8058)."""
    return await unsubscribe.act(request, _purpose(token, request, own, UnsubscribeSource.ONE_CLICK))


def _purpose(token: str, request: Request, own: Own, source: UnsubscribeSource) -> unsubscribe.LinkPurpose | None:
    found = recipient_of(own.secrets.mac, UNSUBSCRIBE, token)
    if found is None:
        return None
    command = Unsubscribe(
        at=surface_of(request).actions.clock.now(), mark=found.mark, source=source, campaign_id=found.campaign_id
    )
    return unsubscribe.LinkPurpose("our newsletters", command)

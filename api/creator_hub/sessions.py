"""Sessions: an access token for a refresh token. This endpoint is open, as the refresh token is the credential."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request

from api.creator_hub.access import GENERAL
from api.creator_hub.dependencies import Own, ai_interactions_of
from api.creator_hub.fields import Body
from api.routing import HEADERS, LeanRoute
from api.surface import surface_of
from commands.creator_hub.account import NoteRefresh

router = APIRouter(route_class=LeanRoute, prefix="/api/v1/auth", tags=["Authentication"])


class RefreshBody(Body):
    refresh_token: Annotated[str, Field(min_length=1, max_length=10_000)]


class SessionAnswer(BaseModel):
    """`expires_in` is in seconds."""

    access_token: str
    token_type: str = "bearer"  # noqa: S105 - the type's name
    expires_in: int


@router.post("/refresh")
async def refresh(body: RefreshBody, request: Request, own: Own) -> SessionAnswer:
    """Get an access token with the scopes and limits of a refresh token, which stays as it is.

    It is made without the log, and put on record behind; revoked refresh tokens are known to each node in a second.
    """
    holder = own.refresh.verify(body.refresh_token)
    headers = request.scope[HEADERS]
    headers.update(await surface_of(request).limiter.count(holder, GENERAL))
    headers["Cache-Control"] = "no-store"
    now = own.engine.clock.now()
    token = own.access.renewed(holder, now, own.access_lifetime)
    allowed = ai_interactions_of(holder)
    note = NoteRefresh(at=now, creator_id=holder.subject, token_id=holder.token_id, ai_interactions=allowed)
    own.note(note, holder)
    return SessionAnswer(access_token=token, expires_in=int(own.access_lifetime.total_seconds()))

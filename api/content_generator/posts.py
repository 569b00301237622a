"""A person's word on a post whose fate no provider could tell."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.auth import Caller
from api.content_generator.access import WRITE
from api.content_generator.fields import Body, Flag
from api.routing import LeanRoute
from api.surface import Act, may
from commands.content_generator.post import ResolvePost

router = APIRouter(route_class=LeanRoute, prefix="/api/v2/posts", tags=["Version 2 API"])


class ResolveBody(Body):
    """`delivered`: the post is there, at `url` if that is given."""

    delivered: Flag
    url: Annotated[str, Field(max_length=2_000)] | None = None


class ResolveAnswer(BaseModel):
    post_id: str
    status: Literal["posted", "failed"]


@router.post("/{post_id}/resolve")
async def resolve(post_id: str, body: ResolveBody, caller: Annotated[Caller, may(WRITE)], act: Act) -> ResolveAnswer:
    """Say what became of an unconfirmed post; its job is restated, and can be retried if the post is not there."""
    command = ResolvePost(
        at=act.at,
        post_id=post_id,
        tenant=caller.tenant,
        delivered=body.delivered,
        url=body.url,
        resolved_by=caller.subject,
    )
    await act.submit(command)
    return ResolveAnswer(post_id=post_id, status="posted" if body.delivered else "failed")

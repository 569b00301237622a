"""Summaries of live sessions: composed in the request, and published by a job of their own if that is wanted."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.auth import Caller
from api.content_generator.access import WRITE
from api.content_generator.composed import MailAnswer, PostTextAnswer, WebUpdateAnswer
from api.content_generator.documents import CHANNELS, Outlet, Outlets
from api.content_generator.fields import Body, Flag, Line, SessionId, Time
from api.correlation import correlation_of
from api.errors import FieldError, invalid
from api.routing import LeanRoute
from api.surface import Act, may
from commands.content_generator.summary import GenerateSummary
from content.content_generator.summaries import summarize
from domain.calls.social_post import Network
from domain.content_generator.composed import SessionFacts, TooLarge, pinned
from domain.content_generator.kinds import TemplateName, content_id, job_id

router = APIRouter(route_class=LeanRoute, prefix="/api/v2", tags=["Session Management"])

LONGEST_SECONDS = 7 * 24 * 3600

Names = Annotated[tuple[Line, ...], Field(max_length=50)]


class SummaryBody(Body):
    """A session to summarize. The duration is in seconds, the improvement in percent. `published` decides nothing."""

    title: Line
    content: Annotated[str, Field(min_length=1, max_length=50_000)]
    session_id: SessionId
    session_duration: Annotated[int, Field(strict=True, ge=0, le=LONGEST_SECONDS)]
    participant_count: Annotated[int, Field(strict=True, ge=0, le=10_000_000)]
    breathing_techniques: Names = ()
    average_hrv_improvement: Annotated[float, Field(strict=True, ge=-1e6, le=1e6, allow_inf_nan=False)] | None = None
    key_achievements: Names = ()
    session_type: Line = "live"
    instructor_name: Line | None = None
    session_date: Time | None = None
    published: Flag = True
    channels: Outlets = (Outlet.EMAIL, Outlet.WEB, Outlet.SOCIAL)
    publish_immediately: Flag = False


class SummaryAnswer(BaseModel):
    """The summary by channel. A published one names its job, which says what became of each channel."""

    status: str
    content_id: str
    preview_urls: dict[str, str]
    newsletter: MailAnswer | None = None
    web_update: WebUpdateAnswer | None = None
    social_posts: dict[Network, PostTextAnswer] | None = None
    job_id: str | None = None
    published_urls: dict[str, str] | None = None


@router.post("/session-summary", response_model=SummaryAnswer, response_model_exclude_none=True)
async def summary(body: SummaryBody, caller: Annotated[Caller, may(WRITE)], act: Act) -> SummaryAnswer:
    """Compose the summary of a session, and publish it with `publish_immediately`."""
    id_, root = str(act.new_id("summary")), act.new_id("summary job").hex
    facts = SessionFacts.model_validate(body.model_dump(include=set(SessionFacts.model_fields)))
    channels = tuple(dict.fromkeys(channel for outlet in body.channels for channel in CHANNELS[outlet]))
    try:
        composed = summarize(facts, channels, pinned(TemplateName.MODERN))
    except TooLarge as error:
        raise invalid([FieldError("content", str(error), missing=False)]) from None
    await act.submit(
        GenerateSummary(
            at=act.at,
            content_id=id_,
            tenant=caller.tenant,
            facts=facts,
            channels=channels,
            published=body.published,
            content=composed.model_dump(mode="json"),
            publish=body.publish_immediately,
            root=root,
            correlation_id=correlation_of(act.request),
            requested_by=caller.subject,
        )
    )
    published = body.publish_immediately
    answer: dict[str, object] = {
        "status": "published" if published else "preview",
        "content_id": id_,
        "preview_urls": {"session": f"/sessions/{body.session_id}"},
        "job_id": job_id(root, 0) if published else None,
        "published_urls": {"web": f"/updates/{content_id(root)}"}
        if published and Outlet.WEB in body.channels
        else None,
    }
    return SummaryAnswer.model_validate(answer | composed.public())

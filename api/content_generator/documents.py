"""Documents and content made from them, in the request: version 1 of the API."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter
from psycopg import AsyncConnection
from pydantic import BaseModel, Field, JsonValue
from starlette.responses import Response

from api.auth import Caller
from api.content_generator.access import READ, WRITE
from api.content_generator.composed import GeneratedAnswer
from api.content_generator.dependencies import Own
from api.content_generator.fields import Body, CustomData, DocumentId, Shown
from api.errors import ApiError
from api.routing import LeanRoute
from api.streaming.event_stream import unless_disconnected
from api.submission import submit_and_wait
from api.surface import Act, may
from commands.content_generator.document import RequestFetch
from commands.content_generator.generation import RequestGeneration
from content.content_generator.items import items_of
from domain.calls.document import Source
from domain.content_generator.composed import CategorizedItems, Composed, Strategy
from domain.content_generator.document import DocumentFetchRequested, DocumentUnchanged
from domain.content_generator.generation import GenerationPhase
from domain.content_generator.kinds import Channel, TemplateName
from domain.content_generator.sources import named
from projections.content_generator.contents import Owner, pinned_content
from projections.content_generator.document_fetches import ended_fetch
from projections.content_generator.document_versions import DocumentVersion, document_version
from projections.content_generator.generations import generation_by_id
from streams.core.read_models import Row

router = APIRouter(route_class=LeanRoute, prefix="/api/v1/content", tags=["Version 1 API"])

PATIENCE_SECONDS = 20.0
"""Seconds that a request waits for a document. After that it is answered 202, and goes on."""

WRONG = frozenset({"too_large", "no_text", "not_public", "bad_address"})
"""Codes of documents that another try does not mend: 400."""


class GenerationSource(StrEnum):
    GOOGLE_DOCS = "google_docs"
    NOTION = "notion"
    MOCK = "mock"


class Outlet(StrEnum):
    """The channels of version 1: `web` is the website, `social` all networks."""

    EMAIL = "email"
    WEB = "web"
    SOCIAL = "social"


CHANNELS: dict[Outlet, tuple[Channel, ...]] = {
    Outlet.EMAIL: (Channel.EMAIL,),
    Outlet.WEB: (Channel.WEBSITE,),
    Outlet.SOCIAL: (Channel.TWITTER, Channel.LINKEDIN, Channel.FACEBOOK),
}
Outlets = Annotated[tuple[Outlet, ...], Field(min_length=1, max_length=20)]


class FetchBody(Body):
    source: Source
    document_id: DocumentId
    parse_strategy: Strategy = Strategy.MARKDOWN


class ItemAnswer(BaseModel):
    title: str
    content: str
    tags: tuple[str, ...]
    date: Shown


class ItemsAnswer(BaseModel):
    breathscape: list[ItemAnswer]
    hardware: list[ItemAnswer]
    tips: list[ItemAnswer]
    company_vision: list[ItemAnswer]


class FetchAnswer(BaseModel):
    status: str = "success"
    content: ItemsAnswer


class GenerateBody(Body):
    source: GenerationSource
    document_id: DocumentId
    channels: Outlets
    template: TemplateName = TemplateName.MODERN
    custom_data: CustomData = Field(default_factory=dict)


class GenerateAnswer(BaseModel):
    status: str = "success"
    generated: GeneratedAnswer


class PendingAnswer(BaseModel):
    status: str = "pending"


@router.post("/fetch", response_model=FetchAnswer)
async def fetch(body: FetchBody, caller: Annotated[Caller, may(READ)], act: Act, own: Own) -> FetchAnswer | Response:
    """Fetch a document and show its items by category. What was fetched within a minute is good enough."""
    document = named(body.source, body.document_id)
    key = document.key(caller.tenant)
    command = RequestFetch(
        at=act.at,
        document=key,
        tenant=caller.tenant,
        source=document.source,
        document_id=document.document_id,
        max_age=own.fresh_seconds,
    )
    outcome = await act.submit(command)
    known = [event.version for event in outcome.events if isinstance(event, DocumentUnchanged)]
    found = await _version(own, key, known[0]) if known else await _fetched(own, act, key, outcome.events)
    if found is None:
        return act.accepted(PendingAnswer())
    items = await asyncio.to_thread(_items, found, body.parse_strategy)  # seconds, for the largest documents
    return FetchAnswer(content=items)


async def _fetched(own: Own, act: Act, key: str, events: tuple[Any, ...]) -> DocumentVersion | None:
    """The version that the fetch brings; None if that takes too long. Raises ApiError for a fetch that failed."""
    number = next(event.fetch for event in events if isinstance(event, DocumentFetchRequested))
    waiting = own.streams.until(f"document/{key}", lambda c: ended_fetch(c, key, number), PATIENCE_SECONDS)
    ended = await unless_disconnected(act.request, waiting)
    if ended is None:
        return None
    if ended.version is None:
        raise refused(ended.code or "", ended.reason or "")
    return await _version(own, key, ended.version)


async def _version(own: Own, key: str, version: int) -> DocumentVersion | None:
    async with own.engine.reads.connection() as connection:
        return await document_version(connection, key, version)


def refused(code: str, reason: str) -> ApiError:
    """The answer for a document that cannot be had."""
    if code == "not_found":
        return ApiError(404, "The document was not found", kind="NotFound")
    if code in WRONG:
        return ApiError(
            400, f"The document cannot be used: {reason}", kind="InvalidInput", details={"document_id": reason}
        )
    return ApiError(502, f"The document is not available: {reason}", kind="Document")


def _items(found: DocumentVersion, strategy: Strategy) -> ItemsAnswer:
    items: CategorizedItems = items_of(found.content, strategy, found.fetched_at)
    return ItemsAnswer.model_validate(items.model_dump())


@router.post("/generate", response_model=GenerateAnswer, response_model_exclude_none=True)
async def generate(
    body: GenerateBody, caller: Annotated[Caller, may(WRITE)], act: Act, own: Own
) -> GenerateAnswer | Response:
    """Compose content for channels, without sending or publishing any. The answer stays the same under its key."""
    generation_id = act.new_id("generation").hex
    source = None if body.source is GenerationSource.MOCK else Source(body.source)
    document = None if source is None else named(source, body.document_id)
    command = RequestGeneration(
        at=act.at,
        generation_id=generation_id,
        tenant=caller.tenant,
        source=source,
        document=None if document is None else document.key(caller.tenant),
        document_id=body.document_id if document is None else document.document_id,
        channels=tuple(dict.fromkeys(channel for outlet in body.channels for channel in CHANNELS[outlet])),
        template=body.template,
        custom_data=body.custom_data,
        fresh_seconds=own.fresh_seconds,
    )

    async def look(connection: AsyncConnection[Row]) -> dict[str, JsonValue] | None:
        return await _content(connection, caller.tenant, generation_id)

    stream = f"generation/{generation_id}"
    content = await submit_and_wait(act, command, own.streams, stream, look, PATIENCE_SECONDS)
    if content is None:
        return act.accepted(PendingAnswer())
    return GenerateAnswer(generated=GeneratedAnswer.model_validate(Composed.model_validate(content).public()))


async def _content(connection: AsyncConnection[Row], tenant: str, generation_id: str) -> dict[str, JsonValue] | None:
    row = await generation_by_id(connection, tenant, generation_id)
    if row is None or row.phase is not GenerationPhase.OVER:
        return None
    if row.code is not None:
        raise refused(row.code, row.reason or "")
    pinned = await pinned_content(connection, Owner.GENERATION, generation_id)
    return None if pinned is None else pinned.content

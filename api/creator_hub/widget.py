"""The widget of a web or mobile channel: its visitors write, and fetch or follow what is answered.

A visitor is known by a signed token, which names a channel and the visitor's address on it. A channel may say which
origins its widget stands on; pages of other origins are refused.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncGenerator
from typing import Annotated, Any, Literal
from uuid import uuid4

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.auth import unauthorized
from api.cors import cross_origin
from api.creator_hub.dependencies import Dependencies, Own
from api.creator_hub.fields import Body, Cursor, Id, Language, Name, PageSize, Shown, VisitorToken, not_there
from api.errors import ApiError
from api.routing import CLEANUPS, HEADERS, LeanRoute
from api.streaming.event_stream import EventStream
from api.surface import surface_of
from commands.creator_hub.member import ReceiveMessage
from domain.creator_hub.kinds import HELD_HERE
from domain.creator_hub.member import MessageReceived, message_id
from projections.creator_hub.channels import ChannelRow, channel_by_id
from projections.creator_hub.messages import InteractionType, SpokenMessage, last_number, messages_after
from projections.creator_hub.queries.conversations import Conversation
from streams.core.secrets import Secrets

PREFIX = "/api/v1/widget"
router = APIRouter(route_class=LeanRoute, prefix=f"{PREFIX}/{{channel_id}}", tags=["Extensions"])

TOKEN_HEADER = "X-Visitor-Token"  # noqa: S105 - a header's name
EVENTS = "text/event-stream"
STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {EVENTS: {"schema": {"type": "string"}}}}}


class WidgetAnswer(BaseModel):
    """The widget's looks. `visitor_token` is the visitor's from here on: the one that was sent, else a new one."""

    channel_name: str
    widget_color: str | None
    welcome_message: str | None
    visitor_token: str


class MessageBody(Body):
    """What a visitor writes. The name and the language of the first message are kept."""

    visitor_token: Annotated[str, Field(max_length=200)]
    text: Annotated[str, Field(min_length=1, max_length=4_096)]
    name: Name | None = None
    language: Language | None = None


class WrittenAnswer(BaseModel):
    message_id: str
    created_at: Shown


class WidgetMessage(BaseModel):
    """A message. `position` grows with each; `sender` is the visitor (`user`) or the hub (`creator`)."""

    id: str
    position: int
    sender: Literal["user", "creator"]
    text: str
    created_at: Shown


class WidgetMessages(BaseModel):
    """Messages in order. `position` is that of the last one: ask for those `after` it."""

    messages: list[WidgetMessage]
    position: int


@router.get("")
async def show(channel_id: Id, request: Request, own: Own, visitor_token: VisitorToken | None = None) -> WidgetAnswer:
    """Show a widget's looks, and give its visitor a token."""
    await _count(request, own)
    channel = await _channel(request, own, str(channel_id))
    visitor = visitor_in(own.secrets, channel.channel_id, _token_of(request, visitor_token)) or str(uuid4())
    return WidgetAnswer(
        channel_name=channel.channel_name,
        widget_color=_text_in(channel, "widget_color"),
        welcome_message=_text_in(channel, "welcome_message"),
        visitor_token=token_of(own.secrets, channel.channel_id, visitor),
    )


@router.post("/messages", status_code=201)
async def write(channel_id: Id, body: MessageBody, request: Request, own: Own) -> WrittenAnswer:
    """Write to the creator. It may carry an Idempotency-Key, under which it counts once."""
    await _count(request, own)
    channel = await _channel(request, own, str(channel_id))
    visitor = _visitor(own, channel, body.visitor_token)
    request.scope[HEADERS].update(await own.visitor_limiter.hit(visitor, "messages", {}, "thing"))
    act = surface_of(request).actions.action(request, f"visitor\x1f{channel.channel_id}\x1f{visitor}", "visitor")
    user_id = own.user_id(channel.creator_id, channel.channel_type, visitor)
    provider_id = str(act.new_id("message"))
    command = ReceiveMessage(
        at=act.at,
        creator_id=channel.creator_id,
        user_id=user_id,
        channel_id=channel.channel_id,
        message_id=message_id(user_id, provider_id),
        provider_id=provider_id,
        address=visitor,
        member_name=body.name,
        content="text",
        text=body.text,
        language=body.language,
        said_at=act.at,
        model=own.model,
    )
    received = (await act.submit(command)).only(MessageReceived)
    return WrittenAnswer(message_id=received.message_id, created_at=received.at)


@router.get("/messages", response_model=WidgetMessages, responses=STREAM)
async def read(
    channel_id: Id,
    request: Request,
    own: Own,
    visitor_token: VisitorToken | None = None,
    after: Cursor = 0,
    limit: PageSize = 100,
) -> WidgetMessages | Response:
    """Fetch the visitor's messages after a position. Accept: text/event-stream follows them (Last-Event-ID resumes)."""
    await _count(request, own)
    channel = await _channel(request, own, str(channel_id))
    visitor = _visitor(own, channel, _token_of(request, visitor_token))
    user_id = own.user_id(channel.creator_id, channel.channel_type, visitor)
    conversation = Conversation(channel.creator_id, user_id)
    if EVENTS in request.headers.get("accept", ""):
        request.scope[CLEANUPS].append(own.open_streams.enter(_address(request), "streams"))
        return EventStream(_followed(own, channel.channel_id, conversation, _resumed(request, after)))
    async with own.engine.reads.connection() as connection:
        found = await messages_after(connection, *conversation, channel.channel_id, after, limit)
    return WidgetMessages(messages=[_shown(one) for one in found], position=found[-1].number if found else after)


async def _followed(
    own: Dependencies, channel_id: str, conversation: Conversation, after: int
) -> AsyncGenerator[bytes, None]:
    """The messages as events, from now on for as long as the visitor listens."""
    while True:
        async with own.engine.reads.connection() as connection:
            head = await last_number(connection, *conversation)
            found = await messages_after(connection, *conversation, channel_id, after)
        for one in found:
            yield f"id: {one.number}\ndata: ".encode() + orjson.dumps(_shown(one).model_dump(mode="json")) + b"\n\n"
            after = one.number
        if not found:
            await own.conversations.after(conversation, head)


def _shown(message: SpokenMessage) -> WidgetMessage:
    return WidgetMessage(
        id=message.message_id,
        position=message.number,
        sender="user" if message.type is InteractionType.RECEIVED else "creator",
        text=message.text or "",
        created_at=message.at,
    )


def _resumed(request: Request, after: int) -> int:
    last = request.headers.get("last-event-id", "")
    return int(last) if last.isascii() and last.isdecimal() and len(last) < 19 else after


async def _count(request: Request, own: Dependencies) -> None:
    """Count a request of an address; raises ApiError 429."""
    headers = await own.visitor_limiter.hit(_address(request), "requests", {}, "address")
    request.scope[HEADERS].update(headers)


def _address(request: Request) -> str:
    return "unknown" if request.client is None else request.client.host


async def _channel(request: Request, own: Dependencies, channel_id: str) -> ChannelRow:
    """The channel of a widget; raises ApiError 404, and 403 for a page of an origin that it does not stand on."""
    async with own.engine.reads.connection() as connection:
        channel = await channel_by_id(connection, channel_id)
    if channel is None or channel.channel_type not in HELD_HERE:
        raise not_there()
    origin, allowed = request.headers.get("origin"), channel.configuration.get("allowed_origins")
    if origin is not None and isinstance(allowed, list) and allowed and origin not in allowed:
        raise ApiError(403, "This widget does not stand on pages of that origin", kind="Forbidden")
    return channel


def _text_in(channel: ChannelRow, name: str) -> str | None:
    value = channel.configuration.get(name)
    return value if isinstance(value, str) else None


def _token_of(request: Request, in_query: str | None) -> str:
    """The visitor's token: in a header, or in the query, as a page's EventSource sends no headers."""
    return request.headers.get(TOKEN_HEADER) or in_query or ""


def _visitor(own: Dependencies, channel: ChannelRow, token: str) -> str:
    """The visitor behind a token; raises ApiError 401."""
    visitor = visitor_in(own.secrets, channel.channel_id, token)
    if visitor is None:
        raise unauthorized("The visitor token is not of this widget", challenge="Visitor")
    return visitor


def token_of(secrets: Secrets, channel_id: str, visitor: str) -> str:
    """The token of a visitor of a channel's widget."""
    return f"{visitor}.{_mac(secrets, channel_id, visitor)}"


def visitor_in(secrets: Secrets, channel_id: str, token: str) -> str | None:
    """The visitor behind a token; None for one that was not made for this channel."""
    visitor, _, mac = token.partition(".")
    expected = _mac(secrets, channel_id, visitor)
    return visitor if hmac.compare_digest(mac.encode(), expected.encode()) else None


def _mac(secrets: Secrets, channel_id: str, visitor: str) -> str:
    return secrets.mac("creator_hub.visitor", f"{channel_id}/{visitor}".encode()).hex()


def on_any_page(app: ASGIApp) -> ASGIApp:
    """The layer that lets pages of every origin call widgets, and nothing else: each widget checks its own list."""
    open_to_pages = cross_origin(("*",))(app)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        await (open_to_pages if path.startswith(f"{PREFIX}/") else app)(scope, receive, send)

    return serve

"""A small product with every optional part of the HTTP kit: a club that asks a library for books.

Its callers are of tenants and present API keys; its name has an underscore, so its addresses have a hyphen. It answers
with the library's answer, as long as that comes in time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar
from unittest import mock

import orjson
from fastapi import APIRouter
from psycopg import AsyncConnection
from pydantic import BaseModel, Field, JsonValue
from starlette.requests import Request
from starlette.responses import Response

import bootstrap
from api import unsubscribe
from api.actions import Actions
from api.auth import API_KEY, Caller
from api.correlation import correlated, correlation_of
from api.cors import cross_origin
from api.errors import ApiError, ErrorFormat, FieldError, invalid
from api.limits import Limiter, RateLimitHeaders
from api.multipart import Part
from api.openapi import describe, guard_of, security_of
from api.routing import Json, LeanApp, LeanRoute
from api.streaming.watch import Watch
from api.submission import submit_and_wait
from api.surface import Act, Read, Surface, app_of, may, outcomes, own_of, surface_of
from api.uploads import FORM_JSON, Upload, UploadRoute, form_of
from commandline.installation import VERSIONS
from domain.messages import Effect
from products import PRODUCTS
from products.product import App, Credential, EdgeParts, Product, Webhooks, WorkerParts
from projections.stream_events import events_of, stream_heads
from streams.core.calls import AnyConnector
from streams.core.mapper import Mapper
from streams.core.read_models import Row
from streams.engine import Engine
from streams.postgres.objects import Objects, Owner
from streams.telemetry.live_figures import Delivery
from tests.api.book_club_context import (
    CONTEXT,
    NAME,
    AddCover,
    AskForBook,
    BookFound,
    FindBook,
    Library,
    book_of,
    heads_of,
    webhook_content,
)
from tests.api.product import Served, installed, serving

MOUNT = "book-club"
SCOPES = ("read", "write", "admin")
INCLUDES = {"write": ("read",), "admin": ("write",)}
LIMITS = {"general": "4/minute"}
TIERS = {"basic": LIMITS, "standard": {"general": "6/minute"}, "premium": {"general": "1000/minute"}}


@dataclass(frozen=True)
class Waits:
    """The watches of requests that wait, for rows and for streams."""

    books: Watch[str]
    streams: Watch[str]
    mapper: Mapper
    objects: Objects

    @classmethod
    def of(cls, engine: Engine, objects: Objects) -> Waits:
        books = Watch(engine.reads, engine.commits, heads_of)
        return cls(books, Watch(engine.reads, engine.commits, stream_heads(NAME)), engine.mapper, objects)

    async def close(self) -> None:
        await self.books.close()
        await self.streams.close()


class BookBody(BaseModel):
    title: str


class BookAnswer(BaseModel):
    title: str
    shelf: str


class CoverForm(BaseModel):
    note: Annotated[str, Field(max_length=50)] = ""
    data: Annotated[dict[str, JsonValue], FORM_JSON] = Field(default_factory=dict)


class CoverAnswer(BaseModel):
    cover: str
    file_name: str
    content_type: str
    size: int
    sha256: str
    data: dict[str, JsonValue]


class PendingAnswer(BaseModel):
    status: str = "pending"


class HealthAnswer(BaseModel):
    status: str = "healthy"


class CallerAnswer(BaseModel):
    subject: str
    tenant: str
    scopes: list[str]


router = APIRouter(route_class=LeanRoute)


@router.get("/health")
async def health() -> HealthAnswer:
    """Whether the club meets."""
    return HealthAnswer()


@router.get("/api/caller")
async def caller_seen(caller: Annotated[Caller, may("read")]) -> CallerAnswer:
    """The caller as the club sees them."""
    return CallerAnswer(subject=caller.subject, tenant=caller.tenant, scopes=sorted(caller.scopes))


@router.get("/api/broken")
async def broken(caller: Annotated[Caller, may("read")]) -> HealthAnswer:
    """What the club has not thought of."""
    raise ZeroDivisionError


@router.get("/api/rules")
async def rules(caller: Annotated[Caller, may("admin")]) -> HealthAnswer:
    """The rules of the club."""
    return HealthAnswer()


@router.post("/api/wishes")
async def wish(body: BookBody, caller: Annotated[Caller, may("write")], act: Act) -> BookBody:
    """Ask for a book, without waiting for the library."""
    await act.submit(AskForBook(at=act.at, title=body.title))
    return body


class Patience:
    """The seconds that a request waits for the library."""

    seconds: ClassVar[float] = 30.0


@router.post("/api/books", response_model=BookAnswer)
async def find(
    body: BookBody, caller: Annotated[Caller, may("write")], request: Request, act: Act
) -> BookAnswer | Response:
    """Ask for a book, and wait until it is in the read model."""
    command = AskForBook(at=act.at, title=body.title)
    books = own_of(request, Waits).books
    row = await submit_and_wait(act, command, books, body.title, lambda c: book_of(c, body.title), Patience.seconds)
    return act.accepted(PendingAnswer()) if row is None else BookAnswer(**row._asdict())


@router.post("/api/searches", response_model=BookAnswer)
async def search(
    body: BookBody, caller: Annotated[Caller, may("write")], request: Request, act: Act
) -> BookAnswer | Response:
    """Ask for a book, and answer from the events of its stream."""
    waits, stream = own_of(request, Waits), f"book/{body.title}"

    async def look(connection: AsyncConnection[Row]) -> BookFound | None:
        events = await events_of(connection, waits.mapper, NAME, stream)
        return next((event for event in events if isinstance(event, BookFound)), None)

    command = AskForBook(at=act.at, title=body.title)
    found = await submit_and_wait(act, command, waits.streams, stream, look, Patience.seconds)
    return act.accepted(PendingAnswer()) if found is None else BookAnswer(title=found.title, shelf=found.shelf)


@router.get("/api/books/{title}")
async def book(title: str, caller: Annotated[Caller, may("read")], reads: Read) -> BookAnswer:
    """A book that the library has found."""
    async with reads.connection() as connection:
        found = await book_of(connection, title)
    if found is None:
        raise ApiError(404, "The library has not found that yet", kind="NotFound")
    return BookAnswer(**found._asdict())


MOST_BYTES = 26_214_400
covers = APIRouter(route_class=UploadRoute)


@covers.post("/api/books/{title}", status_code=201)
async def add_cover(
    title: str,
    caller: Annotated[Caller, may("write")],
    request: Request,
    act: Act,
    form: Annotated[Upload[CoverForm], form_of(CoverForm)],
) -> CoverAnswer:
    """Add a picture of a book's cover."""
    if title == "unknown":
        raise ApiError(404, "The library has not found that yet", kind="NotFound")
    objects, most = own_of(request, Waits).objects, MOST_BYTES if title == "large" else 1_000_000
    owner = Owner(NAME, title, f"{NAME}:{title}")
    received = await form.receive(objects, owner, most, act.new_id("cover"), check_cover)
    file, fields = received.file, received.fields
    if title == "abandoned":
        await asyncio.Event().wait()
    facts: dict[str, Any] = {"cover": file.stored.id, "file_name": file.name, "size": file.stored.size}
    await act.submit(AddCover(at=act.at, title=title, note=fields.note, **facts))
    return CoverAnswer(content_type=file.content_type, sha256=file.stored.sha256, data=fields.data, **facts)


def check_cover(part: Part, head: bytes) -> None:
    """A text is no picture."""
    if part.label.endswith(".txt") or head.startswith(b"MZ"):
        raise invalid([FieldError("file", "must be a picture", missing=False)])


@router.get("/unsubscribe/{token}")
async def unsubscribe_page(token: str, request: Request) -> Response:
    """The page behind the link in a letter of the club."""
    return unsubscribe.show(request, _purpose(token, request))


@router.post("/unsubscribe/{token}")
async def unsubscribe_now(token: str, request: Request) -> Response:
    """The club writes no more."""
    return await unsubscribe.act(request, _purpose(token, request))


def _purpose(token: str, request: Request) -> unsubscribe.LinkPurpose | None:
    if token != "valid":
        return None
    command = AskForBook(at=surface_of(request).actions.clock.now(), title="unsubscribed")
    return unsubscribe.LinkPurpose("letters on <books>", command)


def render(request: Request, error: ApiError) -> Response:
    """A 500 with the request's correlation id."""
    body = {"error": error.sentence}
    if error.status == 500:
        body["correlation_id"] = correlation_of(request)
    return Json(orjson.dumps(body), error.status)


ERRORS = ErrorFormat(render, {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}})


def app(parts: EdgeParts) -> App:
    """The surface of the club."""
    actions = Actions(NAME, parts.engine, {}, parts.secrets)
    waits = Waits.of(parts.engine, parts.objects)
    limiter = Limiter(parts.counters, NAME, LIMITS, tiers=TIERS, by_token=True)
    surface = Surface(
        NAME,
        actions,
        parts.engine.reads,
        parts.tokens(NAME),
        limiter,
        ERRORS,
        frozenset(SCOPES),
        waits,
        credential=API_KEY,
        includes=INCLUDES,
        layers=(
            correlated,
            RateLimitHeaders(limiter, parts.engine.clock.now),
            cross_origin(parts.settings.cors_origins),
        ),
    )
    routers = (router, covers, outcomes)
    made = app_of(surface, "Book club", "1.0.0", "A book club.", routers)

    def describe_route(path: dict[str, Any], route: Any) -> None:
        for method in route.methods if guard_of(route) is not None else ():
            path[method.lower()]["security"] = security_of(surface.credential)

    describe(made, routers, describe_route, {})
    return App(LeanApp(made), waits.close)


def performers(_parts: WorkerParts) -> Mapping[type[Effect], AnyConnector]:
    return {FindBook: Library()}


BOOK_CLUB = Product(
    context=CONTEXT,
    apps={NAME: app},
    performers=performers,
    credential=Credential(
        scopes=SCOPES,
        default=("write",),
        options=frozenset({"tier", "tenant", "refresh"}),
        tiers=TIERS,
        units={"general": "minute"},
    ),
    limits=LIMITS,
    first_request="curl -s {base}/book-club/api/caller -H 'X-API-Key: {token}'; echo",
    deliveries=Delivery(NAME, begun=frozenset(), arrived=frozenset(), failed=frozenset()),
    webhooks=Webhooks(types={BookFound.name: "book.found"}, content=webhook_content, signature_field="signature"),
)


@contextmanager
def club(variables: Mapping[str, str] | None = None) -> Iterator[Served]:
    """The products of the tree and this one, served together."""
    installed()  # first, as other tests copy it
    with listed(), serving(Served, variables or {}) as served:
        yield served


@contextmanager
def listed() -> Iterator[None]:
    """Within it, the products of the tree and this one are built."""
    products = (*PRODUCTS, BOOK_CLUB)
    with (
        mock.patch.multiple(
            bootstrap,
            PRODUCTS=products,
            CONTEXTS=tuple(product.context for product in products),
            SURFACES={name: product for product in products for name in product.apps},
            DELIVERIES=tuple(product.deliveries for product in products),
        ),
        mock.patch.dict(VERSIONS, {model.name: model.version for model in CONTEXT.read_models}),
    ):
        yield

"""What the book club decides and records, and the library that it asks (see `book_club`)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence, Set
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple

from psycopg import AsyncConnection
from pydantic import BaseModel, ConfigDict

from commands import webhooks
from commands.tokens import TOKEN_EVENTS, TOKEN_HANDLERS
from domain.calls.webhook import DeliverWebhook
from domain.messages import Command, Effect, Event, ObjectId, Refused, Reply
from domain.webhooks import FeedEvent, WebhookContent
from projections.tokens import tokens_of
from projections.webhook_endpoints import endpoints_of
from projections.webhooks import webhooks_of
from streams.core.calls import Accepted, Verdict
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, put
from streams.core.wiring import Call, Context, Handler, Reaction, Stream

NAME = "book_club"


class BookAsked(Event, name="book_club.book.asked.v1"):
    title: str


class BookFound(Event, name="book_club.book.found.v1"):
    title: str
    shelf: str


class CoverAdded(Event, name="book_club.book.cover_added.v1"):
    title: str
    cover: ObjectId
    file_name: str
    size: int


class Book(BaseModel):
    model_config = ConfigDict(frozen=True)

    asked: bool = False


class Unwanted(Refused, name="book_club.unwanted"):
    """The club reads no such thing."""


class AskForBook(Command, name="book_club.book.ask.v1", key="title"):
    title: str


class AddCover(Command, name="book_club.book.add_cover.v1", key="title"):
    title: str
    cover: str
    file_name: str
    size: int
    note: str


class RecordBook(Reply, name="book_club.book.record.v1", key="title"):
    title: str


class FindBook(Effect, name="book_club.find_book.v1"):
    title: str


def evolve(_book: Book, _event: BookAsked | BookFound | CoverAdded) -> Book:
    return Book(asked=True)


def ask(command: AskForBook, book: Book) -> Sequence[Event]:
    if command.title == "unwanted":
        raise Unwanted("the club does not read that")
    return [] if book.asked else [BookAsked(at=command.at, title=command.title)]


def add_cover(command: AddCover, _book: Book) -> Sequence[Event]:
    added = CoverAdded(
        at=command.at, title=command.title, cover=command.cover, file_name=command.file_name, size=command.size
    )
    return [added]


def record(command: RecordBook, _book: Book) -> Sequence[Event]:
    assert command.attempt is not None
    shelf = (command.attempt.output or {})["shelf"]
    return [BookFound(at=command.at, title=command.title, shelf=shelf)]


def react(event: Recorded[Any]) -> Iterator[Reaction]:
    if isinstance(event.fact, BookAsked):
        title = event.fact.title
        yield Call(FindBook(title=title), RecordBook(at=event.fact.at, title=title), f"find/{title}")
    else:
        yield from webhooks.react(event)


def project(event: Recorded[Any]) -> Iterator[Change]:
    if isinstance(event.fact, BookFound):
        yield put(event.fact.title, shelf=event.fact.shelf, sequence=event.record.sequence)


BOOKS = ReadModel(
    "book_club_books",
    version=1,
    key=("title",),
    project=project,
    ddl="create table {table} (title text primary key, shelf text not null, sequence bigint not null);",
)
BOOK = Stream("book", Book(), evolve, id_of=attrgetter("title"))
CONTEXT = Context(
    name=NAME,
    events=(BookAsked, BookFound, CoverAdded, *webhooks.WEBHOOK_EVENTS, *TOKEN_EVENTS),
    handlers=(
        Handler(AskForBook, decide=ask, writes=BOOK),
        Handler(AddCover, decide=add_cover, writes=BOOK),
        Handler(RecordBook, decide=record, writes=BOOK),
        *webhooks.WEBHOOK_HANDLERS,
        *TOKEN_HANDLERS,
    ),
    refusals=(Unwanted, *webhooks.WEBHOOK_REFUSALS),
    effects=(FindBook, DeliverWebhook),
    react=react,
    read_models=(BOOKS, webhooks_of(NAME), *endpoints_of(NAME), *tokens_of(NAME)),
)


def webhook_content(event: FeedEvent) -> WebhookContent:
    """The body of a webhook, without a signature; a tenth of a page counts."""
    body = {"event": "book.found", "title": event.body["title"], "pages": 300.0, "read": 0.1}
    return WebhookContent(f"{NAME}:club", json.dumps(body))


class BookRow(NamedTuple):
    title: str
    shelf: str


async def book_of(connection: AsyncConnection[Row], title: str) -> BookRow | None:
    """The book, once the library has found it."""
    rows = await connection.execute("select title, shelf from book_club_books where title = %s", (title,))
    row = await rows.fetchone()
    return None if row is None else BookRow(*row)


class Library:
    """The library, which finds every book while it is open. `last` is the one of the last installation."""

    provider = "library"
    idempotent = True
    last: ClassVar[Library]

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        Library.last = self

    async def __call__(self, effect: FindBook, key: str) -> Verdict:
        await self.open.wait()
        return Accepted(key, {"shelf": f"shelf of {effect.title}"})

    async def close(self) -> None:
        """There is nothing to close."""


async def heads_of(connection: AsyncConnection[Row], titles: Set[str]) -> dict[str, int]:
    """The sequence of the last change of each book."""
    rows = await connection.execute(
        "select title, sequence from book_club_books where title = any(%s)", (list(titles),)
    )
    return dict(await rows.fetchall())

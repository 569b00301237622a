"""A document of an outside source: one fetch at a time, whose result serves all who wait for it.

The key is a hash of tenant, source and the source's own id. States hold no text: a version's text is in its event.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, assert_never

from pydantic import BaseModel, ConfigDict, JsonValue, PlainSerializer

from domain.calls.document import Document, Source
from domain.messages import Event

LARGEST_STORED = 700_000
"""The most bytes of a document as it is stored; a record holds 900,000."""


def stored(document: Document) -> dict[str, JsonValue]:
    """The document as plain JSON without defaults, which would make text of many short spans four times as large."""
    plain: dict[str, JsonValue] = document.model_dump(mode="json", exclude_defaults=True)
    return plain


StoredDocument = Annotated[Document, PlainSerializer(stored, when_used="json")]


class Waiter(BaseModel):
    """A job or a generation that waits for a fetch. `key` is its partition key, `run` that of a job."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    key: str
    run: int = 0


JOB, GENERATION = "sync_job", "generation"
"""The kinds of waiters: the categories of their streams."""


class OfDocument(Event):
    """An event of a document. `fetch` counts its fetches from 1."""

    document: str
    fetch: int


class DocumentFetchRequested(OfDocument, name="content_generator.document.fetch_requested.v1"):
    """A request for the content as it is now. `begins`: no fetch was under way, so this one starts."""

    tenant: str
    source: Source
    document_id: str
    waiter: Waiter | None
    begins: bool


class DocumentFetched(OfDocument, name="content_generator.document.fetched.v1"):
    """New content. `version` counts the different contents from 1; `source_version` is the source's own."""

    version: int
    digest: str
    source_version: str
    content: StoredDocument
    waiters: tuple[Waiter, ...]


class DocumentUnchanged(OfDocument, name="content_generator.document.unchanged.v1"):
    """The content is still that of `version`. `asked`: it was looked at for this, not only fresh enough."""

    version: int
    asked: bool
    waiters: tuple[Waiter, ...]


class DocumentFetchFailed(OfDocument, name="content_generator.document.fetch_failed.v1"):
    """The end of a fetch without content. `code` is a rejection's of `FetchDocument`, or `unavailable`."""

    code: str
    reason: str
    waiters: tuple[Waiter, ...]


DocumentEvent = DocumentFetchRequested | DocumentFetched | DocumentUnchanged | DocumentFetchFailed


class DocumentState(BaseModel):
    """The state of a document. `waiting` are for the fetch under way, `next` for the one after it."""

    model_config = ConfigDict(frozen=True)

    tenant: str = ""
    source: Source | None = None
    document_id: str = ""
    fetches: int = 0
    under_way: int | None = None
    version: int = 0
    digest: str = ""
    seen_at: datetime | None = None
    waiting: tuple[Waiter, ...] = ()
    next: tuple[Waiter, ...] = ()
    another: bool = False

    def fresh(self, at: datetime, max_age: float) -> bool:
        """Whether the content was seen at most `max_age` seconds ago; never with 0."""
        return self.seen_at is not None and max_age > 0 and (at - self.seen_at).total_seconds() <= max_age


def evolve(document: DocumentState, event: DocumentEvent) -> DocumentState:
    match event:
        case DocumentFetchRequested():
            return _requested(document, event)
        case DocumentFetched():
            seen = {"version": event.version, "digest": event.digest, "seen_at": event.at}
            return document.model_copy(update=seen | _ended(document))
        case DocumentUnchanged(asked=True):
            return document.model_copy(update={"seen_at": event.at} | _ended(document))
        case DocumentUnchanged():
            return document
        case DocumentFetchFailed():
            return document.model_copy(update=_ended(document))
        case _:
            assert_never(event)


def _requested(document: DocumentState, event: DocumentFetchRequested) -> DocumentState:
    waiter = () if event.waiter is None else (event.waiter,)
    about = {"tenant": event.tenant, "source": event.source, "document_id": event.document_id}
    if event.begins:
        under_way = {"fetches": event.fetch, "under_way": event.fetch, "next": (), "another": False}
        return document.model_copy(update=about | under_way | {"waiting": document.next + waiter})
    if event.fetch == document.under_way:
        return document.model_copy(update={"waiting": document.waiting + waiter})
    return document.model_copy(update={"next": document.next + waiter, "another": True})


def _ended(_document: DocumentState) -> dict[str, object]:
    return {"under_way": None, "waiting": ()}

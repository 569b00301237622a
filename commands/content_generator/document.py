"""The fetch of a document: one at a time, for all who wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TypedDict

import orjson
from pydantic import ValidationError

from domain.calls.document import Document, Source
from domain.content_generator.document import (
    LARGEST_STORED,
    DocumentEvent,
    DocumentFetched,
    DocumentFetchFailed,
    DocumentFetchRequested,
    DocumentState,
    DocumentUnchanged,
    Waiter,
    stored,
)
from domain.messages import Attempt, Command, Event, Instant, Reply, Result

UNAVAILABLE = "unavailable"
"""The code for a source that gave no answer, and for an answer that is no document."""


class RequestFetch(Command, name="content_generator.document.request_fetch.v1", key="document"):
    """Ask for the content of a document. What was seen within `max_age` seconds will do; with 0 it is looked at anew.

    With 0, a fetch under way will not do either, as it may have begun before the content's last change.
    """

    document: str
    tenant: str
    source: Source
    document_id: str
    max_age: float
    waiter: Waiter | None = None


class RecordFetch(Reply, name="content_generator.document.record_fetch.v1", key="document"):
    """Record the source's answer to a fetch."""

    document: str
    fetch: int


def request_fetch(command: RequestFetch, document: DocumentState) -> Sequence[DocumentEvent]:
    if document.fresh(command.at, command.max_age):
        return [_fresh(command, document)]
    under_way = document.under_way
    joins = under_way is not None and command.max_age > 0
    requested = DocumentFetchRequested(
        at=command.at,
        document=command.document,
        fetch=document.fetches if joins else document.fetches + 1,
        tenant=command.tenant,
        source=command.source,
        document_id=command.document_id,
        waiter=command.waiter,
        begins=under_way is None,
    )
    return [requested]


def _fresh(command: RequestFetch, document: DocumentState) -> DocumentUnchanged:
    return DocumentUnchanged(
        at=command.at,
        document=command.document,
        fetch=document.fetches,
        version=document.version,
        asked=False,
        waiters=() if command.waiter is None else (command.waiter,),
    )


class _Ended(TypedDict):
    at: Instant
    document: str
    fetch: int
    waiters: tuple[Waiter, ...]


def record_fetch(command: RecordFetch, document: DocumentState) -> Sequence[Event]:
    attempt = command.attempt
    if attempt is None or command.fetch != document.under_way or attempt.result is Result.DEFERRED:
        return []
    ended: _Ended = {
        "at": command.at,
        "document": command.document,
        "fetch": command.fetch,
        "waiters": document.waiting,
    }
    return [_answer(ended, attempt, document), *_another(command, document)]


def _answer(ended: _Ended, attempt: Attempt, document: DocumentState) -> DocumentEvent:
    if attempt.result is not Result.ACCEPTED:
        code = attempt.code if attempt.result is Result.REJECTED and attempt.code else UNAVAILABLE
        return DocumentFetchFailed(**ended, code=code, reason=attempt.reason)
    try:
        content = Document.model_validate(attempt.output)
    except ValidationError:
        return DocumentFetchFailed(**ended, code=UNAVAILABLE, reason="the source's answer is no document")
    if len(orjson.dumps(stored(content))) > LARGEST_STORED:
        return DocumentFetchFailed(**ended, code="too_large", reason="the document is larger than a record may be")
    digest = sha256(orjson.dumps(content.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)).hexdigest()
    if digest == document.digest:
        return DocumentUnchanged(**ended, version=document.version, asked=True)
    return DocumentFetched(
        **ended,
        version=document.version + 1,
        digest=digest,
        source_version=attempt.provider_id or "",
        content=content,
    )


def _another(command: RecordFetch, document: DocumentState) -> list[DocumentFetchRequested]:
    """The fetch for those who asked while this one was under way already."""
    if not document.another or document.source is None:
        return []
    return [
        DocumentFetchRequested(
            at=command.at,
            document=command.document,
            fetch=command.fetch + 1,
            tenant=document.tenant,
            source=document.source,
            document_id=document.document_id,
            waiter=None,
            begins=True,
        )
    ]

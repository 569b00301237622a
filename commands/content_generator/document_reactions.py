"""The reactions to documents and generations: fetches, and the answers for all who wait."""

from __future__ import annotations

from collections.abc import Iterator

from commands.content_generator.document import RecordFetch, RequestFetch
from commands.content_generator.effects import ComposeContent
from commands.content_generator.generation import ReadDocument, RecordContent
from commands.content_generator.sync_job import ReadJobDocument
from domain.calls.document import FetchDocument
from domain.content_generator.document import (
    GENERATION,
    DocumentFetched,
    DocumentFetchFailed,
    DocumentFetchRequested,
    DocumentUnchanged,
    Waiter,
)
from domain.content_generator.generation import GenerationDocumentRead, GenerationRequested
from domain.content_generator.kinds import Options
from domain.messages import Event
from streams.core.envelope import Recorded
from streams.core.wiring import Call, Later, Reaction


def react_to_document(event: Recorded[Event]) -> Iterator[Reaction]:
    match event.fact:
        case DocumentFetchRequested(begins=True) as begun:
            yield Call(
                FetchDocument(source=begun.source, document_id=begun.document_id),
                RecordFetch(at=begun.at, document=begun.document, fetch=begun.fetch),
            )
        case DocumentFetched() | DocumentUnchanged() | DocumentFetchFailed() as ended:
            for waiter in ended.waiters:
                yield Later(ended.at, _answer(ended, waiter))
        case GenerationRequested() as requested if requested.source is not None and requested.document is not None:
            fetch = RequestFetch(
                at=requested.at,
                document=requested.document,
                tenant=requested.tenant,
                source=requested.source,
                document_id=requested.document_id,
                max_age=requested.fresh_seconds,
                waiter=Waiter(kind=GENERATION, key=requested.generation_id),
            )
            yield Later(requested.at, fetch)
        case GenerationDocumentRead() as read:
            yield _compose(read)


def _answer(
    ended: DocumentFetched | DocumentUnchanged | DocumentFetchFailed, waiter: Waiter
) -> ReadDocument | ReadJobDocument:
    known = {"version": 0, "code": "", "reason": ""}
    if isinstance(ended, DocumentFetchFailed):
        known |= {"code": ended.code, "reason": ended.reason}
    else:
        known |= {"version": ended.version}
    if waiter.kind == GENERATION:
        return ReadDocument.model_validate({"at": ended.at, "generation_id": waiter.key} | known)
    return ReadJobDocument.model_validate({"at": ended.at, "root": waiter.key, "run": waiter.run} | known)


def _compose(read: GenerationDocumentRead) -> Call:
    effect = ComposeContent(
        owner="generation",
        id=read.generation_id,
        document=read.document,
        version=read.version,
        channels=read.channels,
        template=read.template,
        options=Options(email_template=read.template),
        custom_data=read.custom_data,
    )
    return Call(effect, RecordContent(at=read.at, generation_id=read.generation_id))

"""The reactions to documents: rounds of extraction and embedding, and the end of a document's key."""

from __future__ import annotations

from collections.abc import Iterator

from commands.creator_hub.document import ProcessDocument, RecordBatch, RecordExtraction
from commands.creator_hub.effects import EmbedChunks, ExtractText
from domain.creator_hub.document import (
    ChunksEmbedded,
    DocumentDeleted,
    DocumentExtracted,
    DocumentPutOff,
    DocumentRetried,
    DocumentUploaded,
    OfDocument,
    Plan,
    ProcessingStarted,
)
from domain.messages import Event
from streams.core.envelope import Recorded
from streams.core.wiring import Call, EraseSubject, Later, Reaction, Withdraw


def react_to_document(event: Recorded[Event]) -> Iterator[Reaction]:
    match event.fact:
        case DocumentUploaded() as uploaded:
            yield _round(uploaded, 1)
        case DocumentRetried() as retried:
            yield _round(retried, retried.round)
        case DocumentPutOff() as put_off:
            process = _process(put_off, put_off.round + 1)
            yield Later(put_off.resume_at, process, _waits(put_off, put_off.round + 1))
        case ProcessingStarted(plan=None) as started:
            yield _extraction(started)
        case ProcessingStarted(plan=Plan() as plan) as started:
            yield _batch(started, started.round, plan, started.first, started.chunking.embedding_model)
        case DocumentExtracted() as extracted:
            yield _batch(extracted, extracted.round, extracted.plan, 0, extracted.embedding_model)
        case ChunksEmbedded() as done if done.first + done.count < done.plan.chunks:
            yield _batch(done, done.round, done.plan, done.first + done.count, done.embedding_model)
        case DocumentDeleted() as deleted:
            yield from _end(deleted)


def _process(event: OfDocument, round_: int) -> ProcessDocument:
    about = event.model_dump(include={"at", "creator_id", "knowledge_base_id", "document_id"})
    return ProcessDocument(**about, round=round_)


def _round(event: OfDocument, round_: int) -> Later:
    return Later(event.at, _process(event, round_), _waits(event, round_))


def _waits(event: OfDocument, round_: int) -> str:
    return f"document/{event.document_id}/round/{round_}"


def _calls(event: OfDocument, round_: int, first: int | None) -> str:
    """The key of a call: of the extraction, or of the batch from `first` on."""
    return f"document/{event.document_id}/call/{round_}/{'text' if first is None else first}"


def _extraction(started: ProcessingStarted) -> Call:
    effect = ExtractText(
        creator_id=started.creator_id,
        document_id=started.document_id,
        object_id=started.object_id,
        file_type=started.file_type,
        chunking=started.chunking,
    )
    about = started.model_dump(include={"at", "creator_id", "knowledge_base_id", "document_id", "round"})
    return Call(effect, RecordExtraction(**about), _calls(started, started.round, None))


def _batch(event: OfDocument, round_: int, plan: Plan, first: int, model: str) -> Call:
    effect = EmbedChunks(
        creator_id=event.creator_id,
        document_id=event.document_id,
        text_object=plan.text_object,
        plan_object=plan.plan_object,
        first=first,
        embedding_model=model,
    )
    about = event.model_dump(include={"at", "creator_id", "knowledge_base_id", "document_id"})
    return Call(effect, RecordBatch(**about, round=round_, first=first), _calls(event, round_, first))


def _end(deleted: DocumentDeleted) -> Iterator[Reaction]:
    """What waits is withdrawn, of this round and the one that is to begin, and the document's key is destroyed."""
    yield Withdraw(_waits(deleted, deleted.round + 1))
    yield Withdraw(_calls(deleted, deleted.round, None))
    yield Withdraw(_calls(deleted, deleted.round, deleted.first))
    erased = deleted.subject
    assert erased is not None
    yield Later(deleted.at, EraseSubject(at=deleted.at, partition_key=deleted.creator_id, erased=erased))

"""Documents: extraction, batches that are paid once, rounds, and the end."""

from __future__ import annotations

from typing import Any

import pytest

from commands.creator_hub.document import (
    DeleteDocument,
    NotFailed,
    RetryDocument,
    UnknownDocument,
    UpdateDocument,
    UploadDocument,
)
from commands.creator_hub.effects import EmbedChunks, ExtractText
from commands.creator_hub.knowledge_base import CreateKnowledgeBase, UnknownKnowledgeBase
from domain.creator_hub.document import (
    ChunksEmbedded,
    DocumentDeleted,
    DocumentExtracted,
    DocumentFailed,
    DocumentProcessed,
    DocumentPutOff,
    DocumentUpdated,
    ProcessingStarted,
)
from domain.creator_hub.knowledge_base import Chunking
from domain.messages import Event
from streams.core.calls import Deferred, Rejected, Unknown, Verdict
from streams.core.envelope import Outcome, Status
from streams.core.wiring import SubjectErased
from tests.commands.creator_hub.world import CREATOR, DAY, HOUR, NOW, World, embedded, extracted, id_of

BASE, DOCUMENT = id_of("base"), id_of("document")


@pytest.fixture
def world() -> World:
    one = World()
    settings: dict[str, Any] = {"knowledge_base_name": "Notes", "description": "", "settings": {}}
    one.do(CreateKnowledgeBase(at=NOW, creator_id=CREATOR, knowledge_base_id=BASE, chunking=Chunking(), **settings))
    return one


def upload(world: World, document: str = DOCUMENT, creator: str = CREATOR) -> Outcome:
    return world.do(
        UploadDocument(
            at=NOW,
            creator_id=creator,
            knowledge_base_id=BASE,
            document_id=document,
            title="Notes",
            file_name="notes.txt",
            file_type="txt",
            metadata={"a": 1},
            sha256="0" * 64,
            size=100,
            object_id=id_of(document, "file"),
        )
    )


def about(kind: Any, base: str = BASE, creator: str = CREATOR, **parts: Any) -> Any:
    return kind(at=NOW, creator_id=creator, knowledge_base_id=base, document_id=DOCUMENT, **parts)


def type_of(outcome: Outcome) -> str:
    assert outcome.problem is not None
    return outcome.problem.type


def test_a_document_is_extracted_and_embedded_in_batches_until_it_is_processed(world: World) -> None:
    world.answers |= {ExtractText: extracted(40), EmbedChunks: embedded(40)}
    upload(world)
    kinds: list[type[Event]] = [ProcessingStarted, DocumentExtracted, ChunksEmbedded, DocumentProcessed]
    assert [type(one) for one in world.facts(*kinds)] == [*kinds[:3], ChunksEmbedded, ChunksEmbedded, kinds[3]]
    assert [(one.first, one.count) for one in world.facts(ChunksEmbedded)] == [(0, 16), (16, 16), (32, 8)]


def test_a_model_that_is_down_for_hours_puts_off_and_no_batch_is_paid_twice(world: World) -> None:
    good, paid, down = embedded(40), list[int](), True

    def answer(effect: EmbedChunks) -> Verdict:
        if down and paid:
            return Deferred("away", "the model is away")
        paid.append(effect.first)
        return good(effect)

    world.answers |= {ExtractText: extracted(40), EmbedChunks: answer}
    upload(world)
    world.wait(2 * HOUR)
    down = False
    world.wait(DAY)
    assert paid == [0, 16, 32]
    assert len(world.facts(DocumentProcessed)) == 1
    assert world.facts(DocumentPutOff)


def test_after_six_rounds_it_fails_and_a_retry_goes_on_at_the_first_missing_batch(world: World) -> None:
    good = embedded(20)
    down = True

    def answer(effect: EmbedChunks) -> Verdict:
        return Deferred("away", "the model is away") if down and effect.first else good(effect)

    world.answers |= {ExtractText: extracted(20), EmbedChunks: answer}
    upload(world)
    world.wait(3 * DAY)
    (failed,) = world.facts(DocumentFailed)
    assert failed.code == "away"
    assert len(world.facts(DocumentPutOff)) == 6
    down = False
    world.do(about(RetryDocument))
    assert [one.first for one in world.facts(ChunksEmbedded)] == [0, 16]
    assert len([call for call in world.calls if isinstance(call, ExtractText)]) == 1
    assert len(world.facts(DocumentProcessed)) == 1


@pytest.mark.parametrize("verdict", [Rejected("encrypted", "the file is encrypted"), Rejected("no_text", "none")])
def test_what_is_refused_for_good_fails_at_once_with_its_reason(world: World, verdict: Rejected) -> None:
    world.answers[ExtractText] = lambda _effect: verdict
    upload(world)
    (failed,) = world.facts(DocumentFailed)
    assert (failed.code, failed.reason) == (verdict.code, verdict.reason)
    assert world.facts(DocumentPutOff) == []


def test_a_document_without_text_fails(world: World) -> None:
    world.answers[ExtractText] = extracted(0)
    upload(world)
    assert [one.code for one in world.facts(DocumentFailed)] == ["no_text"]


def test_an_answer_that_is_unknown_is_asked_for_again(world: World) -> None:
    answers = iter([Unknown("cut"), None])
    good = extracted(3)
    world.answers[ExtractText] = lambda effect: next(answers) or good(effect)
    upload(world)
    world.wait(HOUR)
    assert len(world.facts(DocumentProcessed)) == 1


def test_a_deleted_document_takes_its_key_along_and_a_late_answer_changes_nothing(world: World) -> None:
    world.answers[EmbedChunks] = lambda _effect: Deferred("busy", "later", 60.0)
    upload(world)
    world.do(about(DeleteDocument))
    (deleted,) = world.facts(DocumentDeleted)
    assert len(deleted.objects) == 3
    assert [one.erased for one in world.facts(SubjectErased)] == [f"creator_hub:{DOCUMENT}"]
    world.answers[EmbedChunks] = embedded(3)
    world.wait(DAY)
    assert world.facts(ChunksEmbedded) == []
    assert type_of(world.do(about(DeleteDocument))) == UnknownDocument.name


def test_title_and_metadata_change_apart_and_metadata_whole(world: World) -> None:
    upload(world)
    assert world.do(about(UpdateDocument, title="New", metadata=None)).status is Status.ACCEPTED
    assert world.do(about(UpdateDocument, title="New", metadata={"a": 1})).status is Status.UNCHANGED
    world.do(about(UpdateDocument, title=None, metadata={"b": None}))
    last = world.facts(DocumentUpdated)[-1]
    assert (last.title, last.metadata) == ("New", {"b": None})


def test_a_foreign_an_unknown_and_another_bases_document_are_unknown(world: World) -> None:
    upload(world)
    for command in (about(DeleteDocument, base=id_of("other")), about(DeleteDocument, creator="other")):
        assert type_of(world.do(command)) == UnknownDocument.name
    assert type_of(world.do(about(RetryDocument))) == NotFailed.name
    assert type_of(upload(world, id_of("foreign"), "other")) == UnknownKnowledgeBase.name


def test_a_batch_that_is_not_the_one_asked_for_fails_the_document(world: World) -> None:
    world.answers[EmbedChunks] = lambda effect: embedded(9)(effect.model_copy(update={"first": 2}))
    upload(world)
    assert [one.code for one in world.facts(DocumentFailed)] == ["wrong_batch"]

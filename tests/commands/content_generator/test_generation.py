"""A generation: what was answered stays so."""

from __future__ import annotations

from typing import Any

from commands.content_generator.generation import ReadDocument, RecordContent, RequestGeneration
from domain.calls.document import Source
from domain.content_generator.generation import (
    GenerationContentGenerated,
    GenerationDocumentRead,
    GenerationFailed,
    GenerationRequested,
)
from domain.content_generator.kinds import Channel, TemplateName
from tests.commands.content_generator.stories import (
    NOW,
    STORY,
    TENANT,
    accepted,
    deferred,
    only,
    rejected,
    unconfirmed,
)


def request(**more: Any) -> RequestGeneration:
    fields: dict[str, Any] = {
        "at": NOW,
        "generation_id": "g",
        "tenant": TENANT,
        "source": Source.URL,
        "document": "d",
        "document_id": "https://example.com",
        "channels": (Channel.EMAIL,),
        "template": TemplateName.PLAIN,
        "custom_data": {"city": "Vienna"},
        "fresh_seconds": 60,
    }
    return RequestGeneration(**fields | more)


READ = ReadDocument(at=NOW, generation_id="g", version=3)
REPLY = RecordContent(at=NOW, generation_id="g")
CONTENT = {"title": "News"}
COMPOSING = STORY.when(request()).when(READ)


def test_a_generation_waits_for_its_document() -> None:
    STORY.when(request()).then_kinds(GenerationRequested)


def test_a_generation_without_a_source_composes_the_built_in_document_at_once() -> None:
    built_in = STORY.when(request(source=None, document=None))
    built_in.then_kinds(GenerationRequested, GenerationDocumentRead)
    assert (only(built_in, GenerationDocumentRead).document, only(built_in, GenerationDocumentRead).version) == (
        None,
        0,
    )


def test_the_fetched_version_is_composed_with_what_was_asked() -> None:
    read = only(COMPOSING, GenerationDocumentRead)
    assert (read.document, read.version, read.template, read.custom_data) == (
        "d",
        3,
        TemplateName.PLAIN,
        {"city": "Vienna"},
    )


def test_composed_content_is_the_answer() -> None:
    assert only(COMPOSING.when(accepted(REPLY, CONTENT)), GenerationContentGenerated).content == CONTENT


def test_a_document_that_cannot_be_had_ends_the_generation_with_its_code() -> None:
    failed = STORY.when(request()).when(
        ReadDocument(at=NOW, generation_id="g", code="not_found", reason="no such page")
    )
    assert (only(failed, GenerationFailed).code, only(failed, GenerationFailed).reason) == ("not_found", "no such page")


def test_content_that_cannot_be_composed_ends_the_generation() -> None:
    assert only(COMPOSING.when(rejected(REPLY, "too_large")), GenerationFailed).code == "too_large"
    assert only(COMPOSING.when(rejected(REPLY, None)), GenerationFailed).code == "unavailable"
    assert only(COMPOSING.when(unconfirmed(REPLY)), GenerationFailed).code == "unavailable"
    assert only(COMPOSING.when(accepted(REPLY, None)), GenerationFailed).code == "unavailable"


def test_an_answer_that_is_put_off_is_awaited() -> None:
    COMPOSING.when(deferred(REPLY)).then_nothing()


def test_what_was_answered_stays_so() -> None:
    over = COMPOSING.when(accepted(REPLY, CONTENT))
    over.when(rejected(REPLY)).then_nothing()
    over.when(READ).then_nothing()
    over.when(request()).then_nothing()
    COMPOSING.when(READ).then_nothing()

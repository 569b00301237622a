"""The search for answers: each model is asked once, and what is away is found by words and named."""

from __future__ import annotations

import asyncio

import pytest

from effects.creator_hub.answers import Search
from effects.creator_hub.search import DocumentSearch, Found
from projections.creator_hub.chunks import chunk_id
from tests.connectors.embedders import Embedder
from tests.effects.creator_hub.conftest import Installed
from tests.projections.creator_hub.histories import CREATOR, OTHER
from tests.projections.creator_hub.libraries import Library

SMALL, LARGE = Embedder(dimensions=256), Embedder(dimensions=768)
TEA, SOUP, RUN = "aaa tea", "ooo soup", "uuu run"


@pytest.fixture
def filled(installed: Installed) -> str:
    """Documents of two creators, embedded by models of 256 and of 768 dimensions."""
    library = Library()
    library.document(CREATOR, "tea", [TEA], [SMALL.vector(TEA)], model="small")
    library.document(CREATOR, "soup", [SOUP], [LARGE.vector(SOUP)], model="large", base="second")
    library.document(OTHER, "foreign", [TEA], [SMALL.vector(TEA)], model="small")
    installed.tables.apply(library.history)
    return installed.dsn


class Sizes(Embedder):
    """Knows both models, under the names by which the documents' settings ask for them."""

    def __init__(self) -> None:
        super().__init__({"asked for small": "small", "asked for large": "large"})

    def vector(self, text: str) -> tuple[float, ...]:
        return (SMALL if self.asked[-1][0] == "asked for small" else LARGE).vector(text)


def found(dsn: str, embedder: Embedder, question: str, *bases: str, creator: str = CREATOR) -> Found:
    async def find() -> Found:
        search = DocumentSearch(dsn, embedder)
        try:
            return await search.find(creator, question, bases, 6)
        finally:
            await search.close()

    return asyncio.run(find())


def test_models_of_256_and_768_dimensions_are_searched_together(filled: str) -> None:
    embedder = Sizes()
    result = found(filled, embedder, "eat tea")
    assert {one.title for one in result.chunks} == {"Tea", "Soup"}
    assert result.chunks[0].title == "Tea"
    assert [one.semantic is None for one in result.chunks] == [False, False]
    assert result.away == ()
    assert sorted(name for name, _ in embedder.asked) == ["asked for large", "asked for small"]
    assert embedder.closed


def test_chunks_of_a_model_that_is_away_are_found_by_words_and_the_result_says_so(filled: str) -> None:
    embedder = Sizes()
    embedder.models["asked for large"] = "larger"
    result = found(filled, embedder, "soup")
    assert [(one.title, one.semantic is None) for one in result.chunks] == [("Soup", True), ("Tea", False)]
    assert result.away == ("large",)


def test_only_the_models_of_the_bases_that_are_searched_are_asked(filled: str) -> None:
    embedder = Sizes()
    result = found(filled, embedder, "tea soup", f"{CREATOR}/second")
    assert [one.title for one in result.chunks] == ["Soup"]
    assert [name for name, _ in embedder.asked] == ["asked for large"]


def test_another_creators_documents_are_not_found(filled: str) -> None:
    assert [one.document_id for one in found(filled, Sizes(), TEA, creator=OTHER).chunks] == [f"{OTHER}/foreign"]
    assert found(filled, Sizes(), TEA, f"{OTHER}/base").chunks == []


def test_passages_for_an_answer_say_where_they_are_from(filled: str) -> None:
    async def passages() -> None:
        search: Search = DocumentSearch(filled, Sizes())
        (first, *_) = await search(CREATOR, "eat tea", (), 6)
        assert (first.document_id, first.chunk_id) == (f"{CREATOR}/tea", chunk_id(f"{CREATOR}/tea", 0))
        assert (first.title, first.content, first.score > 0) == ("Tea", TEA, True)
        await search.close()

    asyncio.run(passages())


def test_what_no_model_and_no_database_can_take_is_a_question_too(filled: str) -> None:
    embedder = Sizes()
    result = found(filled, embedder, "tea\0\ud800")
    assert result.chunks[0].title == "Tea"
    assert {texts for _, texts in embedder.asked} == {("tea ?",)}
    assert found(filled, embedder, "").chunks == []

"""Search in documents: words by BM25 and vectors by cosine against naive computations, fusion, and what is hidden."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from inspect import signature
from math import log, sqrt
from random import Random

import pytest

from domain.creator_hub.document import DocumentFailed
from projections.creator_hub.chunks import CHUNKS, chunk_id
from projections.creator_hub.queries import search as module
from projections.creator_hub.queries.search import (
    LONGEST_QUESTION,
    ChunkKey,
    FoundChunk,
    PresentModel,
    Scored,
    fused,
    models_in,
    search,
)
from tests.projections.creator_hub.histories import CREATOR, OTHER
from tests.projections.creator_hub.libraries import Library, Vector
from tests.projections.tables import Tables, erased

WORDS = ["sleep", "tea", "run", "rest", "breathe", "money", "plan", "cook", "soup", "learn", "write", "friend"]
EVERYWHERE: tuple[str, ...] = ()


@pytest.fixture
def library() -> Library:
    return Library()


def found(
    tables: Tables,
    question: str,
    vectors: Mapping[str, Vector] | None = None,
    *,
    creator: str = CREATOR,
    bases: Sequence[str] = EVERYWHERE,
    limit: int = 500,
) -> list[FoundChunk]:
    return tables.ask(search, creator, bases, question, vectors or {}, limit)


def names(chunks: Sequence[FoundChunk]) -> list[str]:
    return [one.document_id.rpartition("/")[2] for one in chunks]


def bm25(texts: Sequence[str], question: str) -> dict[int, float]:
    """The scores of the texts by their numbers, computed word by word."""
    words = [text.split() for text in texts]
    asked = [word for word in set(question.split()) if any(word in text for text in words)]
    having = {word: sum(word in text for text in words) for word in asked}
    telling = [word for word in asked if len(texts) < 50 or having[word] * 2 <= len(texts)]
    mean = sum(map(len, texts)) / len(texts)
    scores = {}
    for number, text in enumerate(words):
        long = 1.2 * (0.25 + 0.75 * len(texts[number]) / mean)
        weights = {word: log(1 + (len(texts) - having[word] + 0.5) / (having[word] + 0.5)) for word in telling}
        counts = Counter(text)
        if any(counts[word] for word in telling):
            scores[number] = sum(weights[word] * counts[word] * 2.2 / (counts[word] + long) for word in telling)
    return scores


def random_texts(random: Random, count: int) -> list[str]:
    """Texts in which early words are much more frequent than late ones."""
    weights = [1 / (place + 1) for place in range(len(WORDS))]
    return [" ".join(random.choices(WORDS, weights, k=random.randint(1, 12))) for _ in range(count)]


@pytest.mark.parametrize(("seed", "count"), [(1, 7), (2, 49), (3, 50), (4, 51), (5, 120)])
def test_words_are_scored_by_bm25_within_what_is_searched(
    tables: Tables, library: Library, seed: int, count: int
) -> None:
    random = Random(seed)
    texts = random_texts(random, count)
    library.document(CREATOR, "mine", texts)
    library.document(CREATOR, "elsewhere", random_texts(random, 60), base="second")
    library.document(OTHER, "foreign", random_texts(random, 60))
    tables.apply(library.history)
    for _ in range(8):
        question = " ".join(random.sample(WORDS, random.randint(1, 5)))
        scores = bm25(texts, question)
        chunks = found(tables, question, bases=[f"{CREATOR}/base"])
        assert {one.chunk_index: one.lexical for one in chunks} == pytest.approx(scores), question
        assert [one.lexical for one in chunks] == sorted((one.lexical or 0 for one in chunks), reverse=True)


def test_words_in_more_than_half_of_many_chunks_say_nothing(tables: Tables, library: Library) -> None:
    library.document(CREATOR, "many", ["the soup"] * 26 + ["a tea"] * 24)
    tables.apply(library.history)
    assert found(tables, "the") == []
    assert len(found(tables, "the tea")) == 24
    assert {one.content for one in found(tables, "The TEA, please!")} == {"a tea"}


def test_vectors_are_compared_exactly(tables: Tables, library: Library) -> None:
    random = Random(6)
    vectors = [[random.gauss(0, 1) for _ in range(256)] for _ in range(70)]
    library.document(CREATOR, "mine", [f"text {number}" for number in range(70)], vectors)
    tables.apply(library.history)
    question = [random.gauss(0, 1) for _ in range(256)]
    cosines = {number: cosine(question, vector) for number, vector in enumerate(vectors)}
    nearest = sorted(cosines, key=lambda number: -cosines[number])[:50]
    chunks = found(tables, "nothing of it", {"flat": question})
    assert [one.chunk_index for one in chunks] == nearest
    assert [one.semantic for one in chunks] == pytest.approx([cosines[number] for number in nearest], abs=1e-3)
    assert {one.lexical for one in chunks} == {None}


def cosine(one: Vector, other: Vector) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True)) / (length(one) * length(other))


def length(vector: Vector) -> float:
    return sqrt(sum(number * number for number in vector))


def key(name: str) -> ChunkKey:
    return ChunkKey(name, 0)


def test_ranks_are_fused_by_their_reciprocals() -> None:
    flat = [Scored(key("a"), 0.9), Scored(key("b"), 0.5)]
    deep = [Scored(key("c"), 0.1)]
    worded = [Scored(key("b"), 7.0), Scored(key("d"), 3.0), Scored(key("c"), 2.0)]
    chunks = fused([flat, deep], worded)
    assert [(one.key.document_id, one.semantic, one.lexical) for one in chunks] == [
        ("b", 0.5, 7.0),
        ("c", 0.1, 2.0),
        ("a", 0.9, None),
        ("d", None, 3.0),
    ]
    scores = [1 / 62 + 1 / 61, 1 / 61 + 1 / 63, 1 / 61, 1 / 62]
    assert [one.score for one in chunks] == pytest.approx(scores)


def test_a_chunk_found_both_ways_comes_first_with_what_it_is(tables: Tables, library: Library) -> None:
    library.document(CREATOR, "near", ["a walk"], [[1, 0]])
    library.document(CREATOR, "worded", ["a whole night of sleep"], [[0, 1]])
    both = library.document(CREATOR, "both", ["sleep and more sleep"], [[1, 0.1]])
    tables.apply(library.history)
    chunks = found(tables, "sleep", {"flat": [2, 0]})
    assert names(chunks) == ["both", "worded", "near"]
    assert (chunks[0].chunk_id, chunks[0].chunk_index) == (chunk_id(both, 0), 0)
    assert (chunks[0].title, chunks[0].content) == ("Both", "sleep and more sleep")
    assert [one.lexical is None for one in chunks] == [False, False, True]
    assert names(found(tables, "sleep", {"flat": [2, 0]}, limit=1)) == ["both"]


def test_vectors_of_models_with_other_dimensions_are_compared_among_their_own(tables: Tables, library: Library) -> None:
    small, large = [1.0] + [0.0] * 255, [0.0] * 767 + [1.0]
    library.document(CREATOR, "small", ["tea"], [small], model="small-256")
    library.document(CREATOR, "large", ["run"], [large], model="large-768")
    library.document(CREATOR, "worded", ["soup"], model="away")
    tables.apply(library.history)
    assert tables.ask(models_in, CREATOR, EVERYWHERE) == [
        PresentModel("large-768", "asked for large-768"),
        PresentModel("small-256", "asked for small-256"),
    ]
    chunks = found(tables, "soup", {"small-256": small, "large-768": large})
    assert sorted(names(chunks)) == ["large", "small", "worded"]
    assert {one.semantic for one in chunks} == {1.0, None}
    assert names(found(tables, "soup", {"small-256": small})) == ["small", "worded"]
    assert names(found(tables, "soup", {"small-256": large})) == ["worded"], "a model that changed its dimensions"
    assert names(found(tables, "soup", {"small-256": [0.0] * 256})) == ["worded"]
    assert names(found(tables, "soup", {"other": [1.0]})) == ["worded"]


def test_creators_never_see_each_other(tables: Tables, library: Library) -> None:
    library.document(CREATOR, "mine", ["tea"], [[1, 0]])
    library.document(OTHER, "foreign", ["tea and soup"], [[1, 0]], model="foreign")
    tables.apply(library.history)
    near = {"flat": [1.0, 0.0], "foreign": [1.0, 0.0]}
    assert names(found(tables, "tea soup", near)) == ["mine"]
    assert names(found(tables, "tea soup", near, creator=OTHER)) == ["foreign"]
    assert found(tables, "tea soup", near, bases=[f"{OTHER}/base"]) == []
    assert found(tables, "tea soup", near, creator="nobody") == []
    assert tables.ask(models_in, OTHER, EVERYWHERE) == [PresentModel("foreign", "asked for foreign")]
    assert tables.ask(models_in, CREATOR, [f"{OTHER}/base"]) == []


def test_the_scores_of_one_creator_do_not_tell_of_another(tables: Tables, library: Library) -> None:
    library.document(CREATOR, "mine", ["tea", "soup for all"])
    tables.apply(library.history)
    before = found(tables, "tea soup")
    library.document(OTHER, "foreign", ["tea"] * 60)
    tables.clear()
    tables.apply(library.history)
    assert found(tables, "tea soup") == before


def test_knowledge_bases_that_are_named_bound_the_search(tables: Tables, library: Library) -> None:
    for base in ("one", "two", "three"):
        library.document(CREATOR, base, ["tea"], [[1, 0]], base=base)
    tables.apply(library.history)
    near = {"flat": [1.0, 0.0]}
    assert sorted(names(found(tables, "tea", near))) == ["one", "three", "two"]
    assert sorted(names(found(tables, "tea", near, bases=[f"{CREATOR}/one", f"{CREATOR}/three"]))) == ["one", "three"]


def test_documents_are_found_while_they_are_complete(tables: Tables, library: Library) -> None:
    near = {"flat": [1.0, 0.0]}
    library.document(CREATOR, "half", ["tea"], [[1, 0]], completed=False)
    library.document(CREATOR, "broken", ["tea"], [[1, 0]], completed=False)
    about = {"knowledge_base_id": f"{CREATOR}/base", "document_id": f"{CREATOR}/broken"}
    library.record(DocumentFailed, CREATOR, **about, round=1, code="away", reason="away")
    gone = library.document(CREATOR, "gone", ["tea"], [[1, 0]])
    tables.apply(library.history)
    assert names(found(tables, "tea", near)) == ["gone"]
    tables.erase(f"creator_hub:{gone}")
    assert found(tables, "tea", near) == []
    assert tables.ask(models_in, CREATOR, EVERYWHERE) == []
    assert all("tea" not in str(row) for row in tables.rows(CHUNKS)[CHUNKS.name] if gone in str(row))


def test_a_deleted_document_is_not_found(tables: Tables, library: Library) -> None:
    near = {"flat": [1.0, 0.0]}
    deleted = library.document(CREATOR, "gone", ["tea", "more tea"], [[1, 0], [1, 1]])
    library.remove(CREATOR, "gone", 2)
    tables.apply(library.history)
    assert found(tables, "tea", near) == []
    assert tables.rows(CHUNKS) == {CHUNKS.name: []}
    tables.clear()
    tables.apply(erased(library.history, f"creator_hub:{deleted}"))
    assert found(tables, "tea", near) == []


def test_a_chunk_without_a_usable_vector_is_found_by_its_words(tables: Tables, library: Library) -> None:
    library.document(CREATOR, "none", ["tea"])
    tables.apply(library.history)
    chunks = found(tables, "tea", {"flat": [1.0, 0.0]})
    assert [(one.title, one.semantic) for one in chunks] == [("None", None)]


ODD = (
    "",
    "   ",
    "?!… — '",
    "'; drop table creator_hub_chunks; --",
    "tea' | 'soup\\",
    "tea & !soup <-> (run):*",
    "\0",
    "tea\0soup",
    "\ud800 tea",
    "%s %(creator_id)s {table}",
    "https://example.com/a?b='c'&d=\\e#f user@example.com -1.5e3",
    "🫖 чай 茶 چای",
    "x" * 4_000,
    "tea " * 1_000,
    " ".join(f"word{number}" for number in range(600)),
)


@pytest.mark.parametrize("question", ODD)
def test_any_text_is_a_question(tables: Tables, library: Library, question: str) -> None:
    library.document(CREATOR, "mine", ["tea"], [[1, 0]])
    tables.apply(library.history)
    worded = names(found(tables, question))
    assert worded == (["mine"] if "tea" in question else [])
    assert names(found(tables, question, {"flat": [1.0, 0.0]})) == ["mine"]


@pytest.mark.parametrize("text", ["it's", "C:\\temp", "o'neil\\'s", "a&b|c", "50%", "user@example.com"])
def test_words_with_odd_characters_find_themselves(tables: Tables, library: Library, text: str) -> None:
    library.document(CREATOR, "mine", [text])
    tables.apply(library.history)
    assert names(found(tables, text)) == ["mine"]


def test_of_a_question_only_the_beginning_counts(tables: Tables, library: Library) -> None:
    library.document(CREATOR, "mine", ["tea"])
    tables.apply(library.history)
    assert names(found(tables, "x " * (LONGEST_QUESTION // 2 - 2) + "tea")) == ["mine"]
    assert found(tables, "x " * (LONGEST_QUESTION // 2) + "tea") == []


def test_every_query_takes_the_creator_first() -> None:
    for query in (models_in, search):
        assert query.__module__ == module.__name__
        assert list(signature(query).parameters)[:2] == ["connection", "creator_id"]

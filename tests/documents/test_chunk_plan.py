"""The division of a text into chunks, for any text, size and overlap."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from documents.extract.chunk_plan import chunk_plan
from documents.extract.normalization import cleaned
from documents.extract.request import ExtractionRequest, Failure, Unextractable

WORDS = st.sampled_from(
    ["word", "Word. ", "\n", "\n\n", " ", "\t", "# Head", "。", "漢字", "e\u0301", "👩\u200d🚀", "x" * 40, " " * 90]
)
TEXTS = st.one_of(st.lists(WORDS, max_size=200).map("".join), st.text(max_size=400))


def spans_of(text: str, size: int, overlap: int) -> list[tuple[int, int]]:
    plan = chunk_plan(text, ExtractionRequest(b"", "a.txt", size, overlap), 20_000)
    return [(span.start, span.end) for span in plan.spans]


def chunks_of(text: str, size: int, overlap: int = 0) -> list[str]:
    return [text[start:end] for start, end in spans_of(text, size, overlap)]


@st.composite
def sizes(draw: st.DrawFn) -> tuple[int, int]:
    size = draw(st.integers(50, 200))
    return size, draw(st.integers(0, size // 2))


@given(TEXTS.map(cleaned), sizes())
@example("a" * 49 + " " * 20, (50, 25))
@example("a" * 49 + " " * 20, (50, 0))
@example("a" + " " * 200 + "b" * 60, (50, 25))
@example("a" * 40 + " " * 30 + "b" * 40, (50, 25))
def test_chunks_respect_size_and_overlap_and_lose_no_word(text: str, sized: tuple[int, int]) -> None:
    size, overlap = sized
    spans = spans_of(text, size, overlap)
    end = 0
    for start, after in spans:
        assert 0 < after - start <= size
        assert end - start <= overlap
        assert after > end
        assert text[end:start].strip() == ""
        assert text[start:after].strip() != ""
        end = after
    assert end == len(text) if text.strip() else spans == []


@given(TEXTS.map(cleaned), sizes())
def test_no_text_has_many_more_chunks_than_its_length_asks_for(text: str, sized: tuple[int, int]) -> None:
    size, overlap = sized
    assert len(spans_of(text, size, overlap)) <= 4 * len(text) / size + 3


def test_a_chunk_ends_after_a_paragraph_rather_than_after_a_sentence() -> None:
    text = "One sentence. " * 3 + "\n\n" + "Another sentence. " * 3
    assert chunks_of(text, 60)[0] == text[: text.index("\n\n")].rstrip()


def test_a_chunk_begins_with_a_heading() -> None:
    text = "Words of the first part.\n" * 3 + "## Second\n" + "Words of the second part.\n" * 3
    assert chunks_of(text, 110)[1].startswith("## Second\n")


def test_a_chunk_ends_after_a_sentence_rather_than_within_one() -> None:
    assert chunks_of("A short one, which ends about here. " + "Then comes a much longer sentence " * 3, 60)[0].endswith(
        "here."
    )


def test_a_chunk_has_half_of_its_size_at_least_where_there_is_more_text() -> None:
    assert len(chunks_of("Short.\n\n" + "word " * 100, 60)[0]) > 30


def test_sentences_without_spaces_are_found() -> None:
    assert chunks_of("これは文章です。" * 20, 50)[0].endswith("。")


def test_a_long_word_is_divided_between_its_letters() -> None:
    assert all(not chunk.startswith("\u0301") for chunk in chunks_of("e\u0301" * 100, 51))


def test_chunks_share_whole_sentences_or_words() -> None:
    text = "Alpha beta gamma delta. " * 20
    spans = spans_of(text.strip(), 100, 40)
    assert len(spans) > 5
    assert all(text[start:].startswith("Alpha") for start, _ in spans)
    assert all(0 < before[1] - after[0] <= 40 for before, after in pairwise(spans))


def test_more_chunks_than_may_be_are_refused() -> None:
    with pytest.raises(Unextractable, match="more than 3 chunks: choose a larger chunk_size") as refusal:
        chunk_plan("word " * 100, ExtractionRequest(b"", "a.txt", 50, 0), 3)
    assert refusal.value.code is Failure.TOO_MANY_CHUNKS


def test_the_plan_names_the_splitter() -> None:
    plan = chunk_plan("word", ExtractionRequest(b"", "a.txt", 50, 0), 3)
    assert (plan.splitter, plan.version) == ("boundaries", "1")


@pytest.mark.parametrize(("size", "overlap"), [(49, 0), (8_001, 0), (100, 51), (100, -1)])
def test_a_size_or_an_overlap_that_chunks_cannot_have_is_refused(size: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="chunk"):
        ExtractionRequest(b"", "a.txt", size, overlap)

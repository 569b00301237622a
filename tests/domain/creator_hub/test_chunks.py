"""The chunks of a text: batches within their bounds, and the text put together again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.creator_hub.chunks import MOST_BYTES_IN_BATCH, MOST_IN_BATCH, Chunk, ChunkPlan, batch, chunk_of, joined


def plan(*chunks: tuple[int, int], pages: tuple[tuple[int, int], ...] = ()) -> ChunkPlan:
    return ChunkPlan(splitter="test/1", chunks=chunks, pages=pages)


def all_of(text: str, made: ChunkPlan) -> list[Chunk]:
    found: list[Chunk] = []
    while chunks := batch(text, made, len(found)):
        found.extend(chunks)
    return found


def test_a_chunk_says_what_lies_before_it_and_what_it_repeats() -> None:
    text = "  one two three"
    made = plan((2, 9), (6, 15))
    assert [(one.text, one.lead, one.repeated) for one in all_of(text, made)] == [
        ("one two", "  ", 0),
        ("two three", "", 3),
    ]


def test_a_chunk_is_on_the_page_on_which_it_begins() -> None:
    made = plan((0, 3), (5, 8), pages=((0, 3), (5, 5), (5, 8)))
    assert [chunk_of("one\n\ntwo", made, index).page for index in (0, 1)] == [1, 3]
    assert chunk_of("one", plan((0, 3)), 0).page is None


def test_a_plan_is_read_as_it_was_stored() -> None:
    made = plan((0, 3), (2, 8), pages=((0, 8),))
    assert ChunkPlan.from_encoded(made.encoded()) == made


def test_a_batch_has_a_bounded_number_of_chunks() -> None:
    made = plan(*((place, place + 1) for place in range(40)))
    assert [len(batch("x" * 40, made, first)) for first in (0, 16, 32, 40)] == [MOST_IN_BATCH, MOST_IN_BATCH, 8, 0]


def test_a_batch_has_a_bounded_number_of_bytes_but_one_chunk_at_least() -> None:
    text = "あ" * 40_000
    made = plan((0, 20_000), (20_000, 24_000), (24_000, 32_000), (32_000, 36_000))
    assert [len(batch(text, made, first)) for first in range(4)] == [1, 3, 2, 1]


@st.composite
def texts_with_plans(draw: st.DrawFn) -> tuple[str, ChunkPlan]:
    """A text, and chunks that go on to its end, with gaps and overlaps."""
    text = draw(st.text(min_size=1, max_size=200))
    spans: list[tuple[int, int]] = []
    start = draw(st.integers(0, len(text) - 1))
    while True:
        end = draw(st.integers(max(start + 1, spans[-1][1] + 1 if spans else 0), len(text)))
        spans.append((start, end))
        if end == len(text):
            return text, plan(*spans)
        start = draw(st.integers(start + 1, min(end + 3, len(text) - 1)))


@given(texts_with_plans())
def test_any_text_is_put_together_again_from_its_chunks(case: tuple[str, ChunkPlan]) -> None:
    text, made = case
    chunks = all_of(text, made)
    assert joined(chunks) == text
    assert [one.text for one in chunks] == [text[start:end] for start, end in made.chunks]


@given(texts_with_plans(), st.integers(0, 200))
def test_no_batch_is_larger_than_it_may_be(case: tuple[str, ChunkPlan], first: int) -> None:
    text, made = case
    chunks = batch(text, made, first)
    assert len(chunks) <= MOST_IN_BATCH
    assert len(chunks) <= 1 or sum(len((one.lead + one.text).encode()) for one in chunks) <= MOST_BYTES_IN_BATCH

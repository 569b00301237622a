"""Boundaries of graphemes: never one that the standard does not have."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from domain.social.graphemes import boundaries

VECTORS = Path(__file__).parent / "grapheme_break_test.txt"


def clusters_of(line: str) -> list[str]:
    """The clusters of a line such as `÷ 0020 × 0308 ÷ 0020 ÷`."""
    parts = line.strip("÷ \n").split("÷")
    return ["".join(chr(int(code, 16)) for code in part.split("×")) for part in parts]


def test_no_boundary_is_one_that_the_published_vectors_lack() -> None:
    lines = [line for line in VECTORS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    missed = 0
    for clusters in map(clusters_of, lines):
        ends = {sum(map(len, clusters[: count + 1])) for count in range(len(clusters))}
        found = set(boundaries("".join(clusters)))
        assert found <= ends, clusters
        missed += found != ends
    assert len(lines) > 700
    assert missed < 40


@given(st.text())
def test_the_last_boundary_is_the_end(text: str) -> None:
    assert [*boundaries(text)][-1:] == ([len(text)] if text else [])


def test_what_a_reader_takes_for_one_character_is_one() -> None:
    for cluster in ("é", "👨‍👩‍👧‍👦", "👋🏽", "🇩🇪", "각", "क्षि", "นี้", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "\r\n"):
        assert [*boundaries(cluster)] == [len(cluster)], cluster
    assert [*boundaries("🇩🇪🇫🇷")] == [2, 4]

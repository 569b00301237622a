"""What a text is charged by. Figures from GSM 03.38 and 3GPP TS 23.040."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.communication.segments import Encoding, length


@pytest.mark.parametrize(
    ("body", "encoding", "units", "segments"),
    [
        ("", Encoding.GSM_7, 0, 1),
        ("a" * 160, Encoding.GSM_7, 160, 1),
        ("a" * 161, Encoding.GSM_7, 161, 2),
        ("a" * 306, Encoding.GSM_7, 306, 2),
        ("a" * 307, Encoding.GSM_7, 307, 3),
        ("€" * 80, Encoding.GSM_7, 160, 1),
        ("a" * 159 + "€", Encoding.GSM_7, 161, 2),
        ("ñ¡Ω\n\r", Encoding.GSM_7, 5, 1),
        ("ж" * 70, Encoding.UCS_2, 70, 1),
        ("ж" * 71, Encoding.UCS_2, 71, 2),
        ("ж" * 135, Encoding.UCS_2, 135, 3),
        ("😀" * 35, Encoding.UCS_2, 70, 1),
        ("😀" * 36, Encoding.UCS_2, 72, 2),
        ("`", Encoding.UCS_2, 1, 1),
    ],
)
def test_a_text_takes_as_many_segments_as_the_standard_says(
    body: str, encoding: Encoding, units: int, segments: int
) -> None:
    assert length(body) == (encoding, units, segments)


def test_a_pair_of_septets_is_never_split_between_segments() -> None:
    assert length("a" * 152 + "€" + "a" * 152).segments == 3
    assert length("a" * 151 + "€" + "a" * 153).segments == 2


def test_a_surrogate_pair_is_never_split_between_segments() -> None:
    assert length("ж" * 66 + "😀" + "ж" * 66).segments == 3


@given(st.text(max_size=400), st.text(max_size=5))
def test_a_longer_text_never_takes_fewer_segments(body: str, more: str) -> None:
    assert length(body + more).segments >= length(body).segments >= 1

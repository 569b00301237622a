"""Long texts as several messages."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.social.graphemes import boundaries
from domain.social.message_parts import message_parts
from domain.social.text import utf16_length

WORDS = "Breathe in, breathe out. "
LETTERS = st.characters(exclude_categories=["Cs"]) | st.sampled_from(" \n\t.!?\U0001f600\u0301\u200d。")


@given(text=st.text(LETTERS, max_size=400), longest=st.integers(2, 60))
def test_every_part_fits_and_nothing_but_white_space_is_lost(text: str, longest: int) -> None:
    parts = message_parts(text, longest)
    assert all(0 < utf16_length(part) <= longest for part in parts)
    assert all(part == part.strip() for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


@given(text=st.text(LETTERS, max_size=400), longest=st.integers(2, 60))
def test_no_part_could_take_the_next_one(text: str, longest: int) -> None:
    parts = message_parts(text, longest)
    assert len(parts) <= 1 + 2 * utf16_length(text) // max(longest - 1, 1)


def test_a_text_that_fits_is_one_message_as_it_is() -> None:
    text = "\u00dcber\n\n  so  \U0001f600"
    assert message_parts(text, 4096) == (text,)
    assert message_parts("a" * 4096, 4096) == ("a" * 4096,)


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_a_blank_text_is_no_message(text: str) -> None:
    assert message_parts(text, 10) == ()


def test_an_emoji_takes_two_units() -> None:
    assert [len(part) for part in message_parts("\U0001f600" * 5000, 4096)] == [2048, 2048, 904]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One two.\nThree\n\nFour. Five six", ("One two.\nThree", "Four. Five six")),
        ("One two three\nfour five. Six", ("One two three", "four five. Six")),
        ("One two three. Four five six", ("One two three.", "Four five six")),
        ("He said “So it is.” Then went", ("He said “So it is.”", "Then went")),
        ("一二三四五六七八九十一二。三四五六七八九十", ("一二三四五六七八九十一二。", "三四五六七八九十")),
        ("One two three four five six", ("One two three four", "five six")),
        ("On https://acme.example/a/b/c", ("On https://acme.exam", "ple/a/b/c")),
    ],
)
def test_a_text_is_cut_at_the_best_place(text: str, parts: tuple[str, ...]) -> None:
    assert message_parts(text, 20) == parts


def test_no_character_is_torn_apart() -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    for part in message_parts(family * 100, 50):
        assert re.fullmatch(f"({family})+", part)
    assert list(boundaries(family)) == [len(family)]


def test_a_character_that_is_longer_than_a_message_is_torn_apart() -> None:
    zalgo = "a" + "\u0301" * 30
    assert "".join(message_parts(zalgo, 10)) == zalgo


def test_a_long_text_is_cut_in_no_time() -> None:
    parts = message_parts(WORDS * 40_000, 4096)
    assert " ".join(parts) == (WORDS * 40_000).strip()

"""Untrusted text as string literals."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from documents.render.literals import breakable, code_literal, literal, printable

ANY = st.one_of(st.text(), st.text(alphabet='\\"#$[]{}()\n\t\r\0/*`'))


@settings(deadline=None)
@given(ANY)
def test_a_literal_says_its_text_and_ends_only_where_it_ends(text: str) -> None:
    read, rest = _read(literal(text))
    assert rest == ""
    assert read == printable(text).replace("\r", " ")


@settings(deadline=None)
@given(st.text(alphabet=st.characters(categories=["Cc", "Cf", "Cs"])))
def test_no_control_or_half_of_a_character_gets_into_a_source(text: str) -> None:
    kinds = {unicodedata.category(character) for character in literal(text) if character != "\t"}
    assert kinds.isdisjoint({"Cc", "Cs"})


@pytest.mark.parametrize("control", ["\u202a", "\u202b", "\u202c", "\u202d", "\u202e"])
def test_in_prose_overrides_of_direction_vanish_and_in_code_they_are_shown(control: str) -> None:
    assert literal(f"a{control}b") == '"ab"'
    assert code_literal(f"a{control}b") == f'"a⟨U+{ord(control):04X}⟩b"'


@pytest.mark.parametrize("mark", ["\u200e", "\u200f", "\u061c", "\u2066", "\u2069"])
def test_marks_of_direction_stay_in_prose_which_may_need_them_and_are_shown_in_code(mark: str) -> None:
    assert literal(f"a{mark}b") == f'"a{mark}b"'
    assert code_literal(f"a{mark}b") == f'"a⟨U+{ord(mark):04X}⟩b"'


@settings(deadline=None)
@given(st.text(alphabet="ab é\nא中"), st.integers(1, 9))
def test_text_is_cut_only_within_long_runs_of_letters_and_nothing_of_it_is_lost(text: str, unbroken: int) -> None:
    pieces = breakable(text, unbroken)
    assert "".join(pieces) == text
    latin = "".join(letter if letter in "abé" else " " for letter in "|".join(pieces).replace("|", " "))
    assert all(len(run) <= unbroken for run in latin.split())


def test_text_with_short_words_stays_in_one_piece() -> None:
    assert breakable("so many words, and all of them short", 10) == ["so many words, and all of them short"]


def _read(source: str) -> tuple[str, str]:
    """A string literal read by the rules of Typst, and what comes after it."""
    assert source[0] == '"'
    text, place = [], 1
    while source[place] != '"':
        escaped = source[place] == "\\"
        letter = source[place + escaped]
        text.append({"n": "\n"}.get(letter, letter) if escaped else letter)
        place += 1 + escaped
    return "".join(text), source[place + 1 :]

"""The keyword of a text, in whatever punctuation it comes."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.keywords import HELP_WORDS, START_WORDS, STOP_WORDS, Keyword, keyword_in, keyword_of

LAW = ("stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe")
"""47 CFR 64.1200(a)(10)."""

PROVIDER = ("STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL")
"""What Twilio takes for an opt-out unless it is set otherwise."""

AROUND = st.text(
    st.characters(categories=["P", "S", "Z", "Cc", "Cf"]).filter(
        lambda character: all(not part.isalnum() for part in unicodedata.normalize("NFKC", character))
    ),
    max_size=5,
)
"""Punctuation, quotes, symbols, emoji, spaces and what is not seen, of every script."""


def test_the_words_of_the_law_and_of_the_provider_are_stop_words() -> None:
    assert {word.upper() for word in LAW} | set(PROVIDER) <= STOP_WORDS


@given(before=AROUND, word=st.sampled_from(sorted(STOP_WORDS)), after=AROUND, small=st.booleans())
def test_no_punctuation_hides_a_stop(before: str, word: str, after: str, small: bool) -> None:
    assert keyword_in(before + (word.lower() if small else word) + after) is Keyword.STOP


@given(before=AROUND, word=st.sampled_from(sorted(START_WORDS | HELP_WORDS)), after=AROUND)
def test_no_punctuation_hides_a_start_or_a_help(before: str, word: str, after: str) -> None:
    assert keyword_in(before + word + after) is (Keyword.START if word in START_WORDS else Keyword.HELP)


FULL_WIDTH = "".join(chr(ord(letter) + 0xFEE0) for letter in "STOP")


@pytest.mark.parametrize(
    "body",
    [
        *("STOP,", "STOP?", "Stop;", "STOP:", '"STOP"', "“STOP”", "STOP…", "*STOP*", FULL_WIDTH, "S.T.O.P."),
        *("stop\u200b", "S\u0336T\u0336O\u0336P\u0336", "stop 🛑\ufe0f", "Opt-Out", "opt me out", "STOP STOP"),
        *("Please stop texting me!", "unsubscribe me, thanks", "stop all", "end it", "cancel these messages"),
    ],
)
def test_a_stop_in_any_form_is_a_stop(body: str) -> None:
    assert keyword_in(body) is Keyword.STOP


@pytest.mark.parametrize(
    "body",
    ["don't stop", "when does the sale end?", "cancel my order", "please", "", "start now", "yes or no", "un-stop"],
)
def test_a_word_in_a_sentence_about_something_else_is_no_keyword(body: str) -> None:
    assert keyword_in(body) is None


@pytest.mark.parametrize(
    ("body", "verdict", "keyword"),
    [
        ("ARRET", "STOP", Keyword.STOP),
        ("ARRET", "stop ", Keyword.STOP),
        ("ENCORE", "START", Keyword.START),
        ("AIDE", "HELP", Keyword.HELP),
        ("start", "STOP", Keyword.STOP),
        ("start", "HELP", Keyword.HELP),
        ("stop", "START", Keyword.STOP),
        ("stop", "HELP", Keyword.STOP),
        ("start", "", Keyword.START),
        ("start", "SOMETHING", Keyword.START),
        ("ARRET", "", None),
    ],
)
def test_the_providers_verdict_counts_and_so_does_a_stop_of_ours(
    body: str, verdict: str, keyword: Keyword | None
) -> None:
    assert keyword_of(body, verdict) is keyword

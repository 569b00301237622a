"""Text as networks count it, by X's published vectors, and cut at sentences, words and graphemes."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calls.social_post import Network
from domain.social.graphemes import boundaries
from domain.social.text import (
    ELLIPSIS,
    LIMITS,
    first_sentence,
    fits,
    hashtags_in,
    length_on,
    links_in,
    shortened,
    utf16_length,
    weighted_length,
)

VECTORS: dict[str, list[dict[str, Any]]] = json.loads((Path(__file__).parent / "twitter_text.json").read_text())
WEIGHTED = VECTORS["WeightedTweetsWithDiscountedEmojiCounterTest"] + VECTORS["UnicodeDirectionalMarkerCounterTest"]
LENGTHS = (len, weighted_length, utf16_length)
WORDS = st.sampled_from(
    [
        "breathe",
        "in.",
        "4",
        "seconds",
        "1,500",
        "12.5%",
        "の呼吸。",
        "👨‍👩‍👧‍👦",
        "https://example.com/a?b=1",
        "Dr.",
        "e.g.",
        "é",
        "\n",
        "calm!",
    ]
)
PROSE = st.lists(WORDS, max_size=60).map(" ".join) | st.text(max_size=400)


@pytest.mark.parametrize("case", WEIGHTED, ids=lambda case: case["description"])
def test_the_weighted_length_is_that_of_the_published_vectors(case: dict[str, Any]) -> None:
    assert weighted_length(case["text"]) == case["expected"]["weightedLength"]


def test_the_limits_are_those_of_the_networks() -> None:
    assert fits(Network.TWITTER, "a" * 280)
    assert not fits(Network.TWITTER, "a" * 281)
    assert fits(Network.TWITTER, "の" * 140)
    assert not fits(Network.TWITTER, "の" * 141)
    assert fits(Network.TWITTER, f"{'a' * 256} https://example.com/{'a' * 300}")
    assert fits(Network.LINKEDIN, "👋" * 1_500)
    assert not fits(Network.LINKEDIN, "👋" * 1_501)
    assert fits(Network.FACEBOOK, "a" * 63_206)
    assert not fits(Network.FACEBOOK, "a" * 63_207)


def test_a_text_that_fits_stays_as_it_is() -> None:
    assert shortened("Breathe  in. ", 13) == "Breathe  in. "


def test_a_text_is_cut_behind_a_sentence() -> None:
    text = "We met Dr. Smith at 10:00, e.g. to learn. Then we breathed. And we left."
    assert shortened(text, 60) == "We met Dr. Smith at 10:00, e.g. to learn. Then we breathed."
    assert shortened(text, 50) == "We met Dr. Smith at 10:00, e.g. to learn."


def test_a_text_without_a_sentence_that_fits_is_cut_behind_a_word() -> None:
    assert shortened("Breathing well takes practice", 20) == "Breathing well…"
    assert shortened("No. Breathing well takes practice and time", 30) == "No. Breathing well takes…"


def test_a_script_without_spaces_is_cut_between_graphemes() -> None:
    assert shortened("呼吸" * 200, 280, weighted_length) == "呼吸" * 69 + "呼…"
    assert shortened("👨‍👩‍👧‍👦" * 200, 280, weighted_length) == "👨‍👩‍👧‍👦" * 139 + "…"


def test_no_link_is_cut() -> None:
    text = "Read https://example.com/a/very/long/path/to/the/page and breathe"
    assert shortened(text, 30) == "Read…"
    assert shortened(f"https://example.com/{'a' * 300} is long", 30) == ""
    assert shortened(text, 56) == "Read https://example.com/a/very/long/path/to/the/page …"


def test_no_figure_is_cut() -> None:
    assert shortened("It took us 5 million breaths", 14) == "It took us…"
    assert shortened("12345678901234567890 breaths", 10) == ""


@given(PROSE, st.integers(1, 300), st.sampled_from(LENGTHS))
def test_a_cut_text_fits_and_is_the_beginning_of_the_whole(text: str, longest: int, length: Any) -> None:
    cut = shortened(text, longest, length)
    assert length(cut) <= longest
    if cut == text:
        return
    kept = cut.removesuffix(ELLIPSIS).removesuffix(" ")
    assert text.startswith(kept)
    assert len(kept) in {0, *boundaries(text)} or text[len(kept) :][:1] in ("", *" \n,;:–-([")
    assert {cut[place.start : place.end] for place in links_in(kept)} <= {
        text[place.start : place.end] for place in links_in(text)
    }


@given(st.lists(WORDS, max_size=60).map(" ".join), st.integers(10, 300), st.sampled_from(LENGTHS))
def test_a_cut_text_holds_only_figures_of_the_whole(text: str, longest: int, length: Any) -> None:
    figures = re.compile(r"\d+(?:[.,]\d+)*%?")
    assert set(figures.findall(shortened(text, longest, length))) <= set(figures.findall(text))


@pytest.mark.parametrize("piece", ["の.", "word and ", "a.com/ ", "a. ", "\n", "5 "])
@pytest.mark.parametrize("network", [Network.TWITTER, Network.FACEBOOK])
def test_no_text_takes_long(piece: str, network: Network) -> None:
    text = piece * (70_000 // len(piece))
    began = time.process_time()
    shortened(text, LIMITS[network], lambda one: length_on(network, one))
    assert time.process_time() - began < 10


def test_the_first_sentence_ends_at_a_stop_or_a_line() -> None:
    assert first_sentence("Breathe in. Breathe out.") == "Breathe in."
    assert first_sentence("Box breathing\nin four steps") == "Box breathing"
    assert first_sentence("Calm") == "Calm"


def test_hashtags_are_words_with_a_letter_outside_of_links() -> None:
    text = "#calm #1 x#no #4x4 https://example.com/#part &#39; #über! (#Schlaf) #calm"
    assert [*hashtags_in(text)] == ["calm", "4x4", "über", "Schlaf", "calm"]

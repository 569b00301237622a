"""Web addresses as X finds them, by its published vectors, and in time however a text is made."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.social.addresses import addresses_in

VECTORS: dict[str, list[dict[str, Any]]] = json.loads((Path(__file__).parent / "twitter_text.json").read_text())
"""Of twitter-text 3.1.0, Copyright 2018 Twitter, Inc., under the Apache License 2.0."""

TEXTS = [case for name in ("urls", "tco_urls_with_params") for case in VECTORS[name]]
PLACES = [case for name in ("urls_with_indices", "urls_with_directional_markers") for case in VECTORS[name]]
HOSTILE = {
    "label": "の" * 20_000 + ".com",
    "labels": "a." * 20_000,
    "unspaced": "の." * 10_000,
    "hyphens": "a-" * 20_000 + ".",
    "domains": "a.com" * 8_000,
    "punycode": "xn--" * 10_000 + ".a",
    "protocols": "http://" * 5_000 + ".",
    "parentheses": "http://a.co/" + "(a" * 50_000,
    "path": "http://a.co/" + "!" * 50_000,
}


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case["description"])
def test_the_addresses_are_those_of_the_published_vectors(case: dict[str, Any]) -> None:
    text = case["text"]
    assert [text[place.start : place.end] for place in addresses_in(text)] == case["expected"]


@pytest.mark.parametrize("case", PLACES, ids=lambda case: case["description"])
def test_the_places_are_those_of_the_published_vectors(case: dict[str, Any]) -> None:
    assert [list(place) for place in addresses_in(case["text"])] == [found["indices"] for found in case["expected"]]


@pytest.mark.parametrize("text", ["の" * 63 + ".com", "の" * 40 + "a" * 60 + ".com", "a" * 64 + ".com"])
def test_a_label_that_no_domain_can_have_makes_no_address(text: str) -> None:
    assert addresses_in(text) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_takes_long(name: str) -> None:
    began = time.process_time()
    addresses_in(HOSTILE[name])
    assert time.process_time() - began < 10


@given(st.text(st.sampled_from("aZ0.-_/:@# ()?=のé\n")), st.sampled_from(["https://", ""]))
def test_addresses_stand_in_order_and_hold_no_space(text: str, protocol: str) -> None:
    text = f"{text}{protocol}example.com{text}"
    places = addresses_in(text)
    assert all(first.end <= second.start for first, second in pairwise(places))
    assert all(text[place.start : place.end].split() == [text[place.start : place.end]] for place in places)

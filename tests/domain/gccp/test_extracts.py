"""Sentences and terms, in several scripts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.gccp.writing.extracts import LONGEST_SENTENCE, distinctive_words, extract, same_stem, sentences, word_count


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One is here. Two is there! Is three?", ["One is here.", "Two is there!", "Is three?"]),
        (
            "Dr. Smith met Mrs. Jones, e.g. at noon. They spoke.",
            ["Dr. Smith met Mrs. Jones, e.g. at noon.", "They spoke."],
        ),
        ("A line\nand another\n\n", ["A line", "and another"]),
        ("机器会学习。人也会!对吗?", ["机器会学习。", "人也会!", "对吗?"]),
        ("हिन्दी एक भाषा है। वह सुन्दर है।", ["हिन्दी एक भाषा है।", "वह सुन्दर है।"]),
        ("ما هذا؟ هذا كتاب.", ["ما هذا؟", "هذا كتاب."]),
        ("Same here. Same here. SAME HERE.", ["Same here."]),
        ("3 apples are red.", ["3 apples are red."]),
        ("... !!! ---", []),
        ("", []),
    ],
)
def test_a_text_is_parted_into_its_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_time_stamps_and_cue_numbers_are_dropped() -> None:
    subtitles = "WEBVTT\n\n1\n00:00:01.000 --> 00:00:04.000\nHello there.\n\n[00:05] It goes on.\n0:09 And on."
    assert sentences(subtitles) == ["Hello there.", "It goes on.", "And on."]


@pytest.mark.parametrize("text", ["word " * 500, "语" * 500, "ไทย" * 200])
def test_a_transcript_without_punctuation_is_cut_into_bearable_pieces(text: str) -> None:
    pieces = sentences(" ".join(f"{number} {text}" for number in range(3)))
    assert len(pieces) > 1
    assert all(word_count(piece) <= LONGEST_SENTENCE for piece in pieces)


@pytest.mark.parametrize(
    ("text", "term", "times"),
    [
        ("Learning needs data. Good data helps learning. Data!", "data", 3),
        ("机器学习是人工智能。人工智能用机器学习。", "机器学习", 2),
        ("हिन्दी एक भाषा है। हिन्दी भारत में है।", "हिन्दी", 2),
        ("ภาษาไทยสวย ภาษาไทยง่าย", "ภาษาไทย", 2),
        ("Нейронные сети учатся. Сети растут.", "сети", 2),
    ],
)
def test_terms_are_counted_in_any_script(text: str, term: str, times: int) -> None:
    assert extract(text).frequency[term] == times


def test_common_words_are_no_terms() -> None:
    assert not {"the", "and", "which", "is", "42"} & set(
        extract("The cat and the dog, which is 42. The end.").frequency
    )


def test_words_in_every_other_sentence_are_passed_over_unless_they_are_asked_for() -> None:
    text = " ".join(f"Zum Beispiel kommt Wort{number} vor." for number in range(10))
    assert "zum" not in extract(text).frequency
    assert extract(text, ["Zum Beispiel"]).frequency["beispiel"] == 10


def test_a_short_subject_is_found_too() -> None:
    weighed = extract("We use AI daily. Nothing was said.", ["AI"])
    assert [sentence.text for sentence in weighed.about({"ai"})] == ["We use AI daily."]


def test_a_subject_is_told_from_others_by_its_own_words() -> None:
    subjects = ["supervised learning", "unsupervised learning", "learning"]
    assert distinctive_words(subjects[0], "Learning", subjects) == {"supervised"}
    assert distinctive_words(subjects[2], "Learning", subjects) == {"learning"}


@pytest.mark.parametrize(("one", "other"), [("learn", "learning"), ("network", "networks"), ("weigh", "weight")])
def test_words_of_one_stem_are_recognised(one: str, other: str) -> None:
    assert same_stem(one, other)
    assert same_stem(other, one)


@pytest.mark.parametrize(("one", "other"), [("neural", "neutral"), ("super", "supervised"), ("cat", "car")])
def test_words_that_only_look_alike_are_not(one: str, other: str) -> None:
    assert not same_stem(one, other)


@given(st.text(max_size=300), st.lists(st.text(max_size=20), max_size=3))
def test_any_text_can_be_weighed(text: str, focus: list[str]) -> None:
    weighed = extract(text, focus)
    for sentence in weighed.sentences:
        assert [sentence.text[token.start : token.end].casefold() for token in sentence.tokens] == [
            token.key.casefold() for token in sentence.tokens
        ]
    assert weighed.best(3) == sorted(weighed.best(3), key=lambda sentence: sentence.position)
    assert set(weighed.key_terms(5)) <= set(weighed.shown)

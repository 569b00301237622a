"""JSON of a model is read as it was meant."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.gccp.loose_json import Unreadable, object_with

OBJECT: dict[str, Any] = {"questions": [{"question": 'a } b, ] " { ?', "n": 1}], "topic": "T"}


def read(written: str) -> object:
    """The text of the only field, as JSON with exactly these characters between its quotes."""
    return object_with("q", f'{{"q": "{written}"}}')["q"]


@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "Here is the object:\n{}\nI hope it helps!",
        "```json\n{}\n```",
        "Of {the} kind asked for:\n```json\n{}\n```\nDone.",
        'All of {"these": 1} are: {}',
        '{"assignment": {}}',
        "[{}]",
        "\ufeff{}",
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_an_object_is_found_among_other_words(around: str, indent: int | None) -> None:
    text = around.replace("{}", json.dumps(OBJECT, indent=indent))
    assert object_with("questions", text) == OBJECT


@pytest.mark.parametrize("written", ['{"q": [1, 2,], }', '{"q": [1, 2 ,\n],\n}', '{"q": [1,2,],}'])
def test_a_comma_before_a_closing_bracket_is_passed_over(written: str) -> None:
    assert object_with("q", written) == {"q": [1, 2]}


def test_a_comma_in_a_text_stays() -> None:
    assert read("a,] ,}") == "a,] ,}"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"What is $\frac{1}{2}+\text{x}$?", r"What is $\frac{1}{2}+\text{x}$?"),
        (r"What is $\\frac{1}{2}+\\text{x}$?", r"What is $\frac{1}{2}+\text{x}$?"),
        (
            r"$\alpha \beta \rho \theta \nu \nabla \uparrow \notin$",
            r"$\alpha \beta \rho \theta \nu \nabla \uparrow \notin$",
        ),
        (r"\(\frac{a}{b}\) and \[\times\]", r"\(\frac{a}{b}\) and \[\times\]"),
        (r"\\(\\frac{a}{b}\\) and \\[\\times\\]", r"\(\frac{a}{b}\) and \[\times\]"),
        (r"$a \neq b$ and $$\to \tan x$$", r"$a \neq b$ and $$\to \tan x$$"),
        (r"$\left\{x\,\middle|\;y\right\}$", r"$\left\{x\,\middle|\;y\right\}$"),
        (r"$\begin{pmatrix} a \\ b \end{pmatrix}$", r"$\begin{pmatrix} a \\ b \end{pmatrix}$"),
        (r"$\\begin{pmatrix} a \\\\ b \\end{pmatrix}$", r"$\begin{pmatrix} a \\ b \end{pmatrix}$"),
        (r"2 \times 3 and \text{x} outside", r"2 \times 3 and \text{x} outside"),
        (r"It costs \$5 or 5\%", r"It costs \$5 or 5\%"),
        (r"It costs \\$5.\nu is a letter", "It costs \\$5.\nu is a letter"),
        (r"first\nsecond\nto third\n\nnot", "first\nsecond\nto third\n\nnot"),
        (r"def f():\n\treturn 1\n\tan = 2", "def f():\n\treturn 1\n\tan = 2"),
        (r"one\r\ntwo", "one\r\ntwo"),
        (r"$$\\frac{a}{b}\nu = 1\n\\times$$", "$$\\frac{a}{b}\nu = 1\n\\times$$"),
        (r"$$\\frac{a}{b}\nabla$$", r"$$\frac{a}{b}\nabla$$"),
        (r"a \"quoted\" \/ word, \u00e9 \ud83d\ude00", 'a "quoted" / word, é \U0001f600'),
        (r"half \ud83d of one", "half  of one"),
        (r"C:\\temp and \\n", r"C:\temp and \n"),
    ],
)
def test_a_backslash_means_what_it_can_mean(written: str, meant: str) -> None:
    assert read(written) == meant


@pytest.mark.parametrize("written", [r"a\fb1"[:3], r"\b", r"\u0007", "\x1b", r"\u0000", "\x7f", "\x85"])
def test_a_control_character_is_not_text(written: str) -> None:
    with pytest.raises(Unreadable, match=r"control character U\+00"):
        read(f"x {written} y")


def test_a_control_character_that_was_a_command_is_explained() -> None:
    with pytest.raises(Unreadable, match=r"U\+0008; in JSON every backslash of a formula is written twice$"):
        read(r"x \b y")
    with pytest.raises(Unreadable, match=r"U\+001B$"):
        read("\x1b")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no JSON object with q"),
        ("[1, 2]", "no JSON object with q"),
        ('{"other": 1}', "no JSON object with q"),
        ('{"q": [1, 2', "has no end"),
        ('{"q": "never closed}', "has no end"),
        ('{"q": 1 2}', "cannot be read: Expecting ',' delimiter$"),
        ('{"q": ' + "9" * 5_000 + "}", "cannot be read"),
        ('{"q": ' + "[" * 50_000 + "]" * 50_000 + "}", "nested too deeply$"),
    ],
)
def test_what_holds_no_such_object_is_unreadable_for_a_reason(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        object_with("q", text)


NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=("Cs", "Cc"))).map(str.strip),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(NAMES, VALUES, max_size=3), st.sampled_from([None, 1]), st.booleans())
def test_json_without_faults_is_read_as_it_stands(fields: dict[str, Any], indent: int | None, ascii_: bool) -> None:
    assert object_with("q", json.dumps(fields | {"q": 1}, indent=indent, ensure_ascii=ascii_)) == fields | {"q": 1}


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    for written in (text, "{" + text, '{"q": "' + text + '"}'):
        with suppress(Unreadable):
            assert "q" in object_with("q", written)

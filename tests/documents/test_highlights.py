"""Highlighted program text: no character is lost, and the number of lines stays."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from documents.render.highlights import lines

LANGUAGES = st.sampled_from(["python", "js", "bash", "json", "diff", "c++", "html", "sql", "yaml", "", "klingon", "\0"])


@settings(deadline=None)
@given(st.text(alphabet="ab =+-'\"#(){}\n<>/\\", max_size=80), LANGUAGES)
def test_every_line_is_there_with_all_its_text(code: str, language: str) -> None:
    read = ["".join(text for _, text in line) for line in lines(code, language)]
    assert read == code.removesuffix("\n").split("\n")


@pytest.mark.parametrize(
    ("language", "code", "ink"),
    [
        ("python", "return", "keyword"),
        ("python", "# why", "comment"),
        ("js", "'text'", "string"),
        ("json", "12.5", "number"),
        ("diff", "+ new", "inserted"),
        ("diff", "- old", "deleted"),
        ("klingon", "Qapla'", "plain"),
    ],
)
def test_parts_of_a_program_are_told_apart(language: str, code: str, ink: str) -> None:
    assert list(lines(code, language)) == [[(ink, code)]]


def test_what_began_on_an_earlier_line_goes_on_in_its_colour() -> None:
    assert [line[0] for line in lines('"""one\ntwo"""', "python")] == [("string", '"""one'), ("string", 'two"""')]

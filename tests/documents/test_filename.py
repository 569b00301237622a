"""The download's file name in its header."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from documents.filename import LONGEST, clean, content_disposition

WELL_FORMED = re.compile(r"""attachment; filename="[ !#$&-~]+"(; filename\*=UTF-8''[\w!#$&+\-.^`|~%]+)?""", re.ASCII)


def test_the_documented_example_is_the_documented_header() -> None:
    assert content_disposition("ml-intro.pdf") == 'attachment; filename="ml-intro.pdf"'


@pytest.mark.parametrize("nothing", [None, "", "   ", "...", ".pdf", "/", "a/b/", "\r\n", "\u202e", "\ud800"])
def test_without_a_name_the_download_is_called_document(nothing: str | None) -> None:
    assert content_disposition(nothing) == 'attachment; filename="document.pdf"'


@pytest.mark.parametrize(
    ("asked", "given_"),
    [
        ("report", "report.pdf"),
        ("report.PDF", "report.pdf"),
        ("report.docx", "report.docx.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\Windows\\win.ini", "win.ini.pdf"),
        ('a"b.pdf', "a_b.pdf"),
        ("a\r\nSet-Cookie: x=1", "a  Set-Cookie_ x=1.pdf"),
        ("tab\tand\u2028line", "tab and line.pdf"),
        ("innocent\u202efdp.exe", "innocentfdp.exe.pdf"),
        ("CON.pdf", "_CON.pdf"),
        ("lpt1.x.pdf", "_lpt1.x.pdf"),
        ("console.pdf", "console.pdf"),
        ("e\u0301.pdf", "\u00e9.pdf"),
        (" .hidden. ", "hidden.pdf"),
    ],
)
def test_a_name_is_cleaned_of_what_a_path_a_header_or_a_file_system_would_make_of_it(asked: str, given_: str) -> None:
    assert clean(asked) == given_


def test_a_name_beyond_ascii_is_given_twice_once_for_clients_that_know_no_better() -> None:
    header = content_disposition("Übersicht für 統計 100%.pdf")
    plain, extended = header.removeprefix("attachment; ").split("; ")
    assert plain == 'filename="Ubersicht fur __ 100_.pdf"'
    assert extended == "filename*=UTF-8''%C3%9Cbersicht%20f%C3%BCr%20%E7%B5%B1%E8%A8%88%20100%25.pdf"


@settings(deadline=None)
@given(st.one_of(st.text(), st.text(alphabet="\"\\/\r\n;%'*=ä文 .")))
def test_any_name_makes_a_header_that_says_it_and_nothing_else(asked: str) -> None:
    header = content_disposition(asked)
    assert re.fullmatch(
        r'attachment; filename="[ !#$&-~]+"(; filename\*=UTF-8\'\'[\w!#$&+\-.^`|~%]+)?', header, re.ASCII
    )
    assert _read(header) == clean(asked)


@settings(deadline=None)
@given(st.text())
def test_any_name_ends_in_pdf_once_and_fits_into_a_file_system(asked: str) -> None:
    name = clean(asked)
    assert name.endswith(".pdf")
    assert len(name.encode()) <= LONGEST + len("_.pdf")
    assert clean(name) == name


def _read(header: str) -> str:
    """As RFC 6266 has it read: `filename*` if it is there, else `filename`."""
    _, plain, *extended = header.split("; ")
    if extended:
        return unquote(extended[0].removeprefix("filename*=UTF-8''"), errors="strict")
    return plain.removeprefix('filename="').removesuffix('"')

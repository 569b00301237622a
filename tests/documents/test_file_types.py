"""The type of an uploaded file, by its first bytes and its name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.file_types import HEAD_BYTES, FileType, UnsupportedFile, file_type
from tests.documents.files import archive, docx, paragraph, pdf

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.pdf", pdf(["x"]), FileType.PDF),
        ("a.PDF", b"\xef\xbb\xbf junk before " + pdf(["x"]), FileType.PDF),
        ("a.docx", docx(paragraph("x")), FileType.DOCX),
        ("a.txt", b"words", FileType.TXT),
        ("../../etc/a.b.text ", b"words", FileType.TXT),
        ("C:\\files\\a.md", b"# words", FileType.MD),
        ("a.markdown", b"words", FileType.MD),
        ("a.html", b"<p>words", FileType.HTML),
        ("a.htm", b"words without a tag", FileType.HTML),
        ("a.csv", b"a;b\r\n1;2\r\n", FileType.CSV),
        ("a.txt", "Größe".encode("cp1252"), FileType.TXT),
        ("a.txt", b"with a NUL \x00 or two \x00", FileType.TXT),
        ("a.txt", b"pages\fand \x1b[1mcolours\x1b[0m", FileType.TXT),
        ("a.csv", "a,b".encode("utf-16"), FileType.CSV),
        ("a.txt", "日本語".encode("cp932") * 20, FileType.TXT),
        ("a.txt", "ж".encode() * 2047 + b"x" + "ж".encode(), FileType.TXT),
    ],
)
def test_the_type_is_the_one_that_name_and_content_agree_on(name: str, content: bytes, found: FileType) -> None:
    assert file_type(content, name) is found
    assert file_type(content[:HEAD_BYTES], name) is found


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"", "the file is empty"),
        ("a", b"words", "does not end in .pdf, .docx, .txt, .md, .html or .csv"),
        (".md", b"words", "does not end in"),
        ("a.txt.exe", b"words", "does not end in"),
        ("a.doc", b"\xd0\xcf\x11\xe0", "does not end in"),
        ("a.pdf", b"words", r"not of the type its name says \(pdf\)"),
        ("a.pdf", b" " * 1_024 + b"%PDF-1.7", "not of the type"),
        ("a.docx", pdf(["x"]), r"not of the type its name says \(docx\)"),
        ("a.docx", archive({"photo.png": PNG}), "not of the type"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "not of the type"),
        ("a.txt", pdf(["x"]), "not of the type"),
        ("a.md", docx(paragraph("x")), "not of the type"),
        ("a.csv", PNG, "not of the type"),
        ("a.html", b"\x1f\x8b\x08", "not of the type"),
        ("a.txt", b"{\\rtf1 words}", "not of the type"),
        ("a.txt", bytes(range(256)) * 4, "not of the type"),
        ("a.txt", "words".encode("utf-16-le") * 10, "not of the type"),
    ],
)
def test_anything_else_is_refused_with_a_sentence(name: str, content: bytes, reason: str) -> None:
    with pytest.raises(UnsupportedFile, match=reason):
        file_type(content, name)


@given(st.text(min_size=1, max_size=200).filter(lambda text: text.isprintable()))
def test_printable_text_is_text(text: str) -> None:
    assert file_type(b"x" + text.encode(), "a.txt") is FileType.TXT


@given(st.binary(), st.text(max_size=20))
def test_any_bytes_and_any_name_have_a_type_or_a_reason(content: bytes, name: str) -> None:
    try:
        outcome: str = file_type(content, name)
    except UnsupportedFile as refusal:
        outcome = str(refusal)
    assert outcome

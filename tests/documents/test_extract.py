"""The text of files of each type, extracted within this process."""

from __future__ import annotations

import pytest

from documents.extract.encoding import decoded
from documents.extract.html_text import html_text
from documents.extract.normalization import cleaned
from documents.extract.reader import extract
from documents.extract.request import Extracted, ExtractionLimits, ExtractionRequest, Failure, Unextractable
from documents.file_types import FileType
from tests.documents.files import RELATIONS, WORD, docx, one_page, paragraph, pdf, stream

FRENCH = "Où est le café ? Le garçon a mangé des crêpes à la crème, déjà."


def extracted(content: bytes | str, name: str, limits: ExtractionLimits | None = None) -> Extracted:
    body = content.encode() if isinstance(content, str) else content
    return extract(ExtractionRequest(body, name, 100, 20), limits or ExtractionLimits())


def text_of(content: bytes | str, name: str) -> str:
    return extracted(content, name).text


def failure_of(content: bytes | str, name: str, limits: ExtractionLimits | None = None) -> Failure:
    with pytest.raises(Unextractable) as refusal:
        extracted(content, name, limits)
    assert str(refusal.value)
    return refusal.value.code


def test_each_page_of_a_pdf_has_its_span() -> None:
    found = extracted(pdf(["First page", "", "Third page"]), "a.pdf")
    assert found.file_type is FileType.PDF
    assert found.text == "First page\n\nThird page"
    assert [found.text[page.start : page.end] for page in found.pages] == ["First page", "", "Third page"]


def test_lines_of_a_pdf_are_lines() -> None:
    contents = b"BT /F1 12 Tf 14 TL 72 700 Td (One) Tj T* (Two) Tj T* (Three) Tj ET"
    assert text_of(one_page(stream(contents)), "a.pdf") == "One\nTwo\nThree"


def test_a_word_divided_at_the_end_of_a_line_is_one_word() -> None:
    contents = b"BT /F1 12 Tf 14 TL 72 700 Td (An extra-) Tj T* (ordinary day) Tj ET"
    assert text_of(one_page(stream(contents)), "a.pdf") == "An extraordinary day"


def test_pages_beyond_the_most_are_too_many() -> None:
    assert failure_of(pdf(["x"] * 4), "a.pdf", ExtractionLimits(pages=3)) is Failure.TOO_MANY_PAGES


def test_the_text_of_a_pdf_is_bounded() -> None:
    assert failure_of(pdf(["word"] * 4), "a.pdf", ExtractionLimits(text_bytes=15)) is Failure.TOO_LONG


def test_paragraphs_tables_and_breaks_of_a_word_document_are_kept() -> None:
    table = (
        f"<w:tbl><w:tr><w:tc>{paragraph('a')}{paragraph('b')}</w:tc><w:tc>{paragraph('c')}</w:tc></w:tr>"
        f"<w:tr><w:tc>{paragraph('d')}</w:tc></w:tr></w:tbl>"
    )
    words = "<w:p><w:r><w:t>one</w:t><w:tab/><w:t>two</w:t><w:br/><w:t>three</w:t><w:noBreakHyphen/></w:r></w:p>"
    found = text_of(docx(paragraph("Title") + words + table + paragraph("end")), "a.docx")
    assert found == "Title\n\none\ttwo\nthree\u2011\n\na b\tc\nd\n\nend"


def test_deleted_moved_and_repeated_words_of_a_word_document_are_left_out() -> None:
    compatible = "http://schemas.openxmlformats.org/markup-compatibility/2006"
    body = (
        f"<w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p><w:moveFrom>{paragraph('moved')}</w:moveFrom>"
        f'<m:AlternateContent xmlns:m="{compatible}"><m:Choice>{paragraph("box")}</m:Choice>'
        f"<m:Fallback>{paragraph('box')}</m:Fallback></m:AlternateContent>"
        "<w:p><w:r><w:instrText>PAGE</w:instrText></w:r></w:p>"
    )
    assert text_of(docx(body), "a.docx") == "box"


def test_notes_of_a_word_document_are_read() -> None:
    notes = f'<w:footnotes xmlns:w="{WORD}"><w:footnote>{paragraph("a note")}</w:footnote></w:footnotes>'
    assert text_of(docx(paragraph("text"), {"word/footnotes.xml": notes}), "a.docx") == "text\n\na note"


def test_the_document_is_the_part_that_the_archive_names() -> None:
    elsewhere = RELATIONS.replace("word/document.xml", "/word/main.xml")
    main = f'<w:document xmlns:w="{WORD}">{paragraph("main")}</w:document>'
    parts = {"_rels/.rels": elsewhere, "word/main.xml": main}
    assert text_of(docx(paragraph("another"), parts), "a.docx") == "main"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<title>T</title><h1>One</h1><p>two <b>three</b>,\n four<p>five", "T\n\nOne\n\ntwo three, four\n\nfive"),
        ("a<br>b<br>c", "a\nb\nc"),
        ("<ul><li>a</li><li>b<li>c</ul>d", "a\nb\nc\n\nd"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><th>c</table>", "a\tb\nc"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("a<script>b</script><style>c</style><!-- d --><span hidden>e</span>f", "af"),
        ("&lt;b&gt; &amp; &#8364; &nbsp;x", "<b> & € \xa0x"),
        ("<svg><text>a</text></svg><p>b</p>", "b"),
        ("<p>a</p></p></div>b", "a\n\nb"),
    ],
)
def test_a_page_is_what_its_reader_sees(html: str, text: str) -> None:
    assert html_text(html, 500) == text
    assert text_of(html, "a.html") == text


def test_elements_may_be_nested_so_deep_and_no_deeper() -> None:
    assert text_of("<div>" * 500 + "x", "a.html") == "x"
    assert text_of("<div>x</div>" * 600 + "<p><li>" * 600, "a.html").startswith("x")
    assert failure_of("<div>" * 501 + "x", "a.html") is Failure.TOO_DEEP


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.csv"])
def test_a_text_is_given_back_as_it_is(name: str) -> None:
    text = '# Title\n\n"a";"b"\n  indented\tline \n\n\n* x\n'
    assert text_of(text, name) == text


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        (FRENCH, "utf-8"),
        (FRENCH, "utf-8-sig"),
        (FRENCH, "utf-16"),
        (f"\ufeff{FRENCH}", "utf-16-be"),
        (FRENCH, "cp1252"),
        ("Grüße aus München", "cp1252"),
        ("It’s a “nice” day – isn’t it?", "cp1252"),
        ("Zażółć gęślą jaźń, proszę bardzo.", "cp1250"),
        ("Günaydın, nasılsınız? İyi şanslar dilerim.", "cp1254"),  # noqa: RUF001 - a letter
        ("Привет, как дела? Сегодня хорошая погода.", "cp1251"),
        ("Привет, как дела? Сегодня хорошая погода.", "koi8-r"),
        ("Καλημέρα, τι κάνετε σήμερα;", "cp1253"),
        ("これは日本語の文章です。今日は天気がいいですね。", "cp932"),
        ("今天天气很好，我们去公园玩吧。", "gb18030"),  # noqa: RUF001 - of its script
        ("안녕하세요. 오늘 날씨가 좋네요.", "cp949"),
    ],
)
def test_the_encoding_is_found(text: str, codec: str) -> None:
    assert text_of(text.encode(codec), "a.txt") == text.removeprefix("\ufeff")


def test_a_page_is_read_in_the_encoding_that_it_declares() -> None:
    page = '<meta charset="iso-8859-2"><p>Zażółć'
    assert decoded(page.encode("iso-8859-2"), html=True) == page


def test_bytes_that_are_no_text_in_any_encoding_are_replaced() -> None:
    assert decoded(b"a\x81\x8d\x8f\x90\xff" + bytes(range(128, 256)), html=False).startswith("a")


def test_what_no_database_keeps_is_dropped() -> None:
    assert cleaned("\ufeffa\0b\ud800c\udfff\r\nd\re") == "abc\nd\ne"


def test_white_space_is_bounded() -> None:
    assert cleaned("a" + " " * 1_000 + "b" + "\n" * 1_000) == "a" + " " * 200 + "b" + "\n" * 20


@pytest.mark.parametrize(
    ("content", "name", "failure"),
    [
        ("", "a.txt", Failure.EMPTY),
        (" \n \0 ", "a.txt", Failure.EMPTY),
        ("<script>x</script>", "a.html", Failure.EMPTY),
        (pdf([""]), "a.pdf", Failure.NO_TEXT),
        (docx(""), "a.docx", Failure.EMPTY),
        ("words", "a.pdf", Failure.UNSUPPORTED),
        ("words", "a.xls", Failure.UNSUPPORTED),
    ],
)
def test_a_file_without_text_says_why(content: bytes | str, name: str, failure: Failure) -> None:
    assert failure_of(content, name) is failure


def test_text_of_the_greatest_length_is_read_and_a_byte_more_is_not() -> None:
    limits = ExtractionLimits(text_bytes=10)
    assert extracted("ä" * 5, "a.txt", limits).text == "ä" * 5
    assert failure_of("ä" * 5 + "x", "a.txt", limits) is Failure.TOO_LONG


def test_a_text_with_too_many_chunks_is_refused() -> None:
    assert failure_of("word " * 100, "a.txt", ExtractionLimits(chunks=2)) is Failure.TOO_MANY_CHUNKS

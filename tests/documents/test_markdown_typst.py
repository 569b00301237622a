"""The Typst source: untrusted text appears only inside string literals, between words of our own."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from documents.errors import DocumentTooLarge
from documents.render.markdown import MOST_TOKENS
from documents.render.markdown_typst import DEEPEST, linkable, to_typst
from documents.render.request import Options

FRAGMENTS = [
    *("# ", "## ", "- ", "1. ", "> ", "    ", "\n", "\n\n", "| a | b |\n|---|:-:|\n| 1 | 2 |\n", "- [x] ", "---\n"),
    *("*", "**", "***", "_", "~~", "`", "``", "```", "```python\n", "```math\n", "$", "$$", "\\(", "\\)", "\\[", "\\]"),
    *("[^1]", "[^1]: ", "^[", "]", "[", "](#a)", "](javascript:x)", "](http://x.y)", "![", "<http://a.b>", "term\n: "),
    *(
        '#read("/etc/passwd")',
        '";#read("x");"',
        '"',
        "\\",
        "#",
        "#let x = 1",
        "*/",
        "/*",
        "//",
        "@a",
        "<h0>",
        "<script>",
    ),
    *(
        "\\frac{a}{b}",
        "\\begin{align}",
        "\\end{align}",
        "{",
        "}",
        "&",
        "\\\\",
        "\\ce{x}",
        "\0",
        "\u202e",
        "&#0;",
        "שלום ",
        "word ",
    ),
]
MARKDOWN = st.one_of(st.text(max_size=300), st.lists(st.sampled_from(FRAGMENTS), max_size=60).map("".join))
OUR_TEMPLATE = to_typst("", Options()).text

LITERAL = re.compile(r'"(?:\\.|[^"\\])*"', re.DOTALL)
OUR_WORDS = re.compile(
    r"(?:[#;:,()\[\] \n]|[1-9]?[0-9]+|<[hn][0-9]+>|columns|align|start|left|right|center|tight|marker|numbering|repeat"
    r"|level|true|false|none|emph|strong|strike|heading|list|enum|link|label|footnote|linebreak|box|table\.header"
    r"|turnable|fits|measures|words|formulas|longest|sub|super|tabular|quotation|term|definition|rule|code|line-of-code|ink|mono|formula|picture|checkbox|tongue)*"
)


@settings(deadline=None)
@given(MARKDOWN)
def test_whatever_is_written_all_that_stands_outside_of_string_literals_are_our_own_calls(markdown: str) -> None:
    body = to_typst(markdown, Options()).text.removeprefix(OUR_TEMPLATE)
    assert OUR_WORDS.fullmatch(LITERAL.sub("", body))


@settings(deadline=None)
@given(MARKDOWN, st.text(), st.text())
def test_title_and_author_reach_typst_as_values_and_never_as_source(markdown: str, title: str, author: str) -> None:
    source = to_typst(markdown, Options(title, author))
    assert source.text == to_typst(markdown, Options()).text


@pytest.mark.parametrize("mark", ["> ", "- ", "1. "])
def test_what_lies_deeper_than_may_be_is_refused_and_not_cut_off(mark: str) -> None:
    to_typst(mark * DEEPEST + "x", Options())
    for depth in (DEEPEST + 1, 300):
        with pytest.raises(DocumentTooLarge, match="lists, quotations or footnotes lie more than 16 deep"):
            to_typst(mark * depth + "x", Options())


def test_a_document_of_too_many_parts_is_refused() -> None:
    with pytest.raises(DocumentTooLarge, match="too many parts"):
        to_typst("a\n\n" * (MOST_TOKENS // 4 + 1), Options())


@pytest.mark.parametrize("address", ["http://a.b", "HTTPS://a.b/c?d#e", "mailto:a@b.c", "tel:+123"])
def test_the_web_mail_and_telephone_can_be_linked_to(address: str) -> None:
    assert linkable(address)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "",
            "javascript:alert(1)",
            "JAVASCRIPT:x",
            "data:text/html,x",
            "file:///etc/passwd",
            "vbscript:x",
            "launch:x",
        ),
        *("//a.b", "a.md", "http://" + "a" * 2001, "http://a\nb"),
    ],
)
def test_nothing_else_can_be_linked_to(address: str) -> None:
    assert not linkable(address)

"""The tokens of HTML."""

from __future__ import annotations

import pytest

from documents.html.tokens import EndTag, StartTag, Text, tokens


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("a<b c='>' d=\"1&amp;2\" e f=g>h</B >", [Text("a"), StartTag("b", {"c": ">", "d": "1&2", "e": "", "f": "g"})]),
        ("<a b='", [StartTag("a", {"b": ""})]),
        ("<a b=1 b=2 =>", [StartTag("a", {"b": "1"})]),
        ("</>x", [Text("x")]),
        ("<!-->x", [Text("x")]),
        ("<!-- <p> -", []),
        ("<title><b></title ><i>", [StartTag("title"), Text("<b>"), EndTag("title"), StartTag("i")]),
        ("<script>'</scripts>'", [StartTag("script"), Text("'</scripts>'")]),
    ],
)
def test_html_has_tokens_whatever_it_is(html: str, found: list[Text | StartTag | EndTag]) -> None:
    assert list(tokens(html))[: len(found)] == found

"""Markdown and plain text read into blocks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.document_draft import DocumentTooLarge
from connectors.markdown_blocks import MOST_MARKDOWN, is_markdown, read_markdown, read_plain
from domain.calls.document import BlockKind, Span

HEADING, PARAGRAPH, ITEM = BlockKind.HEADING, BlockKind.PARAGRAPH, BlockKind.ITEM
QUOTE, CODE, ROW = BlockKind.QUOTE, BlockKind.CODE, BlockKind.ROW


def shapes(text: str) -> list[tuple[BlockKind, int, str]]:
    return [(block.kind, block.level, block.text) for block in read_markdown(text).document().blocks]


def test_every_kind_of_block_is_read() -> None:
    text = """\
# One

Two
=
1. three
   - four

     five
2. six

> seven

```py
 eight <!-- x -->
```

    nine

| a | b |
|---|---|
| c | d |

---
"""
    assert shapes(text.replace("<!-- x -->", "")) == [
        (HEADING, 1, "One"),
        (HEADING, 1, "Two"),
        (ITEM, 1, "three"),
        (ITEM, 2, "four"),
        (PARAGRAPH, 0, "five"),
        (ITEM, 1, "six"),
        (QUOTE, 0, "seven"),
        (CODE, 0, " eight"),
        (CODE, 0, "nine"),
        (ROW, 0, "a\tb\t"),
        (ROW, 0, "c\td\t"),
    ]


def test_items_know_whether_their_list_is_ordered() -> None:
    blocks = read_markdown("1. a\n   - b\n2. c\n\n* d").document().blocks
    assert [block.ordered for block in blocks] == [True, False, True, False]


def test_styles_and_links_are_spans() -> None:
    text = "a **b *c*** [d](x) [e](javascript:x) <https://f.g> `**h**` ![i](j.png)"
    [block] = read_markdown(text, "https://example.com/y/").document().blocks
    assert [span for span in block.spans if span.text.strip()] == [
        Span(text="a "),
        Span(text="b ", bold=True),
        Span(text="c", bold=True, italic=True),
        Span(text="d", link="https://example.com/y/x"),
        Span(text=" [e](javascript:x) "),
        Span(text="https://f.g", link="https://f.g"),
        Span(text=" **h**"),
    ]


def test_lines_are_joined_unless_they_stand_for_themselves() -> None:
    assert shapes("one\ntwo\\\nthree\nTags: a, b\n#c #d") == [(PARAGRAPH, 0, "one two\nthree\nTags: a, b\n#c #d")]


def test_tags_of_html_are_left_out_and_code_is_not() -> None:
    assert shapes('a <b>b</b><br>c <img src="d"> `<e>` 1 < 2 <!-- f --> g\n\n<div>\nh\n</div>') == [
        (PARAGRAPH, 0, "a b\nc <e> 1 < 2 g"),
        (PARAGRAPH, 0, "h"),
    ]


def test_front_matter_gives_title_change_and_tags() -> None:
    draft = read_markdown('---\ntitle: "The news"\ndate: 2026-05-04\nupdated: 2026-05-05\ntags: [a, b]\n---\ntext')
    document = draft.document()
    assert (document.title, document.modified_at) == ("The news", datetime(2026, 5, 5, tzinfo=UTC))
    assert [block.text for block in document.blocks] == ["Tags: a, b", "text"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# a", True),
        ("a\n## b", True),
        ("---\na: b\n---\n", True),
        ("x\n```\ny", True),
        ("#a", False),
        ("a - b", False),
    ],
)
def test_marks_tell_markdown_from_plain_text(text: str, expected: bool) -> None:
    assert is_markdown(text) is expected


def test_plain_text_is_paragraphs_as_it_stands() -> None:
    blocks = read_plain("# a\r\n*b*  c\r\n \r\n\r\nd").document().blocks
    assert [(block.kind, block.text) for block in blocks] == [(PARAGRAPH, "# a\n*b* c"), (PARAGRAPH, "d")]


@pytest.mark.parametrize("piece", ["[", "![", "*a_ ", "`", "<a ", "> ", "- ", "a\n", "|a", "[a](b", "&", "\\", "~~a "])
@pytest.mark.timeout(60)
def test_marks_that_mean_nothing_are_read_in_time(piece: str) -> None:
    read_markdown(piece * (20_000 // len(piece)))


def test_more_markdown_than_a_document_has_is_not_parsed() -> None:
    with pytest.raises(DocumentTooLarge):
        read_markdown("[" * (MOST_MARKDOWN + 1))
    with pytest.raises(DocumentTooLarge):
        read_plain("a" * (MOST_MARKDOWN + 1))

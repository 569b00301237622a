"""HTML read into blocks, as its authors mean it and as nobody means it."""

from __future__ import annotations

from datetime import datetime

import pytest

from connectors.document_draft import DocumentDraft, DocumentTooLarge
from connectors.html_blocks import MOST_CELLS, MOST_RUNS, MOST_TOKENS, read_html
from domain.calls.document import Block, BlockKind, Document, Span

HEADING, PARAGRAPH, ITEM = BlockKind.HEADING, BlockKind.PARAGRAPH, BlockKind.ITEM
QUOTE, CODE, ROW = BlockKind.QUOTE, BlockKind.CODE, BlockKind.ROW


def read(html: str) -> Document:
    return read_html(html, "https://example.com/news/").document()


def shapes(html: str) -> list[tuple[BlockKind, int, str]]:
    return [(block.kind, block.level, block.text) for block in read(html).blocks]


def test_headings_and_paragraphs_are_blocks() -> None:
    assert shapes("<h1>One</h1>loose<h3>Two <em>more</em></h3><p>Text<p>and text<div>boxed</div>end") == [
        (HEADING, 1, "One"),
        (PARAGRAPH, 0, "loose"),
        (HEADING, 3, "Two more"),
        (PARAGRAPH, 0, "Text"),
        (PARAGRAPH, 0, "and text"),
        (PARAGRAPH, 0, "boxed"),
        (PARAGRAPH, 0, "end"),
    ]


def test_styles_and_links_are_spans() -> None:
    [block] = read('<p>a <b>b <i>c</i></b> <a href="/x?y=1&amp;z=2">d</a><a href="mailto:a@b.c">e</a></p>').blocks
    assert block.spans == (
        Span(text="a "),
        Span(text="b ", bold=True),
        Span(text="c", bold=True, italic=True),
        Span(text=" "),
        Span(text="d", link="https://example.com/x?y=1&z=2"),
        Span(text="e", link="mailto:a@b.c"),
    )


@pytest.mark.parametrize(
    "href",
    ["javascript:alert(1)", " java\nscript:alert(1)", "data:text/html,x", "#", "vbscript:x", "http://", "mailto:"],
)
def test_a_link_that_leads_nowhere_is_text(href: str) -> None:
    [block] = read(f'<a href="{href}">shown</a>').blocks
    assert block.text == "shown"
    assert all(span.link is None or span.link.startswith("https://example.com/") for span in block.spans)
    assert "script" not in str(block.spans[0].link)


def test_lists_have_depth_and_order() -> None:
    html = "<ul><li>one<ol><li><p>two</p><p>more</p><li>three</ol><li>four</ul>after"
    blocks = read(html).blocks
    assert [(block.kind, block.level, block.ordered, block.text) for block in blocks] == [
        (ITEM, 1, False, "one"),
        (ITEM, 2, True, "two"),
        (PARAGRAPH, 0, False, "more"),
        (ITEM, 2, True, "three"),
        (ITEM, 1, False, "four"),
        (PARAGRAPH, 0, False, "after"),
    ]


def test_tables_are_rows_whose_cells_end_in_a_tab() -> None:
    html = "<table><caption>Plan<tr><th>A<th>B<tr><td>1<td><p>2</p><p>3</p><tr><td></td><td>x</table>"
    assert shapes(html) == [(PARAGRAPH, 0, "Plan"), (ROW, 0, "A\tB\t"), (ROW, 0, "1\t2 3\t"), (ROW, 0, "\tx\t")]


def test_a_table_that_lays_out_the_page_is_its_content() -> None:
    html = "<table><tr><td><h2>Head</h2><p>Text</p></td><td><ul><li>Item</ul></table>"
    assert shapes(html) == [(HEADING, 2, "Head"), (PARAGRAPH, 0, "Text"), (ITEM, 1, "Item")]


def test_quotes_and_code_are_kinds_of_blocks() -> None:
    assert shapes("<blockquote><p>said</p></blockquote>free<pre>\n  a\n   <b>b</b>\n</pre>") == [
        (QUOTE, 0, "said"),
        (PARAGRAPH, 0, "free"),
        (CODE, 0, "  a\n   b"),
    ]


def test_a_line_break_is_kept_and_other_white_space_is_one_space() -> None:
    assert shapes("<p> a\n  b <br> Tags: c\u00a0 d </p>") == [(PARAGRAPH, 0, "a b\nTags: c d")]


def test_only_the_main_part_is_read_where_there_is_one() -> None:
    html = "<header>Site</header><nav>Menu</nav><main><h1>A</h1>b</main><aside>c</aside><footer>d</footer>"
    assert shapes(html) == [(HEADING, 1, "A"), (PARAGRAPH, 0, "b")]
    assert shapes("x<article>one<footer>by Ada</footer></article>y<article>two</article>z") == [
        (PARAGRAPH, 0, "one"),
        (PARAGRAPH, 0, "by Ada"),
        (PARAGRAPH, 0, "two"),
    ]
    assert shapes("a<nav>b</nav>c<footer>d</footer>") == [(PARAGRAPH, 0, "a"), (PARAGRAPH, 0, "c")]
    assert shapes("text<main><img></main>") == [(PARAGRAPH, 0, "text")]


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>if (a < b) { '</p>' }</script>",
        "<style>p { }</style>",
        "<template><p>x</p></template>",
        "<noscript>x</noscript>",
        '<div style="display: none">x<div>y</div>z</div>',
        "<span hidden>x</span>",
        '<a aria-hidden="true" href="/x">x</a>',
        "<svg><title>x</title><text>y</text></svg>",
        "<!-- x --><!DOCTYPE x><?x ?></ x>",
    ],
)
def test_what_is_not_shown_is_left_out(hidden: str) -> None:
    assert shapes(f"<p>a{hidden}b</p>") == [(PARAGRAPH, 0, "ab")]


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("<title> One &amp; <b>two </title>", "One & <b>two"),
        ('<title>Site</title><meta property="og:title" content="Own &quot;title&quot;">', 'Own "title"'),
        ("<svg><title>Icon</title></svg><title>Page</title>", "Page"),
        ("", ""),
    ],
)
def test_the_title_is_what_the_page_says_it_is(head: str, title: str) -> None:
    assert read(f"<head>{head}</head><p>x").title == title


@pytest.mark.parametrize(
    ("said", "modified"),
    [
        ('<meta property="article:modified_time" content="2026-10-01T12:00:00+02:00">', "2026-10-01T10:00:00+00:00"),
        ('<meta itemprop="dateModified" content="2026-10-01">', "2026-10-01T00:00:00+00:00"),
        ('<time itemprop="dateModified" datetime="2026-10-01T01:02:03Z">', "2026-10-01T01:02:03+00:00"),
        (
            '<meta property="article:published_time" content="2026-09-01">'
            '<meta http-equiv="last-modified" content="Thu, 01 Oct 2026 07:28:00 GMT">',
            "2026-10-01T07:28:00+00:00",
        ),
        ('<meta property="article:modified_time" content="yesterday">', None),
        ("", None),
    ],
)
def test_the_last_change_is_what_the_page_says_it_is(said: str, modified: str | None) -> None:
    assert read(f"{said}<p>x").modified_at == (modified and datetime.fromisoformat(modified))


def test_a_date_that_is_shown_without_its_year_is_written_out() -> None:
    html = '<p>On <time datetime="2026-11-02T10:00">Monday</time>, not <time datetime="2025-01-01">1/1/2025</time>'
    assert shapes(html) == [(PARAGRAPH, 0, "On Monday (2026-11-02), not 1/1/2025")]


def test_a_date_outside_the_main_part_is_left_out() -> None:
    html = '<time datetime="2026-11-02">Monday</time><main>a</main><time datetime="2026-11-02">Monday</time>'
    assert shapes(html) == [(PARAGRAPH, 0, "a")]


def test_the_base_of_the_page_is_that_of_its_links() -> None:
    [block] = read('<base href="//cdn.example/b/"><a href="c">d</a>').blocks
    assert block.spans[0].link == "https://cdn.example/b/c"


def test_text_without_a_meaning_in_html_is_text() -> None:
    assert shapes("1 < 2 & 3 > 2 &lt;b&gt; &#x41;&unknown; &#99999999999; </") == [
        (PARAGRAPH, 0, "1 < 2 & 3 > 2 <b> A&unknown; \ufffd </")
    ]


def test_characters_that_cannot_be_stored_are_left_out() -> None:
    assert shapes("<p>a\0b\ud800c\x07d&shy;e\ufeff&#0;") == [(PARAGRAPH, 0, "abcde\ufffd")]


PIECES = ["<", "<a", '<a "', "<a b='", "<!--", "</", "<p>x", "<b>x", "<td>", "<td>x", "<li>", "<ul>", "<pre>", "&"]
PIECES += [
    "&#",
    "<script>",
    "<title>",
    "<div hidden>",
    "<svg>",
    "<time datetime=2026-01-01>x<b>",
    "<x/>",
    "</>",
    "<a =''",
    "<main>",
    "\0",
    "<br>",
]


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.timeout(60)
def test_much_of_anything_is_read_in_time(piece: str) -> None:
    try:
        draft = read_html(piece * (100_000 // len(piece)))
    except DocumentTooLarge:
        return
    assert isinstance(draft, DocumentDraft)


@pytest.mark.parametrize(
    ("piece", "count"),
    [("<x>", MOST_TOKENS + 1), ("<td>", MOST_CELLS + 1), ("<p>x", 30_000), ("x<b>", MOST_RUNS + 1)],
)
def test_what_is_no_document_any_more_is_too_large(piece: str, count: int) -> None:
    with pytest.raises(DocumentTooLarge):
        read_html(piece * count)


def test_open_styles_are_not_repeated_in_every_paragraph() -> None:
    html = "<p>" + "".join(f"<b a={number}>" for number in range(1_000)) + "</p>" + "<p>x" * 1_000
    assert read(html).blocks[-1] == Block(kind=PARAGRAPH, spans=(Span(text="x", bold=True),))

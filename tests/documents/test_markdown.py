"""Markdown read: what binds more tightly than what, what is normalised first, and which HTML is set."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from documents.errors import DocumentError, DocumentTooLarge
from documents.render.markdown_typst import to_typst
from documents.render.renderer import Renderer
from documents.render.request import Options
from tests.documents.conftest import Render
from tests.documents.documents import request
from tests.documents.reading import Letter, bookmarks_of, text_of

INLINE = st.recursive(
    st.sampled_from(
        [
            *(
                "word",
                "two words",
                "שלום",
                "مرحبا",
                "`code`",
                "`` a ` b ``",
                "$x^2$",
                "\\(y\\)",
                "$$z$$",
                "[^1]",
                "[^2]",
                "<br>",
            ),
            *(
                "<sub>",
                "</sub>",
                "<sup>",
                "</sup>",
                "**",
                "*",
                "~~",
                "$",
                "\\[",
                "\n",
                "![i](http://a.b)",
                "✅",
                "a|b",
                "\\",
            ),
        ]
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map(" ".join),
        inner.map("**{}**".format),
        inner.map("*{}*".format),
        inner.map("[{}](#a)".format),
        inner.map("[{}](javascript:x)".format),
        inner.map("<sub>{}</sub>".format),
        inner.map("^[{}]".format),
    ),
    max_leaves=8,
)


def indented(text: str, first: str, rest: str) -> str:
    return first + text.replace("\n", f"\n{rest}")


BLOCK = st.recursive(
    st.one_of(
        INLINE,
        INLINE.map("# {}".format),
        INLINE.map("```py\n{}\n```".format),
        INLINE.map("    {}".format),
        st.just("---"),
        INLINE.map("$$\n{}\n$$".format),
        st.just("\\begin{align}x&=1\\end{align}"),
        st.lists(INLINE.map(lambda text: text.replace("\n", " ")), min_size=1, max_size=3).map(
            lambda cells: f"| {' | '.join(cells)} |\n|{'---|' * len(cells)}\n| {' | '.join(cells)} |"
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("\n\n".join),
        inner.map(lambda text: indented(text, "> ", "> ")),
        inner.map(lambda text: indented(text, "- ", "  ")),
        inner.map(lambda text: indented(text, "- [x] ", "  ")),
        inner.map(lambda text: indented(text, "7. ", "   ")),
        inner.map(lambda text: "term\n" + indented(text, ": ", "  ")),
        inner.map(lambda text: indented(text, "[^1]: ", "    ")),
        inner.map(lambda text: "a[^2]\n\n" + indented(text, "[^2]: ", "    ")),
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(BLOCK)
def test_every_tree_of_markdown_has_a_source_or_a_refusal(markdown: str) -> None:
    with suppress(DocumentError):
        assert to_typst(markdown, Options()).text


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(BLOCK)
def test_every_tree_of_markdown_becomes_a_pdf_or_is_refused_to_its_author(renderer: Renderer, markdown: str) -> None:
    with suppress(DocumentTooLarge):
        assert renderer.pdf(request(markdown)).startswith(b"%PDF-")


@pytest.mark.parametrize(
    "block", ["> quoted words", "- item", "1. item", "# head", "```\ncode\n```", "| a |\n|---|\n| b |", ""]
)
def test_a_note_may_begin_with_anything(render: Render, block: str) -> None:
    text = text_of(render("Text[^1].\n\n" + indented(block, "[^1]: ", "    ")))
    assert text.startswith("Text1.")
    said = [word for word in ("quoted", "item", "head", "code", "b") if word in block.split()]
    assert set(said) <= set(text.split())


@pytest.mark.parametrize(
    "written",
    [
        "It costs $5, so `$price = 5` holds.",
        "Run $HOME/bin:$PATH.",
        "`$a` and $b is `$c`.",
        "US$5 and US$6, A$x$",
        "\\[ or `code \\]` is",
    ],
)
def test_code_binds_more_tightly_than_a_dollar_and_a_dollar_in_a_word_is_none(render: Render, written: str) -> None:
    shown = written.replace("`", "").replace("\\[", "[") if "\\[" in written else written.replace("`", "")
    assert text_of(render(written)).removesuffix(" 1 / 1") == shown


@pytest.mark.parametrize("written", ["the $n$th", "$x$, $y$.", "($x$)", "设$x$为", "$x$-axis", "*$x$*", "$k$s"])
def test_formulas_beside_punctuation_suffixes_and_other_scripts_are_set(render: Render, written: str) -> None:
    assert "$" not in text_of(render(written))


@pytest.mark.parametrize("start", ["\ufeff", "\ufeff\ufeff", "\ufeff\r\n", "\u2028", ""])
def test_a_byte_order_mark_and_the_kind_of_line_ends_change_nothing(render: Render, start: str) -> None:
    assert bookmarks_of(render(f"{start}# Title\r\n\r\ntext\u2028## Second\rmore")) == [(0, "Title"), (1, "Second")]


def test_breaks_subscripts_and_superscripts_are_set_in_cells_and_in_text(render: Render) -> None:
    pdf = render("| a<br>b |\n|---|\n| H<sub>2</sub>O, x<SUP>3</SUP> |\n\none<br/>two")
    assert "<" not in text_of(pdf)
    assert Letter(pdf, "a").y > Letter(pdf, "b").y + 5
    body = to_typst("H<sub>2</sub> x<SUP>3</SUP>", Options()).body
    assert body == '#"H";#sub[#"2";];#" x";#super[#"3";];\n\n'
    assert Letter(pdf, "one").x == pytest.approx(Letter(pdf, "two").x)


@pytest.mark.parametrize(
    "html",
    ["<b>x</b>", "<br class='a'>", "<sub>x", "x</sup>", "<sub>x</sup>", "<script>x</script>", "<sub onclick=a>x</sub>"],
)
def test_all_other_html_is_text(render: Render, html: str) -> None:
    assert text_of(render(f"a {html} b")).startswith(
        f"a {html} b".replace("'", "’") if "class" not in html else "a <br class="
    )


def test_tags_pair_only_within_the_same_element(render: Render) -> None:
    assert text_of(render("*a<sub>b* c</sub> `<br>`")).startswith("a<sub>b c</sub> <br>")


def test_characters_that_no_font_has_are_named_and_those_that_one_has_are_not(renderer: Renderer) -> None:
    rendered = renderer.render(request("✅ 🚀 x漢 \U000f0000 \u0378 ᚠ $⌘ \\oiiint$", title="\U00012000", author="é"))
    assert {"✅", "🚀", "é", "x"} & set(rendered.missing) == set()
    assert "\U00012000" in rendered.missing
    assert renderer.render(request("plain text")).missing == ""

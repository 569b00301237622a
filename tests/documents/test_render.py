"""Rendered PDFs read back: the written text is there, in its place."""

from __future__ import annotations

import pytest
import typst
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from documents.errors import DocumentTooLarge
from documents.render.markdown_typst import to_typst
from documents.render.renderer import Renderer
from documents.render.request import Options
from tests.documents.conftest import Render
from tests.documents.documents import request
from tests.documents.reading import (
    Letter,
    addresses_of,
    bookmarks_of,
    letters_of,
    metadata_of,
    pages_of,
    text_of,
)
from tests.documents.test_markdown_typst import MARKDOWN

ITALIC_X = "\N{MATHEMATICAL ITALIC SMALL X}"
WORDS = st.lists(st.text(alphabet="abcdefghijklmnopqrstuvwxyzßéñABC0123456789", min_size=1, max_size=12), min_size=1)
SLOW = settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])


@SLOW
@given(st.lists(WORDS, min_size=1, max_size=5))
def test_the_text_of_ordinary_paragraphs_is_in_the_pdf(renderer: Renderer, paragraphs: list[list[str]]) -> None:
    pdf = renderer.pdf(request("\n\n".join(f"x {' '.join(words)}" for words in paragraphs)))
    expected = "".join(f"x{''.join(words)}" for words in paragraphs)
    assert expected in letters_of(pdf)


@SLOW
@given(MARKDOWN)
def test_any_text_at_all_is_rendered_or_refused_as_too_large(renderer: Renderer, markdown: str) -> None:
    try:
        pdf = renderer.pdf(request(markdown, title=markdown, author=markdown))
    except DocumentTooLarge:
        return
    assert pdf.startswith(b"%PDF-")


@SLOW
@given(MARKDOWN)
def test_typst_finds_nothing_in_any_text_that_it_would_leave_out(compiler: typst.Compiler, markdown: str) -> None:
    source = to_typst(markdown, Options())
    shown = source.showing_tex(range(len(source.formulas)))
    _, warnings = compiler.compile_with_warnings(shown.text.encode(), format="pdf", sys_inputs=shown.inputs)
    assert [warning.message for warning in warnings if "unknown font family" not in warning.message] == []


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> typst.Compiler:
    return typst.Compiler(root=str(tmp_path_factory.mktemp("nothing")))


def test_title_author_and_time_are_in_the_metadata_and_at_the_head_of_each_page(render: Render) -> None:
    pdf = render("one\n\n" * 60, title="ML  Introduction", author="GCCP Platform")
    known = metadata_of(pdf)
    assert (known["Title"], known["Author"]) == ("ML Introduction", "GCCP Platform")
    assert known["CreationDate"] == "D:20260130213000Z"
    assert [page.startswith("ML Introduction GCCP Platform one") for page in pages_of(pdf)] == [True, True]


def test_without_title_and_author_the_pdf_is_called_document_and_its_head_is_empty(render: Render) -> None:
    pdf = render("text")
    assert (metadata_of(pdf)["Title"], metadata_of(pdf)["Author"]) == ("Document", "")
    assert text_of(pdf) == "text 1 / 1"


def test_a_title_as_long_as_a_book_leaves_the_page_to_the_text(render: Render) -> None:
    pdf = render("text", title="long " * 2_000, author="many " * 2_000)
    assert len(pages_of(pdf)) == 1
    assert "text 1 / 1" in text_of(pdf)


def test_each_page_says_which_it_is_and_of_how_many(render: Render) -> None:
    pages = pages_of(render("one\n\n" * 100))
    assert len(pages) > 2
    assert [page.split("one ")[-1] for page in pages] == [f"{place + 1} / {len(pages)}" for place in range(len(pages))]


def test_the_same_document_at_the_same_time_is_the_same_pdf_to_the_byte(render: Render) -> None:
    content = "# T\n\ntext[^1] $x^2$ $\\unknown$\n\n```py\nx = 1\n```\n\n[^1]: note"
    assert render(content) == render(content)
    assert render(content) != render(content, title="other")


def test_headings_are_the_bookmarks_of_the_pdf(render: Render) -> None:
    assert bookmarks_of(render("# One\n\n## *Two* `x`\n\nSetext\n===")) == [(0, "One"), (1, "Two x"), (0, "Setext")]


def test_lists_keep_their_numbers_and_their_order(render: Render) -> None:
    text = text_of(render("3. three\n4. four\n   - inner\n\n1) other"))
    assert text == "3. three 4. four • inner 1) other 1 / 1"


def test_tasks_have_boxes_and_only_those_that_are_done_a_tick(render: Render) -> None:
    assert text_of(render("- [x] done\n- [ ] open")) == "✓ done open 1 / 1"


def test_tables_hold_their_cells_and_repeat_their_head_on_each_page(render: Render) -> None:
    pages = pages_of(render("| Name | Value |\n|:--|--:|\n" + "| n | 1 |\n" * 100))
    assert len(pages) > 1
    assert all(page.startswith("Name Value n 1") for page in pages)


def test_the_columns_of_a_table_are_aligned_as_it_says(render: Render) -> None:
    wide = "i" * 30
    pdf = render(f"| {wide} | {wide} |\n|:--|--:|\n| left | right |")
    assert Letter(pdf, "left").x == pytest.approx(Letter(pdf, wide).x, abs=0.5)
    assert Letter(pdf, "right").x > Letter(pdf, f"{wide} \r\nleft"[:1]).x + 150


def test_code_keeps_its_text_and_has_colours(render: Render) -> None:
    pdf = render('```python\ndef f(x):\n    """Two\n    lines."""\n    return x  # why\n```')
    assert text_of(pdf) == 'def f(x): """Two lines.""" return x # why 1 / 1'
    colours = [Letter(pdf, part).color for part in ("def", "Two", "lines", "# why", "x):")]
    assert colours == ["#7a2fa0", "#1d6f42", "#1d6f42", "#5f6b78", "#000000"]


def test_code_is_indented_as_it_was_written(render: Render) -> None:
    pdf = render("```\nzero\n    four\n\ttab\n```")
    zero, four, tab = (Letter(pdf, word).x for word in ("zero", "four", "tab"))
    assert four - zero == pytest.approx(4 * 0.602 * 11 * 0.85, abs=0.1)
    assert tab == pytest.approx(four, abs=0.01)


def test_code_in_no_known_language_is_plain(render: Render) -> None:
    assert Letter(render("```klingon\ndef x\n```"), "def").color == "#000000"


def test_a_note_stands_at_the_foot_of_its_page_once_however_often_it_is_referred_to(render: Render) -> None:
    text = text_of(render("a[^n] b[^n] c^[inline *one*]\n\nend\n\n[^n]: The note.\n\n    More."))
    assert text == "a1 b1 c2 end 1The note. More. 2inline one 1 / 1"


def test_notes_that_refer_to_themselves_and_to_each_other_come_to_an_end(render: Render) -> None:
    text = text_of(render("a[^1] [^2]\n\n[^1]: one[^1][^2]\n[^2]: two[^1]"))
    assert "one" in text
    assert text.count("two") == 1


def test_a_note_in_the_head_of_a_long_table_is_there_once(render: Render) -> None:
    text = text_of(render("| a[^1] |\n|---|\n" + "| x |\n" * 80 + "\nagain[^1]\n\n[^1]: The note."))
    assert text.count("The note.") == 1


def test_links_lead_where_they_say_and_headings_can_be_linked_to(render: Render) -> None:
    pdf = render("[a](https://x.y/z?q=1) [b](#second-part) <mailto:a@b.c> [c](#nowhere)\n\n## Second part")
    assert addresses_of(pdf) == ["https://x.y/z?q=1", "page 1", "mailto:a@b.c"]


def test_headings_in_notes_lead_no_link_astray(render: Render) -> None:
    notes = "[^1]: # Target\n[^2]: # Unwritten"
    links = "a[^1] ![b[^2]](x) [t](#target) [u](#unwritten) [l](#last)"
    pdf = render("\n\n".join([links, *["x"] * 100, "# Last", notes]))
    to_the_note, back_from_it = "page 1", "page 1"
    assert addresses_of(pdf) == [to_the_note, f"page {len(pages_of(pdf))}", back_from_it]


def test_a_link_that_may_not_be_followed_shows_its_address_instead(render: Render) -> None:
    pdf = render("[click](javascript:alert(1)) [file](file:///etc/passwd) [near](other.md)")
    assert addresses_of(pdf) == []
    assert text_of(pdf).startswith("click (javascript:alert(1)) file (file:///etc/passwd) near (other.md)")


def test_images_are_not_fetched_but_shown_as_their_text_with_a_link(render: Render) -> None:
    pdf = render(
        "![A *cat*](https://x.y/cat.png) ![](https://x.y/z.png) ![d](data:image/png;base64,AAAA) [![in](http://d)](http://c)"
    )
    assert text_of(pdf).startswith("[Image: A cat] [Image: https://x.y/z.png] [Image: d] [Image: in]")
    assert set(addresses_of(pdf)) == {"https://x.y/cat.png", "https://x.y/z.png", "http://c"}


def test_html_is_shown_as_it_is_written(render: Render) -> None:
    html = '<script>alert("x")</script> <b>bold</b> &amp; <!-- c -->'
    assert text_of(render(html)).startswith('<script>alert("x")</script> <b>bold</b> & <!-- c -->')


def test_formulas_are_set_and_those_that_cannot_be_are_shown_as_they_were_written(render: Render) -> None:
    text = text_of(
        render("$x^2$ then $\\ce{H2O}$ and $\\nope{1}$ and \\(\\no\\)\n\n$$\n\\bad{y}\n$$\n\n\\[\na\n\\no\n\\]")
    )
    assert text.startswith(f"{ITALIC_X} 2 then H2O and $\\nope{{1}}$ and \\(\\no\\) $$\\bad{{y}}$$ \\[ a \\no \\]")


@pytest.mark.parametrize(
    "written",
    [
        *("$$x$$", "$$\nx\n$$", "\\[x\\]", "\\[\nx\n\\]", "so:\n\\[\nx\n\\]\nand", "so \\[ x \\] and"),
        *("$x$", "\\(x\\)", "\\(\nx\n\\)", "```math\nx\n```", "- a\n  \\[ x \\]", "| \\(x\\) |\n|---|\n| $x$ |"),
        "\\begin{align}\nx\n\\end{align}",
    ],
)
def test_formulas_are_known_in_every_notation_in_use(render: Render, written: str) -> None:
    text = text_of(render(written))
    assert ITALIC_X in text
    assert not set("$\\[]()") & set(text)


def test_text_goes_on_at_the_margin_after_a_displayed_formula(render: Render) -> None:
    pdf = render("before \\[1\\] after")
    assert Letter(pdf, "after").x == pytest.approx(Letter(pdf, "before").x, abs=0.5)


def test_prices_are_no_formulas(render: Render) -> None:
    assert text_of(render("from $5 to $10, or $ 3 $")).startswith("from $5 to $10, or $ 3 $")


@pytest.mark.parametrize("text", ["שלום עולם", "مرحبا بالعالم", "**שלום** world"])
def test_what_is_written_from_right_to_left_begins_at_the_right(render: Render, text: str) -> None:
    pdf = render(f"Left\n\n{text}\n\n- {text}")
    assert Letter(pdf, "Left").x < 70
    assert Letter(pdf, text.strip("*")[0]).x > 500


def test_a_passage_from_left_to_right_within_one_from_right_to_left_keeps_its_own_side(render: Render) -> None:
    pdf = render("> שלום\n>\n> Latin words")
    assert Letter(pdf, "Latin").x < 80


def test_words_too_long_for_a_line_are_broken_and_stay_on_the_page(render: Render) -> None:
    word = "".join(chr(97 + place % 26) for place in range(1_000))
    table = f"| a | b | c |\n|---|---|---|\n| {word} | x | {word} |"
    for content in (word, f"`{word}`", f"```\n{word}\n```", f"<http://{word}>", table):
        pdf = render(content)
        assert word in letters_of(pdf)
        assert "�" not in text_of(pdf)

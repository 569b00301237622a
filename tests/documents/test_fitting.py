"""What is wider than its place: broken, set smaller or on turned pages, or refused, and nothing is lost."""

from __future__ import annotations

import pytest

from documents.errors import DocumentTooLarge
from documents.render.renderer import Renderer
from documents.render.style import Styling
from tests.documents.conftest import Render
from tests.documents.documents import request
from tests.documents.reading import letters_of, outside_of_pages, overlaps_of, pages_of, sizes_of_pages, text_of

POLYNOMIAL = " + ".join(f"{n + 101}x^{{{n + 201}}}" for n in range(30))
LETTERS = "".join(chr(97 + n % 26) for n in range(90))
UPRIGHT, TURNED = (595, 842), (842, 595)


def columns(count: int, cell: str = "{0}", rows: int = 2) -> str:
    head = " | ".join(f"c{n}" for n in range(count))
    body = "".join(f"| {' | '.join(cell.format(10_000 + n) for n in range(count))} |\n" for _ in range(rows))
    return f"| {head} |\n|{'---|' * count}\n{body}"


@pytest.mark.parametrize(
    "written",
    [
        *(f"$$\n{POLYNOMIAL}\n$$", f"${POLYNOMIAL}$", f"\\[{POLYNOMIAL}\\]", f"> - > $${POLYNOMIAL} \\tag{{9}}$$"),
        f"$$\\begin{{aligned}} f &= {POLYNOMIAL} \\\\ &= {POLYNOMIAL} \\end{{aligned}}$$",
        f"| a |\n|---|\n| ${POLYNOMIAL}$ |",
    ],
)
def test_a_polynomial_of_thirty_terms_is_broken_and_stays_on_its_page(render: Render, written: str) -> None:
    pdf = render(written)
    assert outside_of_pages(pdf) == []
    for number in range(30):
        assert f"{number + 101}" in letters_of(pdf)
        assert f"{number + 201}" in letters_of(pdf)
    assert "frac" not in letters_of(pdf)


@pytest.mark.parametrize("display", [True, False])
@pytest.mark.parametrize("size", [11.0, 20.0])
@pytest.mark.parametrize(
    "tex",
    [
        f"\\frac{{{LETTERS}}}{{{LETTERS}}}",
        f"\\text{{{LETTERS} {LETTERS} {LETTERS} {LETTERS}}}",
        f"\\sqrt{{{POLYNOMIAL}}}",
    ],
)
def test_what_cannot_be_broken_is_set_smaller_or_shown_as_it_is_written(
    render: Render, tex: str, size: float, display: bool
) -> None:
    pdf = render(f"$${tex}$$" if display else f"a ${tex}$ b", styling=Styling(font_size=size))
    assert outside_of_pages(pdf) == []


def test_the_number_of_a_broken_formula_is_still_there(render: Render) -> None:
    assert "(9.7)" in letters_of(render(f"$${POLYNOMIAL} \\tag{{9.7}}$$"))
    assert "(9.7)" in letters_of(render("$$x \\tag{9.7}$$ and $y \\tag{9.7}$"))


@pytest.mark.parametrize("count", [2, 8, 16, 20, 30])
def test_a_table_of_many_columns_is_set_smaller_or_on_a_turned_page_with_no_number_split(
    render: Render, count: int
) -> None:
    pdf = render(columns(count))
    assert outside_of_pages(pdf) == []
    assert overlaps_of(pdf) == 0
    words = text_of(pdf).split()
    assert all(words.count(f"{10_000 + n}") == 2 for n in range(count))
    assert (TURNED in sizes_of_pages(pdf)) == (count > 16)


def test_pages_are_turned_only_for_the_table_that_needs_it(render: Render) -> None:
    pdf = render(f"before\n\n{columns(30)}\n\nafter")
    assert sizes_of_pages(pdf) == [UPRIGHT, TURNED, UPRIGHT]
    assert [page.split()[0] for page in pages_of(pdf)] == ["before", "c0", "after"]


def test_one_long_word_among_long_texts_has_its_room(render: Render) -> None:
    texts = "many words that crowd a column and may be broken anywhere " * 3
    pdf = render(
        f"| {texts} | incomprehensible | {texts} | {texts} |\n|---|---|---|---|\n| {texts} | x | {texts} | {texts} |"
    )
    assert overlaps_of(pdf) == 0


@pytest.mark.parametrize("table", [columns(200), columns(40, "{0}{0}"), "> " + columns(40).replace("\n", "\n> ")])
def test_a_table_that_fits_in_no_way_is_refused_in_a_sentence(renderer: Renderer, table: str) -> None:
    with pytest.raises(DocumentTooLarge, match="a table has too many columns, or too long words in them"):
        renderer.pdf(request(table))

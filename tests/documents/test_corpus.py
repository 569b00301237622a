"""The corpus: every function of KaTeX's table and every environment of amsmath, each set as it is or shown as TeX.

A line of `formulas.tsv` is a name, `set` or `written`, an example, and the expression of Typst for it. Each expression
was looked at as a picture before it was kept, so a change here is a change to look at.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from documents.render.formulas import formula
from documents.render.renderer import Renderer
from documents.render.source import only_formulas
from tests.documents.documents import request


@dataclass(frozen=True, slots=True)
class Entry:
    """A function or environment, an example of it, and its expression; none where it is shown as TeX."""

    name: str
    tex: str
    typst: str | None


def entries() -> list[Entry]:
    lines = Path(__file__).with_name("formulas.tsv").read_text(encoding="utf-8").splitlines()[1:]
    parts = [line.split("\t") for line in lines]
    return [Entry(name, tex, typst if verdict == "set" else None) for name, verdict, tex, typst in parts]


CORPUS = entries()


def typst_of(tex: str) -> str | None:
    math = formula(tex).math
    return None if math is None else " ".join(filter(None, [math.body, math.tag]))


def test_every_formula_of_the_corpus_is_set_as_it_was_read_or_shown_as_it_is_written() -> None:
    wrong = {entry.name: typst_of(entry.tex) for entry in CORPUS if typst_of(entry.tex) != entry.typst}
    assert wrong == {}


def test_all_that_is_set_of_the_corpus_compiles_and_has_its_glyphs(renderer: Renderer) -> None:
    formulas = [formula(entry.tex) for entry in CORPUS if entry.typst is not None]
    assert renderer.compile(only_formulas(formulas), 0).startswith(b"%PDF-")
    document = "\n\n".join(f"${entry.tex}$" for entry in CORPUS if entry.typst is not None)
    assert renderer.render(request(document)).missing == ""


def test_the_page_says_how_much_of_the_corpus_is_set() -> None:
    done = sum(entry.typst is not None for entry in CORPUS)
    figure = f"{done:,} of {len(CORPUS):,} ({done / len(CORPUS):.0%})".replace(",", " ")
    page = (Path(__file__).parents[2] / "docs" / "gccp.md").read_text(encoding="utf-8")
    assert figure in " ".join(page.split()), figure


def test_every_name_of_the_corpus_stands_there_once() -> None:
    names = [entry.name for entry in CORPUS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "tex", [r"\unknown x", r"\hbox to 2em{x}", r"x \coloneq y", r"\sum\unknown", r"{\unknown x}", "a % b"]
)
def test_what_is_not_known_makes_no_other_formula(tex: str) -> None:
    assert typst_of(tex) is None

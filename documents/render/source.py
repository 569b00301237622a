"""The source for Typst: our template, calls of its functions, and the values that both read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.resources import files

from documents.render.formulas import Formula
from documents.render.literals import printable
from documents.render.request import Options

PROSE = '("Libertinus Serif", "Noto Serif", "DejaVu Serif")'
"""The fonts of text, in Typst; what they lack is taken from any other."""

MATHEMATICS = '("New Computer Modern Math",)'
"""The font of formulas."""

REFUSAL = "refused: "
"""What the template's refusals of a document begin with, before the sentence for its author."""

WIDE = 20
"""The letters of a formula within a line above which Typst measures whether each of its pieces fits."""


@dataclass(frozen=True, slots=True)
class TypstSource:
    """A Typst source after our template, its values for `sys.inputs`, and its formulas, by their numbers in it."""

    template: str
    body: str
    values: Mapping[str, str]
    formulas: tuple[Formula, ...]

    @property
    def text(self) -> str:
        return self.template + self.body

    @property
    def inputs(self) -> dict[str, str]:
        """The inputs of the source, as Typst's `sys_inputs`."""
        return {
            **self.values,
            "formulas": json.dumps([_value(formula) for formula in self.formulas], ensure_ascii=False),
        }

    def showing_tex(self, places: Iterable[int]) -> TypstSource:
        """The same source with the formulas at those places as TeX."""
        plain = {place: replace(self.formulas[place], math=None) for place in places}
        return replace(self, formulas=tuple(plain.get(place, each) for place, each in enumerate(self.formulas)))


def document(calls: str, formulas: Sequence[Formula], options: Options) -> TypstSource:
    """The source of a document with these options. Title and author are values, not part of the source."""
    said = {"title": _one_line(options.title), "author": _one_line(options.author)}
    values = {"request": json.dumps(said | asdict(options.styling), ensure_ascii=False)}
    return TypstSource(_template("formulas.typ") + _template("page.typ"), calls, values, tuple(formulas))


def only_formulas(formulas: Sequence[Formula]) -> TypstSource:
    """A source of these formulas only, to find out whether they can be set."""
    calls = (f"#formula({place}, true)[];\n#formula({place}, false)[];\n" for place in range(len(formulas)))
    return TypstSource(_template("formulas.typ"), "".join(calls), {}, tuple(formulas))


def _value(formula: Formula) -> dict[str, object] | None:
    math = formula.math
    if math is None:
        return None
    return {"body": math.body, "pieces": math.pieces, "tag": math.tag, "wide": math.width > WIDE}


def _one_line(text: str | None) -> str:
    return " ".join(printable(text or "").split())


@cache
def _template(name: str) -> str:
    return files("documents.render").joinpath(name).read_text(encoding="utf-8")

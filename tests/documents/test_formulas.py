"""TeX converted to Typst mathematics: what is converted, what is refused, what never runs."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st

from documents.render.formulas import DEEPEST, LONGEST, Formula, formula, refused
from documents.render.renderer import Renderer
from documents.render.source import only_formulas


@pytest.mark.parametrize(
    ("tex", "math"),
    [
        (r"\frac{a}{b}", "a/b"),
        (r"x_{\text{max}}", 'x_"max"'),
        (r"\bm{x}", "bold(x)"),
        (r"\boxed{x}", "x"),
        (r"\int\!x", "integral x"),
        (r"a \\! b", r"a \! b"),
        (r"\begin{equation}a\end{equation}", "a"),
        (r"\begin{smallmatrix}a\end{smallmatrix}", "mat(delim: unfenced, a)"),
        (r"\begin{array}{l}a\end{array}", "mat(delim: unfenced, align: leftward, a)"),
    ],
)
def test_common_formulas_are_converted(tex: str, math: str) -> None:
    assert formula(tex) == Formula(tex, math)


@pytest.mark.parametrize(
    "tex",
    [
        r"\text{" + '" #read("/etc/passwd") "}',
        r"\textcolor{red}{x}",
        r"\textcolor{read}{x}",
        r"\hspace{1em}",
        r"\#read",
        r"\text{\#}",
        '"',
        r'\text{"x"}',
        r'\text{a" b "c}',
    ],
)
def test_a_formula_with_a_quotation_mark_or_a_way_into_code_is_refused(tex: str) -> None:
    assert formula(tex).math is None


@pytest.mark.parametrize(
    "tex",
    [
        "x+" * LONGEST,
        r"\sqrt{" * 20 + "x" + "}" * 20,
        r"\sqrt" * 20 + " x",
        r"\hat{\hat" * 10 + "x" + "}" * 10,
        "{" * 30_000,
        r"\left(" * 3_000,
        r"\begin{matrix}" * 300,
    ],
)
def test_a_formula_that_would_keep_the_converter_busy_is_never_given_to_it(tex: str) -> None:
    assert formula(tex).math is None


def test_a_formula_as_deep_as_may_be_and_many_side_by_side_are_converted() -> None:
    assert formula(r"\sqrt{" * DEEPEST + "x" + "}" * DEEPEST).math is not None
    assert formula(r"\frac{1}{\sqrt{x}}+\left(\alpha\right)" * 20).math is not None


@settings(deadline=None)
@given(st.text(alphabet="abx12 \\{}^_&#\"$%()[]~'/*", max_size=40))
def test_nothing_that_is_converted_leads_into_code(tex: str) -> None:
    math = formula(tex).math
    assert math is None or "#" not in math


@settings(deadline=None)
@given(st.sets(st.integers(0, 40)), st.integers(0, 41))
def test_exactly_the_formulas_that_cannot_be_set_are_found(bad: set[int], count: int) -> None:
    formulas = [Formula(str(place), "") for place in range(count)]

    def can_be_set(some: Sequence[Formula]) -> bool:
        return not any(int(each.tex) in bad for each in some)

    assert refused(formulas, can_be_set) == bad & set(range(count))


def test_a_formula_is_set_within_limits_that_hold_even_if_a_way_into_code_were_left(
    renderer: Renderer, request: pytest.FixtureRequest
) -> None:
    code = f'#read("{request.path}")', f'#read("../../{request.path}")', '#import "x.typ"', '#image("x.png")'
    sneaked = [Formula("", math) for math in code]
    for each in sneaked:
        with pytest.raises(typst.TypstError, match=r"file not found|escape the project root|cannot"):
            renderer.compile(only_formulas([each]), 0)

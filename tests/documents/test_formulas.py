"""TeX converted to Typst mathematics: what is converted, what is refused, what never runs."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
import typst
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from documents.render.formulas import LONGEST, Formula, formula, refused
from documents.render.renderer import Renderer
from documents.render.source import only_formulas
from documents.render.tex import chemistry
from documents.render.tex.parser import Converted


@pytest.mark.parametrize(
    ("tex", "code"),
    [
        (r"\frac{a}{b}", 'frac(v("a"), v("b"))'),
        (
            r"\begin{alignat}{2} x &= 1 \\ y &= 2 \end{alignat}",
            'lines(seq(v("x"), ap, v("=1")), seq(v("y"), ap, v("=2")))',
        ),
        (r"\underset{n\ge 1}{\sup} a", 'seq(attached(fn("sup"), b: v("n≥1")), v("a"))'),
        (r"\overset{n}{\longrightarrow}", 'attached(v("⟶"), t: v("n"))'),
        (
            r"\begin{pmatrix} a;b & c \\ d & e \end{pmatrix}",
            'matrix("(", ")", "c", (v("a;b"), v("c"),), (v("d"), v("e"),))',
        ),
        (r"\sum\limits_{k=1}^{n} k", 'seq(attach(limits(v("∑")), t: v("n"), b: v("k=1")), v("k"))'),
        (r"\sum\nolimits_k k", 'seq(attach(v("∑"), br: v("k")), v("k"))'),
        (r"5\,\AA", 'seq(v("5"), h(0.167em), v("Å"))'),
        (r"\smash{x}", 'v("x")'),
        (r"\overparen{AB}", 'paren-over(v("AB"))'),
        (r"{\cal L}{\rm det}(A)", 'seq(cal(v("L")), upright(v("det")), v("(A)"))'),
        (r"\operatorname*{argmax}_x", 'attach(limits(fn("argmax"), inline: false), b: v("x"))'),
        (
            r"\operatorname{arg\,max}",
            'fn(seq(upright(v("arg")), upright(h(0.167em)), upright(v("max"))))',
        ),
        (r"\lvert x \rvert", 'seq(cls("opening", v("|")), v("x"), cls("closing", v("|")))'),
        (r"\left( a \middle| b \right)", 'fenced("(", ")", seq(v("a"), middle("|"), v("b")))'),
        (r"\big(", 'cls("normal", large(1.2em, "("))'),
        (
            r"\begin{array}{cc|c} a & b & c \\ \hline d & e & f \end{array}",
            'array("ccc", (2,), (1,), (v("a"), v("b"), v("c"),), (v("d"), v("e"), v("f"),))',
        ),
        (r"\xrightarrow{f}", 'stretched("→", v("f"), none)'),
        (r"\textcolor{red}{x}", 'inked(rgb("#ff0000"),v("x"))'),
        (r"a\phantom{b}", 'seq(v("a"), hide(v("b")))'),
        (r"\mbox{if } \lnot p \coloneqq q", 'seq(txt("if "), v("¬p≔q"))'),
        (r"\cfrac{1}{2}", 'display(frac(display(v("1")), display(v("2"))))'),
        (r"{n \choose k}", 'binom(v("n"), v("k"))'),
        (r"a\hspace{1em}b\odot c", 'seq(v("a"), h(1em), v("b⊙c"))'),
        (r"{}^{14}_{6}C", 'seq(attach(nil, tr: v("14"), br: v("6")), v("C"))'),
        (r"\ce{H2O}", 'seq(attach(upright(v("H")), br: v("2")), upright(v("O")))'),
        (r"f''(x)", 'seq(attach(v("f"), tr: v("\N{PRIME}\N{PRIME}")), v("(x)"))'),
        (r"\text{a \% of $x$}", 'seq(txt("a % of "), v("x"))'),
        ("a & b", 'lines(seq(v("a"), ap, v("b")))'),
    ],
)
def test_course_mathematics_is_converted(tex: str, code: str) -> None:
    math = formula(tex).math
    assert math is not None
    assert math.body == code


@pytest.mark.parametrize(
    ("source", "tex"),
    [
        ("H2O", r"\mathrm{H} _{2} \mathrm{O}"),
        ("SO4^2-", r"\mathrm{S} \mathrm{O} _{4} ^{2-}"),
        ("^{14}_{6}C", r"{}^{14} _{6} \mathrm{C}"),
        ("CuSO4.5H2O", r"\mathrm{Cu} \mathrm{S} \mathrm{O} _{4} \cdot  5\, \mathrm{H} _{2} \mathrm{O}"),
        ("2H2 + O2 -> 2H2O", r"2\, \mathrm{H} _{2}  +  \mathrm{O} _{2}  \rightarrow  2\, \mathrm{H} _{2} \mathrm{O}"),
        ("Na+ (aq)", r"\mathrm{Na} ^{+}  \mathrm{(aq)}"),
        ("CH3-CH=CH2", r"\mathrm{C} \mathrm{H} _{3} {-} \mathrm{C} \mathrm{H} {=} \mathrm{C} \mathrm{H} _{2}"),
    ],
)
def test_chemical_formulas_are_read_as_mhchem_reads_them(source: str, tex: str) -> None:
    assert chemistry.formula(source) == tex


def test_a_tag_stands_beside_its_formula_or_its_row() -> None:
    lone, rows = formula(r"x = 1 \tag{3.1} \label{a}").math, formula(r"\begin{align}x\tag*{A}\\y\end{align}").math
    assert lone is not None
    assert rows is not None
    assert (lone.body, lone.tag) == ('v("x=1")', 'seq(txt("("), txt("3.1"), txt(")"))')
    assert rows.body == 'lines(seq(v("x"), h(2em), txt("A")), seq(v("y")))'


def test_a_formula_may_break_before_its_operators() -> None:
    math = formula(r"a = b + c_{x+y} \cdot (-d)").math
    assert math is not None
    assert len(math.pieces[0]) == 4


@pytest.mark.parametrize(
    "tex",
    [
        r"\text{" + '" #read("/etc/passwd") "}' + "x" * LONGEST,
        *(
            r"\textcolor{read}{x}",
            r"\#read#",
            '"',
            "#x",
            "50% of x",
            "a $ b",
            r"x^1^2",
            r"x'^2'",
            r"\frac{a}",
            "{",
            "}",
        ),
        *(r"\left( x", r"x \right)", r"\begin{align} x", r"\end{align}", r"\begin{matrix} x \end{pmatrix}", "", "\\"),
        *(r"\begin{nothing} x \end{nothing}", r"\ce{$x$}", r"\ce{\read}", r"\hspace{1000em}", r"\not{x}", "a\u0301"),
        *(r"\text{\unknown}", r"\text{a", r"\sqrt[3", r"{a \over b \over c}", r"x \limits_a", r"\text{a % b}"),
        r"\begin{array}{c} a & b \end{array}",
    ],
)
def test_what_is_not_wholly_known_is_shown_as_it_is_written(tex: str) -> None:
    assert formula(tex).math is None


@pytest.mark.parametrize(
    "tex",
    [
        "x+" * LONGEST,
        r"\sqrt{" * 20 + "x" + "}" * 20,
        r"\sqrt" * 20 + " x",
        r"\hat{\hat" * 10 + "x" + "}" * 10,
        "{" * 9_000,
        r"\left(" * 1_000,
        r"\begin{matrix}" * 300,
        r"\text{$" * 500,
        r"\begin{equation}" * 300 + "x" + r"\end{equation}" * 300,
    ],
)
def test_a_formula_too_long_or_too_deep_is_shown_as_it_is_written(tex: str) -> None:
    assert formula(tex).math is None


@pytest.mark.parametrize("opening", [r"\sqrt{", r"\frac{1}{", "x^{", r"\overline{", r"\mathbf{", r"\boxed{"])
def test_a_formula_as_deep_as_may_be_can_be_set(renderer: Renderer, opening: str) -> None:
    deepest = max(range(20), key=lambda depth: (formula(opening * depth + "x" + "}" * depth).math is not None, depth))
    assert deepest >= 12
    renderer.compile(only_formulas([formula(opening * deepest + "x" + "}" * deepest)]), 0)


TEX = st.lists(
    st.sampled_from(
        [
            *(
                "a",
                "1",
                "+",
                "=",
                "-",
                "(",
                ")",
                "|",
                "^",
                "_",
                "{",
                "}",
                "&",
                "\\\\",
                "'",
                '"',
                "#",
                "$",
                "%",
                "~",
                "[",
                "]",
            ),
            *(r"\frac", r"\sqrt", r"\left(", r"\right)", r"\middle|", r"\sum", r"\limits", r"\mathbf", r"\text{", "é"),
            *(
                r"\begin{matrix}",
                r"\end{matrix}",
                r"\begin{align}",
                r"\end{align}",
                r"\over",
                r"\displaystyle",
                r"\tag",
            ),
            *(
                r"\unknown",
                r"\hline",
                r"\operatorname",
                r"\xrightarrow",
                r"\underbrace",
                r"\ce{H2O}",
                r"\color{red}",
                "\\",
            ),
            '#read("/etc/passwd")',
        ]
    ),
    max_size=30,
).map("".join)
LITERAL = re.compile(r'"(?:\\.|[^"\\])*"', re.DOTALL)
CODE = re.compile(r"(?:[a-z]+(?:-[a-z]+)*|-?[0-9.]+(?:e-[0-9]+)?(?:em)?|[(),: ])*")


@settings(deadline=None, max_examples=300)
@given(TEX)
def test_whatever_is_written_the_code_is_calls_of_our_own_words(tex: str) -> None:
    math = formula(tex).math
    for code in [] if math is None else [math.body, math.tag, *(piece for row in math.pieces for piece in row)]:
        assert CODE.fullmatch(LITERAL.sub("", code)), code


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(TEX, min_size=20, max_size=40))
def test_whatever_is_converted_can_be_set(renderer: Renderer, sources: list[str]) -> None:
    formulas = [each for each in map(formula, sources) if each.math is not None]
    renderer.compile(only_formulas(formulas), 0)


@settings(deadline=None)
@given(st.sets(st.integers(0, 40)), st.integers(0, 41))
def test_exactly_the_formulas_that_cannot_be_set_are_found(bad: set[int], count: int) -> None:
    formulas = [Formula(str(place), None) for place in range(count)]

    def can_be_set(some: Sequence[Formula]) -> bool:
        return not any(int(each.tex) in bad for each in some)

    assert refused(formulas, can_be_set) == bad & set(range(count))


def test_a_formula_is_set_within_limits_that_hold_even_if_a_way_into_code_were_left(
    renderer: Renderer, request: pytest.FixtureRequest
) -> None:
    code = f'read("{request.path}")', f'read("../../{request.path}")', '{import "x.typ"}', 'image("x.png")'
    sneaked = [Formula("", Converted(each, ((each,),), "", 1)) for each in code]
    for each in sneaked:
        with pytest.raises(typst.TypstError, match=r"file not found|escape the project root|cannot"):
            renderer.compile(only_formulas([each]), 0)

"""Commands that build something from their arguments: fractions, roots, scripts on symbols, fences, arrows, boxes."""

from __future__ import annotations

import re
from collections.abc import Callable

from documents.render.literals import literal
from documents.render.tex.atoms import EMPTY, Atom, Kind, Limits, call, joined, width
from documents.render.tex.errors import Unset
from documents.render.tex.grammar import Parser
from documents.render.tex.text import text
from documents.render.tex.units import colour, ems

Command = Callable[[Parser], Atom]

_STYLES = {"": "", "0": "display", "1": "inline", "2": "script", "3": "sscript"}
_OPENINGS = {"": "", ".": "", "(": "(", "[": "[", "|": "|", r"\{": "{", r"\lbrace": "{", r"\langle": "⟨"}
_CLOSINGS = {"": "", ".": "", ")": ")", "]": "]", "|": "|", r"\}": "}", r"\rbrace": "}", r"\rangle": "⟩"}
_BAR = re.compile(r"(?<!\\)(?:\||\\mid\b|\\vert\b)")


def fraction(style: str) -> Command:
    def build(parser: Parser) -> Atom:
        over, under = parser.argument(), parser.argument()
        code = call("frac", joined(over), joined(under))
        return Atom(call(style, code) if style else code, width=max(width(over), width(under)) + 0.5)

    return build


def continued_fraction(parser: Parser) -> Atom:
    parser.reader.bracketed()
    over, under = parser.argument(), parser.argument()
    code = call("frac", call("display", joined(over)), call("display", joined(under)))
    return Atom(call("display", code), width=max(width(over), width(under)) + 0.5)


def binomial(style: str) -> Command:
    def build(parser: Parser) -> Atom:
        over, under = parser.argument(), parser.argument()
        code = call("binom", joined(over), joined(under))
        return Atom(call(style, code) if style else code, width=max(width(over), width(under)) + 1)

    return build


def root(parser: Parser) -> Atom:
    index = parser.reader.bracketed()
    radicand = parser.argument()
    code = call("root", parser.inner(index), joined(radicand)) if index else call("sqrt", joined(radicand))
    return Atom(code, width=width(radicand) + 1)


def stacked(position: str) -> Command:
    def build(parser: Parser) -> Atom:
        mark, base = parser.argument(), parser.argument()
        kind = base[0].kind if len(base) == 1 else Kind.ORDINARY
        limits = base[0].limits if len(base) == 1 else Limits.SIDE
        code = f"attached({joined(base)}, {position}: {joined(mark)})"
        return Atom(code, kind, limits, max(width(base), width(mark)))

    return build


def wrapping(function: str) -> Command:
    def build(parser: Parser) -> Atom:
        inner = parser.argument()
        limits = Limits.ALWAYS if "brace" in function or "bracket" in function or "paren" in function else Limits.SIDE
        return Atom(call(function, joined(inner)), limits=limits, width=width(inner))

    return build


def accent(mark: str) -> Command:
    def build(parser: Parser) -> Atom:
        inner = parser.argument()
        return Atom(f"accented({joined(inner)}, {literal(mark)})", width=width(inner))

    return build


def big(size: float, name: str) -> Command:
    kind = {"opening": Kind.OPENING, "closing": Kind.CLOSING, "relation": Kind.RELATION}.get(name, Kind.ORDINARY)

    def build(parser: Parser) -> Atom:
        delimiter = parser.delimiter()
        return Atom(f'cls("{name}", large({size}em, "{delimiter}"))', kind) if delimiter else EMPTY

    return build


def fenced(parser: Parser) -> Atom:
    opening = parser.delimiter()
    parts: list[str] = []
    size = 2.0
    with parser.deeper():
        while True:
            inner = parser.atoms()
            size += width(inner)
            parts.append(joined(inner))
            if parser.reader.accept_command("middle"):
                delimiter = parser.delimiter()
                parts.append(call("middle", f'"{delimiter}"') if delimiter else "nil")
            elif parser.reader.accept_command("right"):
                break
            else:
                raise Unset(r"\left without \right")
    body = parts[0] if len(parts) == 1 else call("seq", *parts)
    return Atom(f'fenced("{opening}", "{parser.delimiter()}", {body})', width=size)


def arrow(sign: str) -> Command:
    def build(parser: Parser) -> Atom:
        below = parser.reader.bracketed()
        above = parser.argument()
        code = f'stretched("{sign}", {joined(above)}, {parser.inner(below) if below else "none"})'
        return Atom(code, Kind.RELATION, width=width(above) + 2)

    return build


def bracket(opening: str, closing: str) -> Command:
    def build(parser: Parser) -> Atom:
        inner = parser.argument()
        return Atom(
            f'seq(cls("opening", v("{opening}")), {joined(inner)}, cls("closing", v("{closing}")))',
            width=width(inner) + 1,
        )

    return build


def tall_bracket(opening: str, closing: str) -> Command:
    return lambda parser: Atom(
        f'fenced("{opening}", "{closing}", {joined(inner := parser.argument())})', width=width(inner) + 1
    )


def set_of(parser: Parser) -> Atom:
    parts = _BAR.split(parser.reader.written(), maxsplit=1)
    bar = ', cls("relation", v("|")), '.join(parser.inner(part) for part in parts)
    return Atom(f'seq(v("{{"), {bar}, v("}}"))', width=8)


def tall_set_of(parser: Parser) -> Atom:
    parts = _BAR.split(parser.reader.written(), maxsplit=1)
    bar = ', cls("relation", middle("|")), '.join(parser.inner(part) for part in parts)
    return Atom(f'fenced("{{", "}}", seq({bar}))', width=8)


def tall_braket(parser: Parser) -> Atom:
    parts = _BAR.split(parser.reader.written(), maxsplit=2)
    bars = ', middle("|"), '.join(map(parser.inner, parts))
    return Atom(f'fenced("⟨", "⟩", seq({bars}))', width=8)


def general_fraction(parser: Parser) -> Atom:
    opening, closing, thickness, style = (parser.reader.written().strip() for _ in range(4))
    over, under = parser.argument(), parser.argument()
    if opening not in _OPENINGS or closing not in _CLOSINGS or style not in _STYLES:
        raise Unset("a fraction of a form that is not known")
    if thickness and ems(thickness) != 0:
        raise Unset("a fraction line of another thickness")
    inner = call("frac" if not thickness else "atop", joined(over), joined(under))
    code = f'fenced("{_OPENINGS[opening]}", "{_CLOSINGS[closing]}", {inner})'
    return Atom(call(_STYLES[style], code) if style else code, width=max(width(over), width(under)) + 1)


def boxed_text(colours: int) -> Command:
    def build(parser: Parser) -> Atom:
        inks = [colour(parser.reader.written()) for _ in range(colours)]
        written = parser.reader.written()
        arguments = {0: ["none", "0.5pt"], 1: [*inks, "none"], 2: [*reversed(inks)]}[colours]
        return Atom(call("panel", *arguments, text(written, parser.inner)), width=len(written) + 1)

    return build


def lines(parser: Parser) -> Atom:
    written = parser.reader.written()
    return Atom(parser.lines(written), width=len(written) / 2)


def modulo(form: str) -> Command:
    def build(parser: Parser) -> Atom:
        modulus = joined(parser.argument())
        word = 'txt("mod"), h(0.33em), ' if "mod" in form else ""
        inside = f"{word}{modulus}"
        code = f'seq(h(1em), v("("), {inside}, v(")"))' if "p" in form else f"seq(h(1em), {inside})"
        return Atom(code, width=6)

    return build

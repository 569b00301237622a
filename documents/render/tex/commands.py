"""Commands of TeX by name, and how each is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cache

from documents.render.literals import literal
from documents.render.tex import chemistry
from documents.render.tex import structures as build
from documents.render.tex.atoms import (
    EMPTY,
    Atom,
    Kind,
    Limits,
    call,
    classed,
    group,
    joined,
    letters,
    width,
    wrapped,
)
from documents.render.tex.delimiters import SIZES
from documents.render.tex.environments import environment
from documents.render.tex.errors import Unset
from documents.render.tex.grammar import Parser
from documents.render.tex.symbols import table
from documents.render.tex.tables import section
from documents.render.tex.text import STYLES as TEXT_STYLES
from documents.render.tex.text import text
from documents.render.tex.units import LENGTH, colour, ems, space

Command = Callable[[Parser], Atom]

SAME = {"vcenter", "mathinner", "ensuremath", "mathclap"}
"""Commands that change only the room around their argument."""

NOTHING = {"relax", "allowbreak", "nobreak", "strut", "null"}
"""Commands that change at most where lines break or how high they are."""

CLASSES = {
    "mathbin": (Kind.BINARY, "binary"),
    "mathrel": (Kind.RELATION, "relation"),
    "mathord": (Kind.ORDINARY, "normal"),
    "mathopen": (Kind.OPENING, "opening"),
    "mathclose": (Kind.CLOSING, "closing"),
    "mathpunct": (Kind.PUNCTUATION, "punctuation"),
}
_BIG = {"": "normal", "l": "opening", "r": "closing", "m": "relation"}


@cache
def commands() -> Mapping[str, Command]:
    """All commands that are known, by name, but those of one character and those that change what follows."""
    return dict([*_from_tables(), *_structures(), *_others()])


def switches() -> Mapping[str, str]:
    """Commands that change what follows, to the end of the group, by name; the asterisk stands for an atom."""
    return section("switches")


def _from_tables() -> Iterator[tuple[str, Command]]:
    wrappers = section("wrappers")
    yield from ((name, _font(function)) for name, function in section("fonts").items())
    yield from ((name, build.accent(chr(int(mark, 16)))) for name, mark in section("accents").items())
    yield from ((name, build.wrapping(function)) for name, function in wrappers.items())
    yield from ((name, build.arrow(sign)) for name, sign in section("arrows").items())
    yield from ((name, _space(float(Fraction(size)))) for name, size in section("spaces").items())
    yield from ((name, _function(shown, Limits.SIDE)) for name, shown in section("functions").items())
    yield from (
        (name, _function(shown.replace("~", "\u2009"), Limits.DISPLAY))
        for name, shown in section("limited functions").items()
    )
    yield from ((name, _macro(source)) for name, source in section("macros").items())
    yield from ((name, _text(function)) for name, function in TEXT_STYLES.items() if name not in wrappers)


def _structures() -> Iterator[tuple[str, Command]]:
    for style, prefix in (("", ""), ("display", "d"), ("inline", "t")):
        yield f"{prefix}frac", build.fraction(style)
        yield f"{prefix}binom", build.binomial(style)
    for prefix, size in SIZES.items():
        yield from ((prefix + side, build.big(size, name)) for side, name in _BIG.items())
    yield from ((name, build.stacked("t")) for name in ("overset", "stackrel"))
    yield from ((name, build.modulo(name)) for name in ("pmod", "mod", "pod"))
    yield from ((name, build.boxed_text(count)) for count, name in enumerate(("fbox", "colorbox", "fcolorbox")))
    yield from {
        "cfrac": build.continued_fraction,
        "genfrac": build.general_fraction,
        "sqrt": build.root,
        "underset": build.stacked("b"),
        "left": build.fenced,
        "bra": build.bracket("⟨", "|"),
        "ket": build.bracket("|", "⟩"),
        "braket": build.bracket("⟨", "⟩"),
        "Bra": build.tall_bracket("⟨", "|"),
        "Ket": build.tall_bracket("|", "⟩"),
        "Braket": build.tall_braket,
        "set": build.set_of,
        "Set": build.tall_set_of,
        "substack": build.lines,
        "begin": environment,
    }.items()


def _others() -> Iterator[tuple[str, Command]]:
    yield from ((name, _nothing) for name in NOTHING)
    yield from ((name, _same) for name in SAME)
    yield from ((name, _class(*kind)) for name, kind in CLASSES.items())
    yield from ((name, _distance) for name in ("hspace", "kern", "hskip", "mkern", "mskip", "mspace"))
    yield from {
        " ": _space(0.25),
        "smash": _smashed,
        "mathstrut": _strut,
        "mathop": _large_operator,
        "operatorname": _operator,
        "operatornamewithlimits": lambda parser: _named(parser, Limits.DISPLAY),
        "textcolor": _coloured,
        "not": _negated,
        "dots": _dots,
        "ce": _chemistry,
    }.items()


def _font(function: str) -> Command:
    def font(parser: Parser) -> Atom:
        inner = parser.argument()
        if len(inner) == 1:
            return wrapped(function, inner)[0]
        return Atom(joined(wrapped(function, inner)), width=width(inner)) if inner else EMPTY

    return font


def _class(kind: Kind, name: str) -> Command:
    return lambda parser: classed(Atom(joined(inner := parser.argument()), width=width(inner)), kind, name)


def _text(function: str) -> Command:
    def words(parser: Parser) -> Atom:
        if not parser.reader.peek().is_character("{"):
            raise Unset("text without braces")
        written = parser.reader.written()
        inner = text(written, parser.inner)
        return Atom(call(function, inner) if function else inner, width=len(written) * 0.9)

    return words


def _operator(parser: Parser) -> Atom:
    limits = Limits.DISPLAY if parser.reader.accept("*") else Limits.SIDE
    return _named(parser, limits)


def _named(parser: Parser, limits: Limits) -> Atom:
    inner = parser.argument()
    name = "".join(atom.letters.replace("\N{MINUS SIGN}", "-").replace("\N{ASTERISK OPERATOR}", "*") for atom in inner)
    if all(atom.letters for atom in inner):
        return Atom(call("fn", literal(name)), Kind.OPERATOR, limits, len(name))
    return Atom(call("fn", joined(wrapped("upright(*)", inner))), Kind.OPERATOR, limits, width(inner))


def _function(name: str, limits: Limits) -> Command:
    return lambda _: Atom(call("fn", literal(name)), Kind.OPERATOR, limits, len(name))


def _space(size: float) -> Command:
    return lambda _: Atom(space(size), Kind.SPACE, width=size)


def _distance(parser: Parser) -> Atom:
    parser.reader.accept("*")
    braced = parser.reader.peek().is_character("{")
    size = ems(parser.reader.written() if braced else parser.reader.match(LENGTH).group())
    return Atom(space(size), Kind.SPACE, width=max(0.0, size))


def _coloured(parser: Parser) -> Atom:
    ink = colour(parser.reader.written())
    inner = parser.argument()
    atoms = wrapped(f"inked({ink},*)", inner)
    return replace(atoms[0], letters="") if len(atoms) == 1 else Atom(joined(atoms), width=width(inner))


def _negated(parser: Parser) -> Atom:
    base = parser.argument()
    if len(base) == 1 and base[0].letters in section("negations"):
        return letters(section("negations")[base[0].letters], Kind.RELATION)
    raise Unset("a negation of something that has no sign for it")


def _macro(source: str) -> Command:
    def macro(parser: Parser) -> Atom:
        atoms = parser.atoms_of(source)
        return atoms[0] if len(atoms) == 1 else group(atoms)

    return macro


def _dots(parser: Parser) -> Atom:
    r"""Set `\dots` as amsmath does: centred before a binary operator, a relation or an integral, else on the line."""
    following = parser.reader.peek()
    known = table().get(following.name) if following.command else None
    kinds = {Kind.BINARY, Kind.RELATION, Kind.INTEGRAL, Kind.OPERATOR}
    centred = following.is_character("+", "-", "=", "<", ">", "*") or (known is not None and known.kind in kinds)
    return letters("⋯" if centred else "…")


def _chemistry(parser: Parser) -> Atom:
    source = parser.reader.written()
    return Atom(parser.inner(chemistry.formula(source)), width=len(source))


def _same(parser: Parser) -> Atom:
    return group(parser.argument())


def _smashed(parser: Parser) -> Atom:
    """Read which side is smashed, which changes only the room above or below."""
    parser.reader.bracketed()
    return group(parser.argument())


def _strut(_parser: Parser) -> Atom:
    return Atom('phantom-height(v("("))', width=0)


def _nothing(_parser: Parser) -> Atom:
    return EMPTY


def _large_operator(parser: Parser) -> Atom:
    inner = parser.argument()
    return Atom(call("fn", joined(inner)), Kind.OPERATOR, Limits.DISPLAY, width(inner))

"""Atoms: the parts of a formula, each as an expression of Typst that calls functions of formulas.typ.

Text of the formula stands in string literals only, so nothing of it is read as markup or code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby

from documents.render.literals import literal


class Kind(StrEnum):
    """The kind of an atom, which decides on spaces and breaks around it."""

    ORDINARY = "ordinary"
    OPERATOR = "operator"
    INTEGRAL = "integral"
    BINARY = "binary"
    RELATION = "relation"
    OPENING = "opening"
    CLOSING = "closing"
    PUNCTUATION = "punctuation"
    SPACE = "space"


class Limits(StrEnum):
    """Where sub- and superscripts stand: at the side, or above and below in displays, or always."""

    SIDE = "side"
    DISPLAY = "display"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Atom:
    """A part of a formula. `letters` are its characters, if it is nothing else; `width` is roughly in letters."""

    code: str
    kind: Kind = Kind.ORDINARY
    limits: Limits = Limits.SIDE
    width: float = 1.0
    letters: str = ""


_GROWTH = 2.5
"""The largest of TeX's sizes of type, times the usual one."""

EMPTY = Atom("nil", width=0)


def letters(text: str, kind: Kind = Kind.ORDINARY) -> Atom:
    """The characters themselves, each as a symbol."""
    return Atom(f"v({literal(text)})", kind, width=len(text), letters=text)


def classed(atom: Atom, kind: Kind, name: str) -> Atom:
    """The atom with the spaces of another kind; `name` is Typst's name of it."""
    return replace(atom, code=f'cls("{name}", {atom.code})', kind=kind, letters="")


def call(function: str, *arguments: str) -> str:
    return f"{function}({', '.join(arguments)})"


def joined(atoms: Iterable[Atom]) -> str:
    """One expression for all atoms in a row."""
    codes = [code for part in _runs(atoms) for code in part]
    return codes[0] if len(codes) == 1 else call("seq", *codes) if codes else "nil"


def width(atoms: Sequence[Atom]) -> float:
    return sum(atom.width for atom in atoms)


def group(atoms: Sequence[Atom]) -> Atom:
    """One ordinary atom, as a pair of braces makes it."""
    if len(atoms) == 1 and atoms[0].kind is Kind.ORDINARY:
        return atoms[0]
    if all(atom.letters and atom.kind is Kind.ORDINARY for atom in atoms) and atoms:
        return letters("".join(atom.letters for atom in atoms))
    return Atom(call("cls", '"normal"', joined(atoms)), width=width(atoms)) if atoms else EMPTY


def wrapped(function: str, atoms: Sequence[Atom]) -> list[Atom]:
    """Each atom within a function that changes its look only; letters in a row together."""
    done: list[Atom] = []
    for plain, run in groupby(atoms, key=lambda atom: bool(atom.letters) and atom.kind is Kind.ORDINARY):
        parts = list(run)
        together = [letters("".join(atom.letters for atom in parts))] if plain else parts
        growth = _GROWTH if function.startswith("sized") else 1
        done += [
            replace(atom, code=function.replace("*", atom.code), letters="", width=atom.width * growth)
            for atom in together
        ]
    return done


def _runs(atoms: Iterable[Atom]) -> Iterable[list[str]]:
    for plain, run in groupby(atoms, key=lambda atom: bool(atom.letters)):
        if plain:
            yield [letters("".join(atom.letters for atom in run)).code]
        else:
            yield [atom.code for atom in run]

"""Characters of TeX: those that commands stand for, and those that are typed."""

from __future__ import annotations

import unicodedata
from functools import cache

from documents.render.tex.atoms import Atom, Kind, Limits, classed, letters
from documents.render.tex.errors import Unset
from documents.render.tex.tables import section, sections

_TYPED = {
    "+": ("+", Kind.BINARY),
    "-": ("\N{MINUS SIGN}", Kind.BINARY),
    "*": ("\N{ASTERISK OPERATOR}", Kind.BINARY),
    "=": ("=", Kind.RELATION),
    "<": ("<", Kind.RELATION),
    ">": (">", Kind.RELATION),
    ":": (":", Kind.RELATION),
    ",": (",", Kind.PUNCTUATION),
    ";": (";", Kind.PUNCTUATION),
    "(": ("(", Kind.OPENING),
    "[": ("[", Kind.OPENING),
    ")": (")", Kind.CLOSING),
    "]": ("]", Kind.CLOSING),
    "!": ("!", Kind.CLOSING),
    "?": ("?", Kind.CLOSING),
    "`": ("\N{LEFT SINGLE QUOTATION MARK}", Kind.OPENING),
    **{each: (each, Kind.ORDINARY) for each in "./|@"},
}

_CLASSES = {Kind.ORDINARY: "normal", Kind.BINARY: "binary", Kind.RELATION: "relation"}
_CLASSES |= {Kind.OPENING: "opening", Kind.CLOSING: "closing", Kind.PUNCTUATION: "punctuation"}
_UNLIKE_TYPST = set(":/|‖!?△▲▼□■◊★") | set("†‡&#_%$")
"""Characters that Typst spaces in another way than TeX does here."""


@cache
def table() -> dict[str, Atom]:
    """The atoms of commands that stand for one character each."""
    return {
        name: _symbol(each, Kind(kind))
        for kind in sections("symbols.txt")
        for name, each in section(kind, "symbols.txt").items()
    }


def typed(character: str) -> Atom:
    """The atom of a typed character. Raises Unset for one that means something else in TeX, or no character alone."""
    if character in _TYPED:
        return _symbol(*_TYPED[character])
    if character.isascii() and not character.isalnum():
        raise Unset(f"{character} is no mathematics")
    if unicodedata.category(character)[0] not in "LNPS":
        raise Unset("a character that is none alone")
    return _symbol(character, _kinds().get(character, Kind.ORDINARY))


@cache
def _kinds() -> dict[str, Kind]:
    return {atom.letters: atom.kind for atom in table().values() if atom.letters}


def _symbol(character: str, kind: Kind) -> Atom:
    atom = letters(character, kind)
    if character in _UNLIKE_TYPST:
        return classed(atom, kind, _CLASSES[kind])
    return Atom(atom.code, kind, Limits.DISPLAY, 1.5, character) if kind is Kind.OPERATOR else atom

"""Pieces of a formula: the parts between which it may break, each of which begins with its operator."""

from __future__ import annotations

from collections.abc import Sequence

from documents.render.tex.atoms import Atom, Kind, call, joined

_OPERANDS = {Kind.ORDINARY, Kind.CLOSING, Kind.OPERATOR, Kind.INTEGRAL}


def pieces(atoms: Sequence[Atom]) -> tuple[str, ...]:
    """The code of each piece. One that begins with an operator has an empty operand before it, for the spaces."""
    parts: list[list[Atom]] = [[]]
    for place, atom in enumerate(atoms):
        previous = atoms[place - 1] if place else None
        if previous is not None and (_begins(previous, atom) or previous.kind is Kind.PUNCTUATION):
            parts.append([])
        parts[-1].append(atom)
    return tuple(_code(part, first=place == 0) for place, part in enumerate(parts) if part)


def _begins(previous: Atom, atom: Atom) -> bool:
    """Whether the atom is an operator between two operands, or a relation that does not follow another one."""
    if atom.kind is Kind.BINARY:
        return previous.kind in _OPERANDS
    return atom.kind is Kind.RELATION and previous.kind is not Kind.RELATION


def _code(part: Sequence[Atom], first: bool) -> str:
    code = joined(part)
    return call("seq", "nil", code) if not first and part[0].kind in {Kind.BINARY, Kind.RELATION} else code

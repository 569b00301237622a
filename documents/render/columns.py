"""The columns of a table: what of each may not be broken, and its longest cell, for the template to measure."""

from __future__ import annotations

from collections.abc import Sequence

from documents.render.literals import code_literal, literal

_MEASURED = 3
_FORMULAS = 30
_EM = 0.75
_FULL_WIDTH = 0x1100
_INSET = 1.3
_LONGEST = 400
"""Letters of a cell that are measured: more fills any column."""


class Columns:
    """The columns of one table while its cells are written."""

    def __init__(self, count: int) -> None:
        self._words: list[dict[str, bool]] = [{} for _ in range(count)]
        self._formulas: list[dict[int, None]] = [{} for _ in range(count)]
        self._longest = [""] * count
        self._widest = [0.0] * count
        self._column = -1
        self._cell = ""
        self._width = 0.0

    def row(self) -> None:
        self._column = -1

    def cell(self) -> None:
        self._column += 1
        self._cell, self._width = "", 0.0

    def end_of_cell(self) -> str:
        """Note the cell's length, and give what follows it in the source."""
        if len(self._cell) > len(self._longest[self._column]):
            self._longest[self._column] = self._cell
        self._widest[self._column] = max(self._widest[self._column], self._width)
        return ","

    def pieces(self, pieces: Sequence[str], code: bool = False) -> None:
        """Note text that the table will hold, broken as it may be broken."""
        for piece in pieces:
            self._cell = (self._cell + piece)[:_LONGEST]
            self._width += sum(_EM if ord(letter) < _FULL_WIDTH else 1.1 for letter in piece)
            for word in piece.split():
                self._note(word, code)

    def formula(self, number: int, width: float) -> None:
        """Note a formula; `width` is the most it may take, in em."""
        self._width += width
        if len(self._formulas[self._column]) < _FORMULAS:
            self._formulas[self._column][number] = None

    def measures(self, room: float) -> str:
        """The array for the template: a dictionary for each column, or nothing if all certainly fits into `room` em."""
        if sum(width + _INSET for width in self._widest) <= room:
            return "()"
        return f"({''.join(f'{self._measure(column)},' for column in range(len(self._words)))})"

    def _note(self, word: str, code: bool) -> None:
        words = self._words[self._column]
        words[word] = code
        if len(words) > _MEASURED:
            del words[min(words, key=len)]

    def _measure(self, column: int) -> str:
        words = "".join(
            f"mono({code_literal(word)})," if code else f"{literal(word)},"
            for word, code in self._words[column].items()
        )
        formulas = "".join(f"{number}," for number in self._formulas[column])
        return f"(words: ({words}), formulas: ({formulas}), longest: {literal(self._longest[column])})"

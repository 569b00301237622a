"""Characters that no font has a glyph for: Typst sets a box for each, and says nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import typst

from documents.render.literals import literal

_GLYPH = re.compile(rb'<use xlink:href="#(\w+)"')
_MARKER = "x"
_UNASSIGNED = "\U0010fffe"
_SHOWN = {"Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"}
_SHOWN |= {"Sm", "Sc", "Sk", "So", "Co", "Cn"}
"""The categories with a glyph each; a character younger than Python's own tables is in none (Cn)."""

_COVERED = 0x250
"""Below it every character is in Typst's own fonts."""


class Glyphs:
    """What is known of some fonts and of those that replace them. Characters are set once each, in another document."""

    def __init__(self, compiler: typst.Compiler, fonts: str) -> None:
        self._typst = compiler
        self._fonts = fonts
        self._missing: dict[str, bool] = {}

    def missing(self, texts: Iterable[str]) -> str:
        """The characters of the texts that no font has, each once, in their order."""
        letters = list(dict.fromkeys(letter for text in texts for letter in text if ord(letter) >= _COVERED))
        shown = [letter for letter in letters if unicodedata.category(letter) in _SHOWN]
        unknown = [letter for letter in shown if letter not in self._missing]
        if unknown:
            self._missing |= zip(unknown, self._looked_up(unknown), strict=True)
        return "".join(letter for letter in shown if self._missing[letter])

    def _looked_up(self, letters: list[str]) -> list[bool]:
        """Whether each is set as a character is that no font can have."""
        marker, unassigned, *glyphs = self._glyphs([_MARKER, _UNASSIGNED, *letters])
        del marker
        return [bool(set(each) & set(unassigned)) for each in glyphs]

    def _glyphs(self, letters: list[str]) -> list[list[bytes]]:
        lines = "".join(f"#block(text({literal(letter)}))#block({literal(_MARKER)})" for letter in letters)
        source = f"#set page(width: 4cm, height: auto, margin: 0pt)\n#set text(font: {self._fonts})\n{lines}"
        svg = self._typst.compile(source.encode(), format="svg", sys_inputs={})
        assert isinstance(svg, bytes)
        found = _GLYPH.findall(svg)
        return _between(found, found[0])


def _between(glyphs: list[bytes], marker: bytes) -> list[list[bytes]]:
    """The glyphs of each letter: what stands before each marker. The first letter is the marker itself."""
    parts: list[list[bytes]] = [[]]
    for glyph in glyphs[2:]:
        if glyph == marker:
            parts.append([])
        else:
            parts[-1].append(glyph)
    return [[marker], *parts[:-1]]

"""The rendering of a document into PDF, in this process. Without limits of time and memory: see worker.py."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import typst

from documents.errors import DocumentTooLarge, RenderFailed
from documents.render.formulas import Formula, refused
from documents.render.glyphs import Glyphs
from documents.render.markdown_typst import to_typst
from documents.render.request import DocumentRequest, Rendered
from documents.render.source import MATHEMATICS, PROSE, REFUSAL, TypstSource, only_formulas

FONTS = "manimgx_fonts"


class Renderer:
    """A Typst compiler over an empty directory: a source finds no file there, and no package but a downloaded one.

    Fonts are those of the system, Typst's own (Libertinus Serif, New Computer Modern Math, DejaVu Sans Mono), and those
    of the package FONTS, if it is installed: Noto Emoji, and Noto Sans for many scripts.
    """

    def __init__(self, root: Path) -> None:
        """`root` is an empty directory without other writers."""
        nowhere = str(root)
        self._typst = typst.Compiler(
            root=nowhere,
            font_paths=typst.Fonts(font_paths=_font_folders()),
            package_path=nowhere,
            package_cache_path=nowhere,
        )
        self._text_glyphs = Glyphs(self._typst, PROSE)
        self._math_glyphs = Glyphs(self._typst, MATHEMATICS)

    def render(self, document: DocumentRequest) -> Rendered:
        """The PDF. Raises DocumentTooLarge if our own code refuses the document, RenderFailed if Typst does.

        Formulas that cannot be set are shown as TeX, without an error.
        """
        source = to_typst(document.content, document.options)
        pdf = self._pdf(source, int(document.at.timestamp()))
        return Rendered(pdf, self._missing(source))

    def pdf(self, document: DocumentRequest) -> bytes:
        return self.render(document).pdf

    def _missing(self, source: TypstSource) -> str:
        """The characters that no font has. Those of formulas that are set are looked for in the font of formulas."""
        formulas = [formula for formula in source.formulas if formula.math is not None]
        in_formulas = self._math_glyphs.missing([only_formulas(formulas).inputs["formulas"]])
        set_elsewhere = {letter for formula in formulas for letter in formula.tex}
        in_text = self._text_glyphs.missing([source.body, *source.values.values()])
        return "".join(dict.fromkeys([*(each for each in in_text if each not in set_elsewhere), *in_formulas]))

    def _pdf(self, source: TypstSource, at: int) -> bytes:
        try:
            return self.compile(source, at)
        except typst.TypstError as error:
            _raise_refusal(error)
            unset = refused(source.formulas, self._can_be_set)
        try:
            return self.compile(source.showing_tex(unset), at)
        except typst.TypstError as error:
            _raise_refusal(error)
            raise RenderFailed(f"the document cannot be set: {error.message}") from error

    def compile(self, source: TypstSource, at: int) -> bytes:
        """The source as PDF, created at that epoch second. Raises typst.TypstError."""
        pdf = self._typst.compile(source.text.encode(), format="pdf", sys_inputs=source.inputs, timestamp=at)
        assert isinstance(pdf, bytes)
        return pdf

    def _can_be_set(self, formulas: Sequence[Formula]) -> bool:
        try:
            self.compile(only_formulas(formulas), 0)
        except typst.TypstError:
            return False
        return True


def _raise_refusal(error: typst.TypstError) -> None:
    """Raise DocumentTooLarge if the template itself refused the document."""
    _, refusal, sentence = error.message.partition(REFUSAL)
    if refusal:
        raise DocumentTooLarge(sentence) from error


def _font_folders() -> list[str]:
    found = find_spec(FONTS)
    return list(found.submodule_search_locations or ()) if found else []

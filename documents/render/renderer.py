"""The rendering of a document into PDF, in this process. Without limits of time and memory: see worker.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typst

from documents.errors import RenderFailed
from documents.render.formulas import Formula, refused
from documents.render.markdown_typst import to_typst
from documents.render.request import DocumentRequest
from documents.render.source import TypstSource, only_formulas


class Renderer:
    """A Typst compiler over an empty directory: a source finds no file there, and no package but a downloaded one.

    Fonts are those of the system and Typst's own (Libertinus Serif, New Computer Modern Math, DejaVu Sans Mono).
    """

    def __init__(self, root: Path) -> None:
        """`root` is an empty directory without other writers."""
        nowhere = str(root)
        self._typst = typst.Compiler(
            root=nowhere, font_paths=typst.Fonts(), package_path=nowhere, package_cache_path=nowhere
        )

    def pdf(self, document: DocumentRequest) -> bytes:
        """The PDF. Raises DocumentTooLarge if markdown_typst.py refuses the document, RenderFailed if Typst does.

        Formulas that cannot be set are shown as TeX, without an error.
        """
        source = to_typst(document.content, document.options)
        at = int(document.at.timestamp())
        try:
            return self.compile(source, at)
        except typst.TypstError:
            unset = refused(source.formulas, self._can_be_set)
        try:
            return self.compile(source.showing_tex(unset), at)
        except typst.TypstError as error:
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

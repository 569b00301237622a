"""Text as it is put together from pieces and the gaps between them."""

from __future__ import annotations

SPACE, CELL, LINE, PARAGRAPH = " ", "\t", "\n", "\n\n"
_WIDTHS = {gap: width for width, gap in enumerate(("", SPACE, CELL, LINE, PARAGRAPH))}


class Layout:
    """A growing text. Between two pieces stands the widest gap of those that were asked for, before the first none."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._gap = ""
        self.length = 0

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def write(self, text: str) -> None:
        if self._parts:
            self._parts.append(self._gap)
            self.length += len(self._gap)
        self._gap = ""
        self._parts.append(text)
        self.length += len(text)

    def space(self, gap: str) -> None:
        self._gap = max(self._gap, gap, key=_WIDTHS.__getitem__)

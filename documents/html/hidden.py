"""The hidden element that a reader of HTML is in: nothing inside it is shown."""

from __future__ import annotations

from collections.abc import Mapping

from documents.html.elements import HIDEABLE, LEFT_OUT, is_unshown
from documents.html.tokens import VOID


class HiddenElement:
    """The outermost open element that is not shown, by what it is or as it says itself, if there is one."""

    def __init__(self) -> None:
        self._name = ""
        self._open = 0

    @property
    def is_open(self) -> bool:
        return self._open > 0

    def begins(self, name: str, attributes: Mapping[str, str]) -> bool:
        """Take in the beginning of an element; whether it is not shown."""
        if self.is_open:
            self._open += name == self._name
            return True
        unshown = name in LEFT_OUT or (name in HIDEABLE and is_unshown(attributes))
        if unshown and name not in VOID:
            self._name, self._open = name, 1
        return unshown

    def ends(self, name: str) -> None:
        """Take in the end of an element inside of it, or its own."""
        self._open -= name == self._name

"""Table of the explicit names of message types. Module paths are not data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from domain.messages import Named, Refused

Upcast = Callable[[dict[str, Any]], dict[str, Any]]


def unchanged(body: dict[str, Any]) -> dict[str, Any]:
    """Upcast of a message of which only the name changed."""
    return body


class UnknownName(Exception):
    """A stored name that no table lists: a message of newer code, or a retired name without an upcaster."""


def by_name(refusals: Iterable[type[Refused]]) -> dict[str, type[Refused]]:
    """Refusals by every name in outcomes, former names included; raises ValueError for a name of two refusals."""
    found: dict[str, type[Refused]] = {}
    for refusal in refusals:
        for name in (refusal.name, *refusal.formerly):
            if (other := found.setdefault(name, refusal)) is not refusal:
                raise ValueError(f"{name!r} is the name of two refusals, {other.__name__} and {refusal.__name__}")
    return found


class Names:
    """Table of all named messages, the upcasters from retired names to current ones, and all refusals."""

    def __init__(
        self,
        types: Iterable[type[Named]],
        upcasts: Mapping[str, tuple[str, Upcast]] | None = None,
        refusals: Iterable[type[Refused]] = (),
    ) -> None:
        self._types: dict[str, type[Named]] = {}
        for type_ in types:
            if not type_.name or self._types.setdefault(type_.name, type_) is not type_:
                raise ValueError(f"{type_.__name__} needs a name of its own, has {type_.name!r}")
        self._upcasts = dict(upcasts or {})
        self.refusals: Mapping[str, type[Refused]] = by_name(refusals)
        self.with_personal_fields = frozenset(
            name for type_ in self._types.values() if type_.personal_fields for name in self.names_for(type_)
        )
        """Every name, current or retired, of messages that may hold personal values today."""

    def type_of(self, name: str) -> type[Named]:
        """The current type of a current name; raises UnknownName."""
        try:
            return self._types[name]
        except KeyError:
            raise UnknownName(name) from None

    def current(self, name: str, body: dict[str, Any]) -> tuple[type[Named], dict[str, Any]]:
        """Upcast a stored body step by step; returns its current type and body. Raises UnknownName."""
        while name in self._upcasts:
            name, upcast = self._upcasts[name]
            body = upcast(body)
        return self.type_of(name), body

    def names_for(self, type_: type[Named]) -> list[str]:
        """Every name, current or retired, under which stored messages are read as this type."""
        return [name for name in (type_.name, *self._upcasts) if self._leads_to(name, type_.name)]

    def _leads_to(self, name: str, current: str) -> bool:
        while name in self._upcasts:
            name = self._upcasts[name][0]
        return name == current

    def is_current(self, name: str) -> bool:
        return name not in self._upcasts

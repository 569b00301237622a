"""Credentials in a channel's configuration: what may never be shown, told apart by the names of keys.

A key is a credential's if one of its words is `token`, `secret`, `password`, `key` or `credential`, at any depth. Names
of credentials are paths: `access_token`, `gateway.api_key`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pydantic import JsonValue

MARKS = frozenset({"token", "secret", "password", "key", "credential"})
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


class Divided(NamedTuple):
    """A configuration, or a patch of one, without its credentials; the credentials by name; and those left blank."""

    shown: dict[str, JsonValue]
    credentials: dict[str, str]
    blanks: frozenset[str]


def is_credential(name: str) -> bool:
    """Whether a key of this name holds a credential."""
    words = (word.lower() for word in WORD.findall(name))
    return any(word in MARKS or word.removesuffix("s") in MARKS for word in words)


def divided(configuration: Mapping[str, JsonValue]) -> Divided:
    """Divide a configuration into what may be shown and what may not."""
    found = list(_found(configuration, ""))
    given = {name: _text(value) for name, value in found if value is not None}
    blanks = frozenset(name for name, text in given.items() if not text.strip())
    shown = _shown(configuration)
    return Divided(
        shown if isinstance(shown, dict) else {},
        {name: text for name, text in given.items() if name not in blanks},
        blanks,
    )


def merged(known: Mapping[str, str], patch: Mapping[str, JsonValue]) -> dict[str, str]:
    """The credentials after a patch. A first-level key replaces what was below it; a blank leaves one as it is."""
    new = divided(patch)
    kept = {name: text for name, text in known.items() if name in new.blanks or not _is_below(name, patch)}
    return kept | new.credentials


def _is_below(name: str, patch: Mapping[str, JsonValue]) -> bool:
    return any(name == key or name.startswith(f"{key}.") for key in patch)


def _found(value: JsonValue | Mapping[str, JsonValue], place: str) -> Iterator[tuple[str, JsonValue]]:
    members: Iterator[tuple[str, JsonValue]] = iter(())
    if isinstance(value, Mapping):
        members = iter(value.items())
    elif isinstance(value, list):
        members = ((str(number), one) for number, one in enumerate(value))
    for name, inner in members:
        if is_credential(name):
            yield f"{place}{name}", inner
        else:
            yield from _found(inner, f"{place}{name}.")


def _shown(value: JsonValue | Mapping[str, JsonValue]) -> JsonValue:
    if isinstance(value, Mapping):
        return {name: _shown(inner) for name, inner in value.items() if not is_credential(name)}
    return [_shown(one) for one in value] if isinstance(value, list) else value


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

"""Web addresses in free-form values: whole in the message, or none at all. Half an address is a dead link."""

from __future__ import annotations

import re

LONGEST_ADDRESS = 900
"""Characters. One address of this length and the longest prose beside it fit into one text message."""

_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)


def addresses_in(text: str) -> list[str]:
    """The web addresses in a text."""
    return _ADDRESS.findall(text)


def is_address(text: str) -> bool:
    """Whether the text is one web address and nothing else."""
    return _ADDRESS.fullmatch(text) is not None


def shortened(text: str, longest: int) -> str:
    """At most that many characters of a text. An address that does not fit whole is left out, with what follows it."""
    for found in _ADDRESS.finditer(text):
        if found.start() < longest < found.end():
            return text[: found.start()].rstrip()
    return text[:longest]

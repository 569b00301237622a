"""What all e-mail connectors share: the verdict for an erased recipient, and the cleaning of providers' sentences."""

from __future__ import annotations

import re

from streams.core.calls import Rejected

ERASED = Rejected("erased", "the recipient's data was erased before the e-mail went out")

_LONGEST = 500
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"'`]+@[^\s<>()\[\],;:\"'`]+")


def without_addresses(text: str) -> str:
    """A provider's sentence for logs and events: short, printable, and without e-mail addresses."""
    printable = "".join(character if character.isprintable() else " " for character in text[: 4 * _LONGEST])
    return _ADDRESS.sub("[address]", printable)[:_LONGEST]

"""What all SMS connectors share: the verdict for an erased recipient, and the cleaning of providers' sentences."""

from __future__ import annotations

import re

from streams.core.calls import Rejected

ERASED = Rejected("erased", "the recipient's data was erased before the message went out")

_LONGEST = 500
_NUMBER = re.compile(r"\+?\d(?:[\s().-]{0,2}\d){6,}")


def without_numbers(text: str) -> str:
    """A provider's sentence for logs and events: short, printable, and without phone numbers."""
    printable = "".join(character if character.isprintable() else " " for character in text[: 4 * _LONGEST])
    return _NUMBER.sub("[number]", printable)[:_LONGEST]

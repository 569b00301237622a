"""HTML of a caller, cleaned beside the event loop: the largest takes seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from api.errors import FieldError, invalid
from content.content_generator.sanitizer import TooNested
from domain.content_generator.composed import TooLarge


async def cleaned(field: str, clean: Callable[..., str], *values: str) -> str:
    """What `clean` makes of the values; a fault of the HTML is one of the field (400)."""
    try:
        return await asyncio.to_thread(clean, *values)
    except (TooNested, TooLarge) as error:
        raise invalid([FieldError(field, str(error), missing=False)]) from None

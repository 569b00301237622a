"""Values in the answers of providers. A value of another type counts as missing: a decision never fails for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from domain.messages import Attempt, Instant

_INSTANT: TypeAdapter[Instant] = TypeAdapter(Instant)


def output_of(attempt: Attempt) -> Mapping[str, Any]:
    """The output; empty where there is none."""
    return attempt.output or {}


def text(output: Mapping[str, Any], name: str) -> str | None:
    """A text that is not empty."""
    value = output.get(name)
    return value if isinstance(value, str) and value else None


def whole(output: Mapping[str, Any], name: str) -> int | None:
    """A number of things."""
    value = output.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def instant(output: Mapping[str, Any], name: str) -> Instant | None:
    """A time with an offset."""
    try:
        return _INSTANT.validate_python(output.get(name))
    except ValidationError:
        return None


def objects(output: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects of a list."""
    value = output.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []

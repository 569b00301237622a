"""Bounds of JSON objects that are stored as callers send them."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

import orjson


def bounded(deepest: int, most: int, shown: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The check of an object: its depth in levels, its numbers, and its size in bytes of JSON.

    It raises ValueError with a sentence for the caller, in which `shown` is the greatest size.
    """

    def check(value: dict[str, Any]) -> dict[str, Any]:
        if _depth(value, deepest) > deepest:
            raise ValueError(f"must not be nested deeper than {deepest} levels")
        if _holds_no_number(value):
            raise ValueError("holds a number that is none (NaN or infinite)")
        try:
            size = len(orjson.dumps(value))
        except TypeError:
            raise ValueError("holds a number or text that cannot be stored") from None
        if size > most:
            raise ValueError(f"must not be larger than {shown} bytes")
        return value

    return check


def _depth(value: Any, deepest: int) -> int:
    """The number of levels, without those more than one beyond the deepest."""
    found, level = 0, [value]
    while level and found <= deepest:
        found += 1
        level = [child for item in level for child in _children(item)]
    return found


def _holds_no_number(value: Any) -> bool:
    if isinstance(value, float):
        return not isfinite(value)
    return any(_holds_no_number(child) for child in _children(value))


def _children(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return list(item.values())
    return item if isinstance(item, list) else []

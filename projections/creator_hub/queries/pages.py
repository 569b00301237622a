"""A page of a list. Pages count from 1; past the end is nothing."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Page(NamedTuple, Generic[T]):
    """The rows of a page, and the number of rows in all pages."""

    rows: list[T]
    total: int


def offset_of(page: int, limit: int) -> int:
    """The number of rows before a page."""
    return (page - 1) * limit

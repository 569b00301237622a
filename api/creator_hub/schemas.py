"""Answers, or parts of them, that several resources share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from math import ceil
from typing import NamedTuple

from pydantic import BaseModel

from api.errors import FieldError, invalid

DEFAULT_DAYS = 30
MOST_DAYS = 3_660


class Pagination(BaseModel):
    page: int
    limit: int
    total: int
    pages: int

    @classmethod
    def of(cls, page: int, limit: int, total: int) -> Pagination:
        """The place of a page among all."""
        return cls(page=page, limit=limit, total=total, pages=ceil(total / limit))


class DateRangeAnswer(BaseModel):
    start_date: date
    end_date: date


class Days(NamedTuple):
    """A range of days, UTC, both ends included."""

    first: date
    last: date

    @property
    def answer(self) -> DateRangeAnswer:
        return DateRangeAnswer(start_date=self.first, end_date=self.last)


def days_of(start: date | None, end: date | None, now: datetime) -> Days:
    """The range that a request means: up to today, from 30 days before its end; raises ApiError 400."""
    last = end or now.date()
    first = start or last - timedelta(days=DEFAULT_DAYS)
    if last < first:
        raise _wrong("must not be before start_date")
    if (last - first).days > MOST_DAYS:
        raise _wrong(f"must not be more than {MOST_DAYS:,} days after start_date")
    return Days(first, last)


def _wrong(message: str) -> Exception:
    return invalid([FieldError("end_date", message, missing=False)])


def blank(text: str | None) -> str | None:
    """A text to look for; None for everything."""
    return text.strip() or None if text else None


Json = Mapping[str, object]

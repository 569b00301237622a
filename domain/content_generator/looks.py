"""The times at which figures of providers are read: often at first, then rarely, for 30 days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

_PACES = (
    (timedelta(hours=1), timedelta(minutes=1)),
    (timedelta(days=1), timedelta(minutes=15)),
    (timedelta(days=30), timedelta(hours=6)),
)
"""Up to which age, at which distance."""


def _ages() -> Iterator[timedelta]:
    age = timedelta()
    for until, pace in _PACES:
        while age < until:
            age += pace
            yield age


AGES = tuple(_ages())
"""The ages at which something sent or published is looked at."""

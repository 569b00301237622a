"""Rate limits per caller and class, with the headers that tell a client where it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from math import ceil

from limits import RateLimitItem, WindowStats, parse

from api.counters import Counts
from api.errors import ApiError


@lru_cache(maxsize=10_000)
def _counted(limit: str, *identifiers: str) -> tuple[RateLimitItem, str]:
    item = parse(limit)
    return item, item.key_for(*identifiers)


class Limiter:
    """Limits requests. `classes` maps a limit's class to `N/unit`, as the surface documents it.

    Windows are fixed, or sliding: then no stretch of time as long as the window holds more than N requests.
    """

    def __init__(self, counts: Counts, surface: str, classes: Mapping[str, str], *, sliding: bool = False) -> None:
        self._counts = counts
        self._surface = surface
        self._classes = classes
        self._sliding = sliding

    async def hit(self, subject: str, class_: str, raised: Mapping[str, str]) -> dict[str, str]:
        """Counts one request and gives the headers to answer with; raises ApiError 429 when it is one too many.

        `X-RateLimit-Reset` is in epoch seconds, `Retry-After` in seconds. Raises psycopg.OperationalError when counts
        are shared and cannot be reached.
        """
        item, key = self._of(subject, class_, raised)
        allowed, window, now = await self._counts.hit(item, key, sliding=self._sliding)
        headers = _standing(item, window)
        if not allowed:
            wait = str(max(1, ceil(window.reset_time - now)))
            raise ApiError(
                429,
                f"Rate limit exceeded: {item.amount} requests per {_period(item)} for {class_}",
                kind="RateLimited",
                details=f"try again in {wait} seconds",
                headers=headers | {"Retry-After": wait},
            )
        return headers

    async def standing(self, subject: str, class_: str, raised: Mapping[str, str]) -> dict[str, str]:
        """The same headers, with nothing counted."""
        item, key = self._of(subject, class_, raised)
        return _standing(item, await self._counts.look(item, key, sliding=self._sliding))

    def _of(self, subject: str, class_: str, raised: Mapping[str, str]) -> tuple[RateLimitItem, str]:
        return _counted(raised.get(class_) or self._classes[class_], self._surface, class_, subject)


class InFlight:
    """Requests of one caller that are being served at once, in this process. `most` maps a limit's class to how many.

    A class that is not in `most` is not bounded.
    """

    def __init__(self, most: Mapping[str, int]) -> None:
        self._most = most
        self._serving: Counter[tuple[str, str]] = Counter()

    def enter(self, subject: str, class_: str) -> Callable[[], None]:
        """Counts one more and gives what says that it is over; raises ApiError 429 when it would be one too many."""
        key, most = (subject, class_), self._most.get(class_)
        if most is not None and self._serving[key] >= most:
            raise ApiError(
                429,
                f"Rate limit exceeded: {most} requests at once for {class_}",
                kind="RateLimited",
                details="wait for an answer before asking again",
                headers={"Retry-After": "1"},
            )
        self._serving[key] += 1
        return lambda: self._leave(key)

    def _leave(self, key: tuple[str, str]) -> None:
        self._serving[key] -= 1
        if self._serving[key] == 0:
            del self._serving[key]


def _standing(item: RateLimitItem, window: WindowStats) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(item.amount),
        "X-RateLimit-Remaining": str(window.remaining),
        "X-RateLimit-Reset": str(ceil(window.reset_time)),
    }


def _period(item: RateLimitItem) -> str:
    return item.GRANULARITY.name if item.multiples == 1 else f"{item.multiples} {item.GRANULARITY.name}s"

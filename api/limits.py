"""Rate limits per caller and class, with the headers that tell a client where it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from math import ceil
from time import time

from limits import RateLimitItem, WindowStats, parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter

from api.errors import ApiError


@lru_cache(maxsize=1_000)
def _item(text: str) -> RateLimitItem:
    return parse(text)


@lru_cache(maxsize=10_000)
def _key(item: RateLimitItem, *identifiers: str) -> str:
    return item.key_for(*identifiers)


class Limiter:
    """Counts requests. `classes` maps a limit's class to `N/unit`, as the surface documents it.

    Windows are fixed, or sliding: then no stretch of time as long as the window holds more than N requests.
    """

    def __init__(self, storage: Storage, surface: str, classes: Mapping[str, str], *, sliding: bool = False) -> None:
        self._storage = storage
        self._sliding = sliding
        self._strategy = MovingWindowRateLimiter(storage) if sliding else FixedWindowRateLimiter(storage)
        self._surface = surface
        self._classes = classes

    def hit(self, subject: str, class_: str, raised: Mapping[str, str]) -> dict[str, str]:
        """Counts one request and gives the headers to answer with; raises ApiError 429 when it is one too many.

        `X-RateLimit-Reset` is in epoch seconds, `Retry-After` in seconds.
        """
        item = self._of(class_, raised)
        allowed = self._strategy.hit(item, self._surface, class_, subject)
        stats = self._strategy.get_window_stats(item, self._surface, class_, subject)
        headers = _standing(item, stats)
        if not allowed:
            wait = str(max(1, ceil(stats.reset_time - time())))
            raise ApiError(429, f"Rate limit exceeded: {item.amount} requests per {_period(item)} for {class_}",
                           kind="RateLimited", details=f"try again in {wait} seconds",
                           headers=headers | {"Retry-After": wait})  # fmt: skip
        return headers

    def standing(self, subject: str, class_: str, raised: Mapping[str, str]) -> dict[str, str]:
        """The same headers, with nothing counted."""
        item = self._of(class_, raised)
        return _standing(item, self._strategy.get_window_stats(item, self._surface, class_, subject))

    def _of(self, class_: str, raised: Mapping[str, str]) -> RateLimitItem:
        return _item(raised.get(class_) or self._classes[class_])


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
            raise ApiError(429, f"Rate limit exceeded: {most} requests at once for {class_}", kind="RateLimited",
                           details="wait for an answer before asking again", headers={"Retry-After": "1"})  # fmt: skip
        self._serving[key] += 1
        return lambda: self._leave(key)

    def _leave(self, key: tuple[str, str]) -> None:
        self._serving[key] -= 1
        if self._serving[key] == 0:
            del self._serving[key]


def _standing(item: RateLimitItem, stats: WindowStats) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(item.amount),
        "X-RateLimit-Remaining": str(max(0, stats.remaining)),
        "X-RateLimit-Reset": str(ceil(stats.reset_time)),
    }


def _period(item: RateLimitItem) -> str:
    return item.GRANULARITY.name if item.multiples == 1 else f"{item.multiples} {item.GRANULARITY.name}s"

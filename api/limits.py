"""Rate limits per caller and class, with the headers that tell a client where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import ceil
from time import time

from limits import RateLimitItem, parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from api.errors import ApiError


@lru_cache(maxsize=1_000)
def _item(text: str) -> RateLimitItem:
    return parse(text)


class Limiter:
    """Counts requests in fixed windows. `classes` maps a limit's class to `N/unit`, as the surface documents it."""

    def __init__(self, storage: Storage, surface: str, classes: Mapping[str, str]) -> None:
        self._strategy = FixedWindowRateLimiter(storage)
        self._surface = surface
        self._classes = classes

    def hit(self, subject: str, class_: str, raised: Mapping[str, str]) -> dict[str, str]:
        """Counts one request and gives the headers to answer with; raises ApiError 429 when it is one too many.

        `X-RateLimit-Reset` is in epoch seconds, `Retry-After` in seconds.
        """
        item = _item(raised.get(class_) or self._classes[class_])
        allowed = self._strategy.hit(item, self._surface, class_, subject)
        stats = self._strategy.get_window_stats(item, self._surface, class_, subject)
        headers = {
            "X-RateLimit-Limit": str(item.amount),
            "X-RateLimit-Remaining": str(max(0, stats.remaining)),
            "X-RateLimit-Reset": str(ceil(stats.reset_time)),
        }
        if not allowed:
            wait = str(max(1, ceil(stats.reset_time - time())))
            raise ApiError(429, f"Rate limit exceeded: {item.amount} requests per {_period(item)} for {class_}",
                           kind="RateLimited", details=f"try again in {wait} seconds",
                           headers=headers | {"Retry-After": wait})  # fmt: skip
        return headers


def _period(item: RateLimitItem) -> str:
    return item.GRANULARITY.name if item.multiples == 1 else f"{item.multiples} {item.GRANULARITY.name}s"

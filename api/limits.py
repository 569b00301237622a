"""Rate limits per caller, address or thing and class, and their `X-RateLimit-…` headers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from math import ceil
from typing import Literal

from limits import RateLimitItem, WindowStats, parse

from api.counters import Counters
from api.errors import ApiError

Counted = Literal["subject", "address", "thing"]
"""What requests are counted by: a caller's subject, a client's address, or what they are about (a number, say)."""


@lru_cache(maxsize=10_000)
def _counted(limit: str, *identifiers: str) -> tuple[RateLimitItem, str]:
    item = parse(limit)
    return item, item.key_for(*identifiers)


class Limiter:
    """The rate limits of a surface. `classes` maps a limit's class to `N/unit`, as the surface documents it.

    Windows are fixed or sliding. With sliding windows, no period as long as the window holds more than N requests.
    """

    def __init__(self, counters: Counters, surface: str, classes: Mapping[str, str], *, sliding: bool = False) -> None:
        self._counters = counters
        self._surface = surface
        self._classes = classes
        self._sliding = sliding

    async def hit(self, who: str, class_: str, raised: Mapping[str, str], by: Counted = "subject") -> dict[str, str]:
        """Count one request of a subject, address or thing, and return the headers for its answer.

        Raises ApiError 429 above the limit, psycopg.OperationalError while shared counters are unreachable.
        `X-RateLimit-Reset` is in epoch seconds, `Retry-After` in seconds.
        """
        item, key = self._of(who, class_, raised, by)
        allowed, window, now = await self._counters.hit(item, key, sliding=self._sliding)
        headers = _headers(item, window)
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

    async def headers(self, subject: str, class_: str, raised: Mapping[str, str]) -> dict[str, str]:
        """The same headers, without counting a request."""
        item, key = self._of(subject, class_, raised)
        return _headers(item, await self._counters.look(item, key, sliding=self._sliding))

    def _of(
        self, who: str, class_: str, raised: Mapping[str, str], by: Counted = "subject"
    ) -> tuple[RateLimitItem, str]:
        """A subject named like an address is another key, as no subject has this separator."""
        key = who if by == "subject" else f"{by}\x1f{who}"
        return _counted(raised.get(class_) or self._classes[class_], self._surface, class_, key)


class InFlight:
    """A bound on the concurrent requests of each caller in this process. `most` maps a limit's class to the bound.

    A class without an entry in `most` is unbounded.
    """

    def __init__(self, most: Mapping[str, int]) -> None:
        self._most = most
        self._serving: Counter[tuple[str, str]] = Counter()

    def enter(self, subject: str, class_: str) -> Callable[[], None]:
        """Count one more request and return the function that ends it; raises ApiError 429 above the bound."""
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


def _headers(item: RateLimitItem, window: WindowStats) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(item.amount),
        "X-RateLimit-Remaining": str(window.remaining),
        "X-RateLimit-Reset": str(ceil(window.reset_time)),
    }


def _period(item: RateLimitItem) -> str:
    return item.GRANULARITY.name if item.multiples == 1 else f"{item.multiples} {item.GRANULARITY.name}s"

"""Rate limits per caller, address or thing and class, and their `X-RateLimit-…` headers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from math import ceil
from typing import Literal

from limits import RateLimitItem, WindowStats, parse
from starlette.types import ASGIApp, Receive, Scope, Send

from api.auth import Caller
from api.counters import Counters
from api.errors import ApiError
from api.headers import Header, with_default_headers

Counted = Literal["subject", "token", "address", "thing"]
"""What requests are counted by: a caller's subject or token, a client's address, or a thing (a number, say)."""


@lru_cache(maxsize=10_000)
def _counted(limit: str, *identifiers: str) -> tuple[RateLimitItem, str]:
    item = parse(limit)
    return item, item.key_for(*identifiers)


class Limiter:
    """The rate limits of a surface. `classes` maps a limit's class to `N/unit`, as the surface documents it.

    Windows are fixed or sliding. With sliding windows, no period as long as the window holds more than N requests.
    `tiers` are the limits of the tiers that tokens name. With `by_token`, each token of a caller has its own windows.
    """

    def __init__(
        self,
        counters: Counters,
        surface: str,
        classes: Mapping[str, str],
        *,
        sliding: bool = False,
        tiers: Mapping[str, Mapping[str, str]] | None = None,
        by_token: bool = False,
    ) -> None:
        self._counters = counters
        self._surface = surface
        self._classes = classes
        self._sliding = sliding
        self._tiers = tiers or {}
        self._by_token = by_token

    async def count(self, caller: Caller, class_: str) -> dict[str, str]:
        """Count one request of a caller: `hit` with the limits of the token, else those of its tier."""
        who, by = self._counted_by(caller)
        return await self.hit(who, class_, self._raised(caller), by)

    async def left(self, caller: Caller, class_: str) -> dict[str, str]:
        """The headers of a caller, without counting a request."""
        who, by = self._counted_by(caller)
        return await self.headers(who, class_, self._raised(caller), by)

    def untouched(self, class_: str, now: datetime) -> dict[str, str]:
        """The headers for what is not counted: the limit of a caller without a tier, in a window that begins now."""
        item, _ = _counted(self._classes[class_])
        return _headers(item, WindowStats(now.timestamp() + item.get_expiry(), item.amount))

    def _counted_by(self, caller: Caller) -> tuple[str, Counted]:
        """Tokens of before there were ids count by their caller."""
        return (caller.token_id, "token") if self._by_token and caller.token_id else (caller.identity, "subject")

    def _raised(self, caller: Caller) -> Mapping[str, str]:
        tier = self._tiers.get(caller.tier)
        return caller.limits if tier is None else {**tier, **caller.limits}

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

    async def headers(
        self, who: str, class_: str, raised: Mapping[str, str], by: Counted = "subject"
    ) -> dict[str, str]:
        """The same headers, without counting a request."""
        item, key = self._of(who, class_, raised, by)
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


class RateLimitHeaders:
    """The layer of a surface whose every answer has the headers, what it refuses and does not count included."""

    def __init__(self, limiter: Limiter, now: Callable[[], datetime], class_: str = "general") -> None:
        self._limiter = limiter
        self._now = now
        self._class = class_

    def __call__(self, app: ASGIApp) -> ASGIApp:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            await app(scope, receive, with_default_headers(send, self._untouched))

        return serve

    def _untouched(self) -> list[Header]:
        found = self._limiter.untouched(self._class, self._now())
        return [(name.lower().encode(), value.encode()) for name, value in found.items()]


def _headers(item: RateLimitItem, window: WindowStats) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(item.amount),
        "X-RateLimit-Remaining": str(window.remaining),
        "X-RateLimit-Reset": str(ceil(window.reset_time)),
    }


def _period(item: RateLimitItem) -> str:
    return item.GRANULARITY.name if item.multiples == 1 else f"{item.multiples} {item.GRANULARITY.name}s"

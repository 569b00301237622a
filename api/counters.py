"""Counters of requests for rate limits: in this process, or in the database that several API nodes share.

Both go by the engine's clock, and keep windows under the keys of the `limits` library. A fixed window begins with its
first request and counts refused ones too; a sliding window keeps the time of each request that it let through.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, NamedTuple, Protocol

from limits import RateLimitItem, WindowStats
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from streams.core.read_models import Row
from streams.postgres.database import KEPT_ALIVE, SESSION

SWEEP_SECONDS = 60.0
"""Seconds between two removals of ended windows by a process."""


class Hit(NamedTuple):
    """The count of one request: whether it is allowed, its window afterwards, and the time by the clock of windows."""

    allowed: bool
    window: WindowStats
    now: float


class Counters(Protocol):
    """Counters of requests, one for each key of caller and limit."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """The context in which requests can be counted."""
        ...

    async def hit(self, item: RateLimitItem, key: str, *, sliding: bool) -> Hit:
        """Count one request; raises psycopg.OperationalError while the counters are unreachable."""
        ...

    async def look(self, item: RateLimitItem, key: str, *, sliding: bool) -> WindowStats:
        """The current window, without counting a request; raises like `hit`."""
        ...


@dataclass(slots=True)
class FixedWindow:
    """A window that began with its first request."""

    ends_at: float
    hits: int = 0


class InProcessCounters:
    """Counters in memory, for an installation of one process. `now` is the engine's clock.

    Ended windows are removed by a hit once in `SWEEP_SECONDS`.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._fixed: dict[str, FixedWindow] = {}
        self._sliding: dict[str, tuple[float, deque[float]]] = {}
        self._swept_at = now().timestamp()

    def running(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def hit(self, item: RateLimitItem, key: str, *, sliding: bool) -> Hit:
        now = self._now().timestamp()
        self._sweep(now)
        if sliding:
            times = self._times(item, key, now)
            if allowed := len(times) < item.amount:
                times.append(now)
            return Hit(allowed, _slid(item, times, now), now)
        window = self._fixed.get(key)
        if window is None or window.ends_at <= now:
            window = self._fixed[key] = FixedWindow(now + item.get_expiry())
        window.hits += 1
        return Hit(window.hits <= item.amount, _stats(item, window), now)

    async def look(self, item: RateLimitItem, key: str, *, sliding: bool) -> WindowStats:
        now = self._now().timestamp()
        if sliding:
            return _slid(item, self._times(item, key, now), now)
        window = self._fixed.get(key)
        return _stats(item, FixedWindow(now) if window is None or window.ends_at <= now else window)

    def _times(self, item: RateLimitItem, key: str, now: float) -> deque[float]:
        """The times of the requests that a sliding window let through and still holds."""
        seconds, times = self._sliding.setdefault(key, (float(item.get_expiry()), deque()))
        while times and times[0] <= now - seconds:
            times.popleft()
        return times

    def _sweep(self, now: float) -> None:
        if now < self._swept_at + SWEEP_SECONDS:
            return
        self._swept_at = now
        self._fixed = {key: window for key, window in self._fixed.items() if window.ends_at > now}
        kept = self._sliding.items()
        self._sliding = {key: (seconds, times) for key, (seconds, times) in kept if times and times[-1] > now - seconds}


def _stats(item: RateLimitItem, window: FixedWindow) -> WindowStats:
    return WindowStats(window.ends_at, max(0, item.amount - window.hits))


def _slid(item: RateLimitItem, times: Sequence[float], now: float) -> WindowStats:
    begun = times[0] if times else now
    return WindowStats(begun + item.get_expiry(), item.amount - len(times))


NOW = "coalesce(%(now)s::timestamptz, clock_timestamp())"
"""A manual clock's time, else the database's, read while the row of the window is held."""

HIT_FIXED = f"""
    insert into headwater.rate_windows as w (key, hits, ends_at)
    values (%(key)s, 1, {NOW} + %(lasting)s)
    on conflict (key) do update set (hits, ends_at) = (
        select case when now < w.ends_at then w.hits + 1 else 1 end,
               case when now < w.ends_at then w.ends_at else now + %(lasting)s end
          from {NOW} as now)
    returning hits, extract(epoch from ends_at)::float8,
              extract(epoch from {NOW})::float8
"""

HIT_SLIDING = f"""
    insert into headwater.rate_windows as w (key, hits, moments, ends_at)
    values (%(key)s, 1, array[{NOW}], {NOW} + %(lasting)s)
    on conflict (key) do update set (hits, moments, ends_at) = (
        select cardinality(recent) + 1,
               case when cardinality(recent) < %(amount)s then recent || now else recent end,
               now + %(lasting)s
          from {NOW} as now, lateral (
               select array(select m from unnest(w.moments) as m
                             where m > now - %(lasting)s order by m) as recent) as _)
    returning hits, extract(epoch from moments[1] + %(lasting)s)::float8,
              extract(epoch from {NOW})::float8
"""

LOOK_FIXED = f"""
    select coalesce(max(hits), 0), extract(epoch from coalesce(max(ends_at), {NOW}))::float8
      from headwater.rate_windows where key = %(key)s and ends_at > {NOW}
"""

LOOK_SLIDING = f"""
    select cardinality(recent), extract(epoch from coalesce(recent[1], now) + %(lasting)s)::float8
      from {NOW} as now, lateral (
           select array(select m from headwater.rate_windows, unnest(moments) as m
                         where key = %(key)s and m > now - %(lasting)s order by m) as recent) as _
"""

SWEEP = """
    delete from headwater.rate_windows where key in (
        select key from headwater.rate_windows
         where ends_at < coalesce(%(now)s::timestamptz, now()) for update skip locked)
"""


class SharedCounters:
    """Counters in PostgreSQL, by its clock or a manual one, for the API nodes of one installation.

    A hit is one statement that reads the clock while it holds the row of the window, so two nodes cannot lose a count.
    The row of a sliding window holds the time of every request that it let through: use it for limits up to hundreds.
    """

    def __init__(self, dsn: str, manual: Callable[[], datetime] | None = None) -> None:
        self._manual = manual
        self._sweep_at = 0.0
        self._pool: AsyncConnectionPool[AsyncConnection[Row]] = AsyncConnectionPool(
            dsn,
            min_size=1,
            max_size=4,
            open=False,
            timeout=5.0,
            kwargs={"autocommit": True, "options": SESSION, "application_name": "headwater limits", **KEPT_ALIVE},
            check=_check_unasked,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self._pool:
            yield

    async def hit(self, item: RateLimitItem, key: str, *, sliding: bool) -> Hit:
        hits, reset, now = await self._ask(HIT_SLIDING if sliding else HIT_FIXED, item, key)
        return Hit(hits <= item.amount, WindowStats(reset, max(0, item.amount - hits)), now)

    async def look(self, item: RateLimitItem, key: str, *, sliding: bool) -> WindowStats:
        hits, reset = await self._ask(LOOK_SLIDING if sliding else LOOK_FIXED, item, key)
        return WindowStats(reset, max(0, item.amount - hits))

    async def _ask(self, sql: str, item: RateLimitItem, key: str) -> Row:
        values: dict[str, Any] = {
            "key": key,
            "amount": item.amount,
            "lasting": timedelta(seconds=item.get_expiry()),
            "now": None if self._manual is None else self._manual(),
        }
        async with self._pool.connection() as connection:
            row = await (await connection.execute(sql, values)).fetchone()
            if monotonic() >= self._sweep_at:
                self._sweep_at = monotonic() + SWEEP_SECONDS
                await connection.execute(SWEEP, values)
        assert row is not None
        return row


async def _check_unasked(connection: AsyncConnection[Row]) -> None:
    """A check without a round trip: raises psycopg.OperationalError for a connection that the server has closed."""
    connection.pgconn.consume_input()  # reads the server's last message, if there is one
    connection.pgconn.consume_input()  # reads the end of the connection

"""Counters of requests for rate limits: in this process, or in the database that several API nodes share.

Both keep the windows of the `limits` library under its keys. A fixed window begins with its first request and counts
refused ones too; a sliding window keeps the time of each request that it let through.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import timedelta
from threading import RLock
from time import monotonic, time
from typing import Any, NamedTuple, Protocol

from limits import RateLimitItem, WindowStats
from limits.storage import MemoryStorage, Storage
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


class InProcessCounters:
    """Counters in memory, for an installation of one process."""

    def __init__(self) -> None:
        self._storage = SweptMemoryStorage()

    def running(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def hit(self, item: RateLimitItem, key: str, *, sliding: bool) -> Hit:
        if sliding:
            allowed = self._storage.acquire_entry(key, item.amount, item.get_expiry())
            return Hit(allowed, self._sliding(item, key), time())
        hits = self._storage.incr(key, item.get_expiry())
        return Hit(hits <= item.amount, self._fixed(item, key, hits), time())

    async def look(self, item: RateLimitItem, key: str, *, sliding: bool) -> WindowStats:
        return self._sliding(item, key) if sliding else self._fixed(item, key, self._storage.get(key))

    def _sliding(self, item: RateLimitItem, key: str) -> WindowStats:
        start, hits = self._storage.get_moving_window(key, item.amount, item.get_expiry())
        return WindowStats(start + item.get_expiry(), item.amount - hits)

    def _fixed(self, item: RateLimitItem, key: str, hits: int) -> WindowStats:
        return WindowStats(self._storage.get_expiry(key), max(0, item.amount - hits))


class SweptMemoryStorage(MemoryStorage):
    """The library's memory storage, with ended windows removed by a hit once in `SWEEP_SECONDS`.

    The library removes them in a thread, which it starts up to a hundred times a second.
    """

    def __init__(self) -> None:
        Storage.__init__(self)  # MemoryStorage.__init__ starts a thread
        self.storage = Counter()
        self.locks = defaultdict(RLock)
        self.expirations = {}
        self.events = {}
        self._sweep_at = time() + SWEEP_SECONDS

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        acquired: bool = super().acquire_entry(key, limit, expiry, amount)
        del self.events[key][limit:]  # entries that no later request is measured against
        return acquired

    def _MemoryStorage__schedule_expiry(self) -> None:  # noqa: N802 - what the library calls at every hit
        now = time()
        if now < self._sweep_at:
            return
        self._sweep_at = now + SWEEP_SECONDS
        ended = [key for key, at in self.expirations.items() if at <= now]
        ended += [key for key, entries in self.events.items() if entries[0].expiry <= now]
        for key in ended:
            self.clear(key)


HIT_FIXED = """
    insert into headwater.rate_windows as w (key, hits, ends_at)
    values (%(key)s, 1, clock_timestamp() + %(lasting)s)
    on conflict (key) do update set (hits, ends_at) = (
        select case when now < w.ends_at then w.hits + 1 else 1 end,
               case when now < w.ends_at then w.ends_at else now + %(lasting)s end
          from clock_timestamp() as now)
    returning hits, extract(epoch from ends_at)::float8, extract(epoch from clock_timestamp())::float8
"""

HIT_SLIDING = """
    insert into headwater.rate_windows as w (key, hits, moments, ends_at)
    values (%(key)s, 1, array[clock_timestamp()], clock_timestamp() + %(lasting)s)
    on conflict (key) do update set (hits, moments, ends_at) = (
        select cardinality(recent) + 1,
               case when cardinality(recent) < %(amount)s then recent || now else recent end,
               now + %(lasting)s
          from clock_timestamp() as now, lateral (
               select array(select m from unnest(w.moments) as m
                             where m > now - %(lasting)s order by m) as recent) as _)
    returning hits, extract(epoch from moments[1] + %(lasting)s)::float8,
              extract(epoch from clock_timestamp())::float8
"""

LOOK_FIXED = """
    select coalesce(max(hits), 0), extract(epoch from coalesce(max(ends_at), clock_timestamp()))::float8
      from headwater.rate_windows where key = %(key)s and ends_at > clock_timestamp()
"""

LOOK_SLIDING = """
    select cardinality(recent), extract(epoch from coalesce(recent[1], now) + %(lasting)s)::float8
      from clock_timestamp() as now, lateral (
           select array(select m from headwater.rate_windows, unnest(moments) as m
                         where key = %(key)s and m > now - %(lasting)s order by m) as recent) as _
"""

SWEEP = """
    delete from headwater.rate_windows where key in (
        select key from headwater.rate_windows where ends_at < now() for update skip locked)
"""


class SharedCounters:
    """Counters in PostgreSQL, by its clock, for the API nodes of one installation.

    A hit is one statement that reads the clock while it holds the row of the window, so two nodes cannot lose a count.
    The row of a sliding window holds the time of every request that it let through: use it for limits up to hundreds.
    """

    def __init__(self, dsn: str) -> None:
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
        values: dict[str, Any] = {"key": key, "amount": item.amount, "lasting": timedelta(seconds=item.get_expiry())}
        async with self._pool.connection() as connection:
            row = await (await connection.execute(sql, values)).fetchone()
            if monotonic() >= self._sweep_at:
                self._sweep_at = monotonic() + SWEEP_SECONDS
                await connection.execute(SWEEP)
        assert row is not None
        return row


async def _check_unasked(connection: AsyncConnection[Row]) -> None:
    """A check without a round trip: raises psycopg.OperationalError for a connection that the server has closed."""
    connection.pgconn.consume_input()  # reads the server's last message, if there is one
    connection.pgconn.consume_input()  # reads the end of the connection

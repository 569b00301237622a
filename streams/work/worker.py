"""The worker: claims due tasks by name and key, and runs them side by side."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg import AsyncConnection

from domain.messages import Effect
from streams.core.calls import Performers
from streams.core.clock import Clock
from streams.core.gateway import Gateway
from streams.core.mapper import Mapper
from streams.core.read_models import Row
from streams.postgres.database import Statement, connect
from streams.postgres.task_claims import (
    EXTEND,
    MARK_UNKNOWN,
    TIMERS,
    Claimed,
    ClaimedRow,
    abandoned,
    claim,
    claim_of_keys,
    next_due,
    read_claimed,
    retry,
    waiting_keys,
)
from streams.work.slots import PAGE, SHARE, SLOTS, Slots
from streams.work.task_runner import TaskRunner

log = logging.getLogger(__name__)

LEASE_SECONDS = 30.0
IDLE_SECONDS = 5.0
LINGER_SECONDS = 5.0


class Worker:
    """Worker for the tasks of some contexts.

    `only_worker` means that no other process works on them, so the tasks that a predecessor left running are taken
    over at once instead of at the end of their lease.
    """

    def __init__(
        self,
        dsn: str,
        gateway: Gateway,
        mapper: Mapper,
        clock: Clock,
        performers: Performers,
        contexts: Sequence[str],
        partitions: int,
        name: str,
        only_worker: bool,
    ) -> None:
        self._dsn, self._mapper, self._clock = dsn, mapper, clock
        self._performers, self._contexts = performers, list(contexts)
        self._name, self._only_worker = name, only_worker
        self._runner = TaskRunner(
            gateway, mapper, clock, performers, partitions, name, self._connected, self._may_go_on
        )
        calls = {name for _, effect in performers for name in mapper.names.names_for(effect)}
        self._slots = {name: Slots() for name in (TIMERS, *sorted(calls))}
        self._connection: AsyncConnection[Row] | None = None
        self._running: dict[asyncio.Task[None], ClaimedRow] = {}
        self._wake = asyncio.Event()
        self._claimed_at = clock.now()
        self._next_due: datetime | None = None
        self._swept_at = -LEASE_SECONDS
        self._began = False
        self._closing = False
        self._closing_at = 0.0
        self._loops: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start the background loops: work and renewal of leases."""
        self._loops = [
            asyncio.create_task(self._work(), name="worker"),
            asyncio.create_task(self._renew(), name="leases"),
        ]

    async def stop(self) -> None:
        """Stop claiming, and finish the claimed tasks."""
        self._closing = True
        self._closing_at = asyncio.get_running_loop().time()
        self._wake.set()
        if self._loops:
            await self._loops[0]
            await asyncio.gather(*self._running, return_exceptions=True)
            self._loops[1].cancel()
        if self._connection is not None:
            await self._connection.close()

    def due(self, moment: datetime) -> None:
        """Report a new task's due time; wakes the worker before its next poll."""
        if moment <= self._clock.now() or self._next_due is None or moment < self._next_due:
            self._wake.set()

    async def _work(self) -> None:
        while not self._closing:
            try:
                self._wake.clear()
                if not await self._round():
                    await self._rest()
            except psycopg.OperationalError as error:
                log.warning("the database is not available to the worker: %s", type(error).__name__)
                await asyncio.sleep(0.5)
            except Exception:
                log.exception("the worker stumbled and goes on")
                await asyncio.sleep(0.5)

    async def _connected(self) -> AsyncConnection[Row]:
        if self._connection is None or self._connection.closed:
            self._connection = await connect(self._dsn, "headwater worker")
        return self._connection

    async def _round(self) -> bool:
        """Claim what is due and begin it; whether another round may find more, before any slot is freed."""
        connection = await self._connected()
        if not self._began:
            await connection.execute(*retry(self._contexts))
            self._began = True
        self._claimed_at = self._clock.now()
        found = await self._sweep(connection)
        await self._claim_oldest(connection)
        for name, slots in self._slots.items():
            if name != TIMERS and slots.crowded:
                found += await self._claim_by_key(connection, name, slots)
        return found > 0

    async def _sweep(self, connection: AsyncConnection[Row]) -> int:
        """From time to time: take over what dead workers left, and mark what no performer is known for."""
        if asyncio.get_running_loop().time() - self._swept_at <= LEASE_SECONDS / 2:
            return 0
        left = abandoned(self._name, LEASE_SECONDS, self._contexts, self._only_worker, SLOTS)
        found = await self._begin(await _fetch(connection, left), taken_over=True)
        if found < SLOTS:
            self._swept_at = asyncio.get_running_loop().time()
            await connection.execute(MARK_UNKNOWN, (self._claimed_at, self._contexts, list(self._slots)))
        return found

    async def _claim_oldest(self, connection: AsyncConnection[Row]) -> None:
        """Claim all due timers, and calls of the names under which no key holds its share, as far as there is room."""
        rooms = {name: slots.room for name, slots in self._slots.items() if name == TIMERS or not slots.crowded}
        timers = rooms.pop(TIMERS)
        due = claim(self._name, LEASE_SECONDS, self._claimed_at, self._contexts, timers, rooms, SHARE)
        await self._begin(await _fetch(connection, due), taken_over=False)
        for name in (TIMERS, *rooms):
            slots = self._slots[name]
            slots.limited = slots.room == 0 or (name != TIMERS and slots.crowded)

    async def _claim_by_key(self, connection: AsyncConnection[Row], name: str, slots: Slots) -> int:
        """Choose by key among all waiting calls, however many wait under the keys that hold their share."""
        slots.limited = True
        if slots.room == 0:
            return 0
        page = [(key, due_at) for key, due_at in await _fetch(connection, waiting_keys(name, slots.after, PAGE))]
        rooms = slots.rooms(page, self._claimed_at)
        if slots.turn(page) and not rooms:
            self._wake.set()
        if not rooms:
            return 0
        due = claim_of_keys(self._name, LEASE_SECONDS, self._claimed_at, self._contexts, name, rooms)
        return await self._begin(await _fetch(connection, due), taken_over=False)

    async def _rest(self) -> None:
        """Return at a reported due task, at the next known due time, or after `IDLE_SECONDS`: reports can be missed."""
        soon = next_due(self._claimed_at, self._contexts, list(self._slots))
        ((self._next_due,),) = await _fetch(await self._connected(), soon)
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._wake.wait())]
        if self._next_due is not None:
            waits.append(asyncio.ensure_future(self._clock.sleep_until(self._next_due)))
        _, pending = await asyncio.wait(waits, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for wait in pending:
            wait.cancel()

    async def _begin(self, rows: Sequence[Row], taken_over: bool) -> int:
        for row in map(ClaimedRow._make, rows):
            try:
                claimed = self._read(row)
            except Exception as error:
                log.exception("task %s (%s) cannot be read and is kept", row.id, row.name)
                await self._runner.keep(row.id, "unreadable", f"it cannot be read: {type(error).__name__}")
                continue
            run = asyncio.create_task(self._runner.run(claimed, taken_over), name=f"task {claimed.id}")
            self._running[run] = row  # a deferred task may be claimed again before its last run has ended
            self._slots[row.work].take(row.key)
            run.add_done_callback(self._finished)
        return len(rows)

    def _read(self, row: ClaimedRow) -> Claimed:
        claimed = read_claimed(self._mapper, row)
        if isinstance(claimed.message, Effect) and (row.context, type(claimed.message)) not in self._performers:
            raise LookupError(f"no performer of {row.name} is known")
        return claimed

    def _finished(self, run: asyncio.Task[None]) -> None:
        row = self._running.pop(run)
        slots = self._slots[row.work]
        slots.free(row.key)
        if slots.limited:
            self._wake.set()

    def _may_go_on(self) -> bool:
        """Bound the shutdown: another worker takes an unfinished task over when its lease ends."""
        return not self._closing or asyncio.get_running_loop().time() < self._closing_at + LINGER_SECONDS

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            if self._running:
                with contextlib.suppress(psycopg.OperationalError):
                    held = [row.id for row in self._running.values()]
                    await (await self._connected()).execute(EXTEND, (LEASE_SECONDS, held, self._name))


async def _fetch(connection: AsyncConnection[Row], statement: Statement) -> list[Row]:
    return await (await connection.execute(*statement)).fetchall()

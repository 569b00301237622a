"""The gateway of the embedded runtime and its single writer; the projection's transaction commits the log.

The writer takes all waiting commands (at most `BATCH`) as one batch and never waits for more. The next batch
accumulates while a commit is in flight.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg import AsyncConnection

from domain.messages import Event
from streams.core.batch import NOTHING_LOADED, Answer, Batch, Head, Wants
from streams.core.commits import Commits
from streams.core.envelope import Envelope, IdempotencyConflict, Outcome, Recorded
from streams.core.gateway import Unavailable
from streams.core.processor import Processor
from streams.core.read_models import Row
from streams.postgres.batch_transaction import statements, without_values, write_carefully
from streams.postgres.database import Statement, passing, read, write
from streams.postgres.installation import InUse, acquire_writer_lock
from streams.postgres.journal import Loads
from streams.postgres.projection_tables import Halt, Projections
from streams.postgres.schema import EPOCH_CHANGED, FENCED, KEY_STORED
from streams.telemetry.metrics import BATCH_SIZE, COMMIT_SECONDS, count_answers

log = logging.getLogger(__name__)

BATCH = 512
WAITING = 20_000
FULL_SECONDS = 0.3
"""Delay before the next attempt on a server that is connected but cannot write, such as one with a full disk."""

Heads = dict[tuple[str, int], Head]
HEADS = Statement("select context, partition, sequence, hash from headwater.partitions")


@dataclass(slots=True, eq=False)
class Waiting:
    """A queued command. `taken` means that a batch holds it, so the log may contain it."""

    envelope: Envelope
    answer: asyncio.Future[Answer]
    taken: bool = False


class EmbeddedGateway:
    """Gateway of an embedded installation, and its single writer."""

    def __init__(
        self, dsn: str, processor: Processor, projections: Projections, on_due: Callable[[datetime], None]
    ) -> None:
        self._dsn = dsn
        self._processor = processor
        self._projections = projections
        self._on_due = on_due
        self._queue: deque[Waiting] = deque()
        self._arrived = asyncio.Event()
        self._connection: AsyncConnection[Row] | None = None
        self._backend: int | None = None
        self._running: asyncio.Task[None] | None = None
        self._closing = False
        self.commits = Commits()
        self._stuck = False
        self.on_failure: Callable[[BaseException], None] = lambda _: None
        self.on_recorded: Callable[[Sequence[Recorded[Event]]], None] = lambda _: None

    async def start(self) -> None:
        """Connect, take the writer's lock and start the writer; raises InUse when another process holds the lock."""
        await self._connect()
        self._running = asyncio.create_task(self._serve(), name="writer")
        self._running.add_done_callback(self._ended)

    def _ended(self, running: asyncio.Task[None]) -> None:
        if not running.cancelled() and (failure := running.exception()) is not None and not self._closing:
            log.error("the writer has ended: %s", failure)
            self.on_failure(failure)

    async def stop(self) -> None:
        """Decide all queued commands, then release the lock. New commands are refused meanwhile."""
        self._closing = True
        self._arrived.set()
        if self._running is not None:
            await asyncio.gather(self._running, return_exceptions=True)
        if self._connection is not None:
            await self._connection.close()

    @property
    def connected(self) -> bool:
        return self._connection is not None and not self._connection.closed

    @property
    def stuck(self) -> bool:
        """Whether commands wait because the database committed none of them at the last try."""
        return self._stuck

    @property
    def failure(self) -> BaseException | None:
        """The error that ended the writer; None while it runs or after `stop`. The process cannot continue after it."""
        if self._running is None or not self._running.done() or self._running.cancelled():
            return None
        return self._running.exception()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    async def submit(self, envelope: Envelope, timeout_seconds: float) -> Outcome:
        """See `Gateway.submit`. Answers after the commit, so every later read sees the write."""
        if self._closing or self.failure is not None:
            raise Unavailable("the service is shutting down", maybe_recorded=False)
        if len(self._queue) >= WAITING:
            raise Unavailable("too many commands are waiting", maybe_recorded=False)
        loop = asyncio.get_running_loop()
        waiting = Waiting(envelope, loop.create_future())
        self._queue.append(waiting)
        self._arrived.set()
        deadline = loop.call_later(timeout_seconds, _expire, waiting)
        try:
            answer = await waiting.answer
        finally:
            deadline.cancel()
        if isinstance(answer, IdempotencyConflict):
            raise answer
        return answer

    async def outcome(self, context: str, command_id: UUID) -> Outcome | None:
        """See `Gateway.outcome`."""
        async with await AsyncConnection.connect(self._dsn, autocommit=True) as connection:
            loads = Loads.of(Wants(outcomes=[(context, command_id)]))
            found = loads.loaded(await read(connection, loads.statements))
        known = found.outcomes.get(command_id)
        if known is None:
            return None
        for key in found.keys:
            self._processor.mapper.keyring.learn(key)
        return self._processor.outcome_of(known)[1]

    async def _serve(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while taken := self._take():
                await self._process_or_recover(taken)
            self._stuck = False
            if self._closing:
                return

    def _take(self) -> list[Waiting]:
        taken: list[Waiting] = []
        while self._queue and len(taken) < BATCH:
            waiting = self._queue.popleft()
            if not waiting.answer.done():
                waiting.taken = True
                taken.append(waiting)
        return taken

    async def _process_or_recover(self, taken: list[Waiting]) -> None:
        try:
            await self._process(taken)
        except psycopg.Error as error:
            if not passing(error):
                await self._process_singly(taken, error)
                return
            log.warning("the database is not available: %s", type(error).__name__)
            self._stuck = True
            self._give_back(taken)
            if self.connected:
                await asyncio.sleep(FULL_SECONDS)
            await self._recover()

    async def _process_singly(self, taken: list[Waiting], error: psycopg.Error) -> None:
        """One command of the batch cannot be written; a batch per command finds it and commits the others."""
        if len(taken) == 1:
            log.error("a command cannot be written: %s", without_values(error))
            _fail(taken, Unavailable("the command could not be recorded", maybe_recorded=False))
            return
        for waiting in taken:
            await self._process_or_recover([waiting])

    async def _process(self, taken: list[Waiting]) -> None:
        connection = self._connection
        if connection is None or connection.closed:
            raise psycopg.OperationalError("not connected")
        envelopes = [waiting.envelope for waiting in taken]
        wants = self._processor.wants(envelopes)
        loads = Loads.of(wants)
        found = loads.loaded(await read(connection, loads.statements)) if wants else NOTHING_LOADED
        batch = self._processor.decide(envelopes, found)
        if batch.recorded and not await self._commit(connection, batch):
            return await self._process(taken)
        self._processor.committed(batch)
        self._stuck = False
        _answer(taken, batch)
        self.on_recorded(batch.recorded)
        self.commits.announce()
        return None

    async def _commit(self, connection: AsyncConnection[Row], batch: Batch) -> bool:
        """True when the batch is committed; False when it must be decided again: projections changed, or a key came."""
        projected = self._projections.project(batch)
        try:
            with COMMIT_SECONDS.time():
                await write(connection, statements(batch, projected, self._projections))
            halts = projected.halts
        except psycopg.Error as error:
            if error.sqlstate in (EPOCH_CHANGED, KEY_STORED):
                self._processor.aborted(batch)
                self._projections.learn(await read(connection, Projections.LOAD))
                return False
            if not passing(error):
                halts = await self._commit_carefully(batch, error)
            elif await self._was_committed(batch):
                halts = projected.halts
            else:
                self._processor.aborted(batch)
                raise
        self._projections.without(halts)
        BATCH_SIZE.observe(len(batch.answers))
        if projected.due:
            self._on_due(min(projected.due))
        return True

    async def _commit_carefully(self, batch: Batch, error: psycopg.Error) -> list[Halt]:
        """Use a new connection: after an error inside a pipeline psycopg may assume prepared statements that do not
        exist, and a healthy table would seem to refuse its rows."""
        if error.sqlstate == FENCED:
            raise InUse("another process writes to this installation; this one stops") from error
        log.warning("a table refused its rows (%s), looking for which", without_values(error))
        await self._recover()
        assert self._connection is not None
        try:
            projected = self._projections.project(batch)
            return await write_carefully(self._connection, batch, projected, self._projections)
        except psycopg.Error as again:
            if passing(again) and await self._was_committed(batch):
                return []
            self._processor.aborted(batch)
            raise

    async def _was_committed(self, batch: Batch) -> bool:
        """A connection lost during the commit leaves its result open; the heads in the database decide it."""
        found = await self._recover()
        return all(found[place] == after for place, (_, after) in batch.heads.items())

    def _give_back(self, taken: Sequence[Waiting]) -> None:
        for waiting in reversed(taken):
            waiting.taken = False
            if not waiting.answer.done():
                self._queue.appendleft(waiting)
        self._arrived.set()

    async def _recover(self) -> Heads:
        delay = 0.05
        while True:
            try:
                return await self._connect()
            except psycopg.OperationalError:
                await asyncio.sleep(delay)
                delay = min(1.0, delay * 2)
                if self._closing:
                    self._drop_all()

    def _drop_all(self) -> None:
        _fail(list(self._queue), Unavailable("the service is shutting down", maybe_recorded=False))
        self._queue.clear()
        raise psycopg.OperationalError("closing without a database")

    async def _connect(self) -> Heads:
        """Take the lock over a new connection, so the heads it reads include the old connection's last transaction."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                await self._connection.close()
        self._connection = await acquire_writer_lock(self._dsn, former=self._backend)
        self._backend = self._connection.info.backend_pid
        rows, *registry = await read(self._connection, [HEADS, *Projections.LOAD])
        heads = {(context, partition): Head(sequence, hash_) for context, partition, sequence, hash_ in rows}
        for place, head in heads.items():
            if not self._processor.owns(*place):
                self._processor.adopt(*place, head)
        self._projections.learn(registry)
        return heads


def _answer(taken: Sequence[Waiting], batch: Batch) -> None:
    count_answers((waiting.envelope for waiting in taken), batch.answers)
    for waiting, answer in zip(taken, batch.answers, strict=True):
        if not waiting.answer.done():
            waiting.answer.set_result(answer)


def _fail(taken: Sequence[Waiting], error: Exception) -> None:
    for waiting in taken:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)


def _expire(waiting: Waiting) -> None:
    if not waiting.answer.done():
        sentence = "the command could not be recorded in time"
        waiting.answer.set_exception(Unavailable(sentence, maybe_recorded=waiting.taken))

"""The worker: claims due tasks, performs their effects through connectors, submits the answers as commands."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import psycopg
from psycopg import AsyncConnection

from domain.messages import Attempt, Command, Effect, Reply, Result
from streams.core.calls import Accepted, Deferred, Performers, Rejected, Unknown, Verdict
from streams.core.clock import Clock
from streams.core.envelope import IdempotencyConflict, Status, TaskEnd
from streams.core.gateway import Gateway, Pending, Unavailable, envelop
from streams.core.mapper import Mapper
from streams.core.read_models import Row
from streams.core.refusals import TooLarge
from streams.core.sizes import check_stored_size
from streams.postgres.database import Statement, connect
from streams.postgres.tasks import EXTEND, NEXT_DUE, Claimed, ClaimedRow, abandoned, claim, read_claimed
from streams.telemetry.metrics import CALLS

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 8
FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 300.0
LEASE_SECONDS = 30.0
SUBMIT_TIMEOUT_SECONDS = 30.0
IDLE_SECONDS = 5.0
LINGER_SECONDS = 5.0
CONCURRENCY = 64


def may_repeat(attempts: int, idempotent: bool) -> bool:
    """Whether to repeat an attempt with unknown outcome automatically: only where the provider recognises repeats."""
    return idempotent and attempts < MAX_ATTEMPTS


def backoff(attempts: int, jitter: float) -> float:
    """Seconds until the next attempt: one second, doubled up to five minutes, times `jitter` (0.5 to 1)."""
    return min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0 ** (attempts - 1)) * jitter


def attempt_of(verdict: Verdict, number: int, provider: str, repeatable: bool, now: datetime, jitter: float) -> Attempt:
    """The attempt that a connector's verdict makes: accepted, rejected, deferred or unconfirmed."""
    known: dict[str, Any] = {"number": number, "provider": provider, "output": verdict.output}
    match verdict:
        case Accepted():
            return Attempt(result=Result.ACCEPTED, provider_id=verdict.provider_id, **known)
        case Rejected(code, reason):
            return Attempt(result=Result.REJECTED, code=code, reason=reason, **known)
        case Deferred(code, reason, _) if number >= MAX_ATTEMPTS:
            given_up = f"given up after {number} attempts: {reason}"
            return Attempt(result=Result.REJECTED, code=code, reason=given_up, **known)
        case Deferred(code, reason, after):
            retry_at = now + timedelta(seconds=backoff(number, jitter) if after is None else after)
            return Attempt(result=Result.DEFERRED, code=code, reason=reason, retry_at=retry_at, **known)
        case Unknown(reason) if repeatable:
            retry_at = now + timedelta(seconds=backoff(number, jitter))
            return Attempt(result=Result.DEFERRED, code="unknown", reason=reason, retry_at=retry_at, **known)
        case Unknown(reason):
            return Attempt(result=Result.UNCONFIRMED, reason=reason, **known)


def answer_of(reply: Reply, attempt: Attempt, now: datetime) -> Reply:
    """The reply with its attempt; one that no record could hold becomes a rejection."""
    answer = reply.answered(attempt, now)
    try:
        check_stored_size(answer)
    except TooLarge as refusal:
        return reply.answered(without_output(attempt, refusal), now)
    return answer


def without_output(attempt: Attempt, refusal: TooLarge) -> Attempt:
    """The attempt as a rejection: what it gave is lost, and the call, which may have been paid, is not made again."""
    given_up = {"code": "too_large", "reason": refusal.sentence, "output": None, "retry_at": None}
    return attempt.model_copy(update={"result": Result.REJECTED, **given_up})


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
        self._dsn, self._gateway, self._mapper, self._clock = dsn, gateway, mapper, clock
        self._performers, self._contexts, self._partitions = performers, list(contexts), partitions
        self._name, self._only_worker = name, only_worker
        self._connection: AsyncConnection[Row] | None = None
        self._running: dict[asyncio.Task[None], UUID] = {}
        self._wake = asyncio.Event()
        self._next_due: datetime | None = None
        self._looked_for_abandoned = -LEASE_SECONDS
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
                if await self._round() == 0 or len(self._running) >= CONCURRENCY:
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

    async def _round(self) -> int:
        connection = await self._connected()
        found = 0
        if asyncio.get_running_loop().time() - self._looked_for_abandoned > LEASE_SECONDS / 2:
            self._looked_for_abandoned = asyncio.get_running_loop().time()
            left = abandoned(self._name, LEASE_SECONDS, self._contexts, self._only_worker, CONCURRENCY)
            found += self._begin(await _fetch(connection, left), taken_over=True)
        room = CONCURRENCY - len(self._running)
        if room > 0:
            due = claim(self._name, LEASE_SECONDS, self._clock.now(), self._contexts, room)
            found += self._begin(await _fetch(connection, due), taken_over=False)
        return found

    async def _rest(self) -> None:
        """Ends at a reported due task, at the next known due time, or after `IDLE_SECONDS`: reports can be missed."""
        connection = await self._connected()
        ((self._next_due,),) = await _fetch(connection, Statement(NEXT_DUE, [self._contexts]))
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._wake.wait())]
        if self._next_due is not None and len(self._running) < CONCURRENCY:
            waits.append(asyncio.ensure_future(self._clock.sleep_until(self._next_due)))
        _, pending = await asyncio.wait(waits, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for wait in pending:
            wait.cancel()

    def _begin(self, rows: Sequence[Row], taken_over: bool) -> int:
        for row in map(ClaimedRow._make, rows):
            try:
                claimed = read_claimed(self._mapper, row)
            except Exception:
                log.exception("task %s (%s) cannot be read and stays claimed until its lease ends", row.id, row.name)
                continue
            run = asyncio.create_task(self._perform(claimed, taken_over), name=f"task {claimed.id}")
            self._running[run] = claimed.id  # a deferred task may be claimed again before its last run has ended
            run.add_done_callback(self._finished)
        return len(rows)

    def _finished(self, run: asyncio.Task[None]) -> None:
        del self._running[run]
        if len(self._running) == CONCURRENCY - 1:
            self._wake.set()

    async def _perform(self, task: Claimed, taken_over: bool) -> None:
        try:
            if isinstance(task.message, Command):
                await self._submit(task, task.message.model_copy(update={"at": self._clock.now()}), "timer", None)
            else:
                await self._call(task, task.message, taken_over)
        except Exception:
            log.exception("task %s (%s) failed and is taken up again when its lease ends", task.id, task.message.name)

    async def _call(self, task: Claimed, effect: Effect, taken_over: bool) -> None:
        connector = self._performers[task.context, type(effect)]
        assert task.reply is not None
        if taken_over and not connector.idempotent:
            verdict: Verdict = Unknown("the process that made this call ended before the answer came")
        else:
            verdict = await connector(effect, str(task.id))
        jitter = random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, hides nothing
        again = may_repeat(task.attempts, connector.idempotent)
        attempt = attempt_of(verdict, task.attempts, connector.provider, again, self._clock.now(), jitter)
        CALLS.labels(task.context, connector.provider, attempt.result.value).inc()
        step = f"{'taken over' if taken_over else 'attempt'} {task.attempts}"
        try:
            await self._submit(task, answer_of(task.reply, attempt, self._clock.now()), step, attempt.retry_at)
        except TooLarge as refusal:
            log.error("task %s: the answer to %s cannot be recorded: %s", task.id, effect.name, refusal.sentence)
            rejection = task.reply.answered(without_output(attempt, refusal), self._clock.now())
            await self._submit(task, rejection, f"{step}, too large", None)

    async def _submit(self, task: Claimed, command: Command, step: str, due_at: datetime | None) -> None:
        """Retries until the command is recorded. Its id derives from the task's id, so repeats are recorded once.

        Raises TooLarge for a command that the log cannot hold, however often it is sent.
        """
        envelope = envelop(
            command,
            task.context,
            self._partitions,
            actor=f"task:{task.id}",
            command_id=uuid5(task.id, step),
            correlation_id=task.correlation_id,
            causation_id=task.event_id,
            task=TaskEnd(id=task.id, due_at=due_at),
        )
        while True:
            try:
                outcome = await self._gateway.submit(envelope, SUBMIT_TIMEOUT_SECONDS)
            except Unavailable as unavailable:
                if self._closing and not self._may_linger():
                    log.warning("task %s: its answer could not be recorded before the end", task.id)
                    return
                await asyncio.sleep(unavailable.retry_after)
                continue
            except (Pending, IdempotencyConflict):
                return
            if outcome.problem is not None and outcome.problem.type == TooLarge.name:
                raise TooLarge(outcome.problem.sentence)
            if outcome.status in (Status.REFUSED, Status.FAILED):
                log.warning("task %s: %s was %s: %s", task.id, command.name, outcome.status, outcome.problem)
            if outcome.replayed and due_at is None:
                await self._drop(task)
            return

    def _may_linger(self) -> bool:
        """Bounds the shutdown: another worker takes an unfinished task over when its lease ends."""
        return asyncio.get_running_loop().time() < self._closing_at + LINGER_SECONDS

    async def _drop(self, task: Claimed) -> None:
        """Deletes a task whose command an earlier process recorded without ending the task."""
        connection = await self._connected()
        await connection.execute("delete from headwater.tasks where id = %s and owner = %s", (task.id, self._name))

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            if self._running:
                with contextlib.suppress(psycopg.OperationalError):
                    connection = await self._connected()
                    await connection.execute(EXTEND, (LEASE_SECONDS, list(self._running.values()), self._name))


async def _fetch(connection: AsyncConnection[Row], statement: Statement) -> list[Row]:
    return await (await connection.execute(*statement)).fetchall()

"""Test runtimes behind one interface, so that one suite covers them all."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from psycopg.rows import dict_row

from domain.messages import Command
from streams.core.calls import Accepted, Verdict, begin_call
from streams.core.clock import ManualClock
from streams.core.envelope import Envelope, Outcome, Record
from streams.core.gateway import envelop
from streams.core.wiring import Context
from streams.embedded.runtime import EmbeddedRuntime
from streams.postgres.database import Statement, connect, read
from streams.postgres.journal import COLUMNS
from streams.postgres.status import installation
from streams.postgres.task_claims import retry
from streams.testing import MemoryRuntime
from streams.work.worker import LEASE_SECONDS, Worker
from tests.contract.shelf import SHELF, FillJar, OpenJar, Supply

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
PARTITIONS = 4


class Supplier:
    """The shelf's supplier: counts what was asked of it and answers as scripted, else accepts.

    `meanwhile` are things that happen before its request leaves, one each time.
    """

    provider = "supplier"

    def __init__(self, idempotent: bool = True) -> None:
        self.idempotent = idempotent
        self.keys: list[str] = []
        self.verdicts: deque[Verdict] = deque()
        self.meanwhile: deque[Callable[[], Coroutine[Any, Any, object]]] = deque()

    def answer(self, key: str) -> Verdict:
        self.keys.append(key)
        return self.verdicts.popleft() if self.verdicts else Accepted(f"supplied {key}")

    async def __call__(self, effect: Supply, key: str) -> Verdict:
        if self.meanwhile:
            await self.meanwhile.popleft()()
        begin_call()
        return self.answer(key)

    async def close(self) -> None:
        """There is nothing to close."""


class Runtime(Protocol):
    """What the contract asks of a runtime."""

    clock: ManualClock
    supplier: Supplier

    async def submit(self, envelope: Envelope) -> Outcome: ...

    async def outcome(self, command_id: UUID) -> Outcome | None: ...

    async def journal(self) -> list[Record]: ...

    async def rows(self, model: str) -> dict[Any, dict[str, Any]]: ...

    async def settle(self) -> None:
        """Returns when no task is due any more."""
        ...

    async def kept(self) -> list[tuple[str, str | None]]:
        """The tasks whose commands failed, by name, each with its error."""
        ...

    async def retry(self) -> None:
        """Lets the kept tasks go on, as a start does and `headwater tasks retry`."""
        ...


async def do(runtime: Runtime, command: Command, **envelope: Any) -> Outcome:
    """Decides one command."""
    return await runtime.submit(envelop(command, "shelf", PARTITIONS, "test", **envelope))


def open_jar(jar: str = "plums", owner: str = "ada", note: str | None = None) -> OpenJar:
    return OpenJar(at=START, jar=jar, owner=owner, note=note)


def fill(grams: int, jar: str = "plums", owner: str = "ada") -> FillJar:
    return FillJar(at=START, jar=jar, owner=owner, grams=grams)


class InMemory:
    """The memory runtime behind the contract's face."""

    def __init__(self) -> None:
        self.clock = ManualClock(START)
        self.supplier = Supplier()
        self._runtime = MemoryRuntime([SHELF], self.clock, PARTITIONS)

    async def submit(self, envelope: Envelope) -> Outcome:
        return await self._runtime.submit(envelope)

    async def outcome(self, command_id: UUID) -> Outcome | None:
        return await self._runtime.outcome("shelf", command_id)

    async def journal(self) -> list[Record]:
        return [recorded.record for recorded in self._runtime.journal]

    async def rows(self, model: str) -> dict[Any, dict[str, Any]]:
        return {key[0]: row for key, row in self._runtime.tables.get(model, {}).items()}

    async def settle(self) -> None:
        self._runtime.run_due(lambda effect, key: _at_once(self.supplier(effect, key)), self.supplier.idempotent)

    async def kept(self) -> list[tuple[str, str | None]]:
        return self._runtime.kept()

    async def retry(self) -> None:
        self._runtime.retry()


def _at_once(call: Coroutine[Any, Any, Verdict]) -> Verdict:
    """What the call comes to, in memory, where nothing ever waits."""
    try:
        call.send(None)
    except StopIteration as end:
        verdict: Verdict = end.value
        return verdict
    raise AssertionError("a call in memory waited")


class Database:
    """Reading what a runtime left in PostgreSQL."""

    def __init__(self, dsn: str, clock: ManualClock, worker: Worker) -> None:
        self.dsn = dsn
        self._clock = clock
        self.worker = worker

    async def journal(self) -> list[Record]:
        async with await connect(self.dsn) as connection:
            every = f"select {COLUMNS} from headwater.journal j order by context, partition, sequence"
            (rows,) = await read(connection, [Statement(every)])
        return [Record(*row) for row in rows]

    async def rows(self, model: str) -> dict[Any, dict[str, Any]]:
        async with await connect(self.dsn) as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(f"select * from read_models.{model}")
            rows = await cursor.fetchall()
        return {next(iter(row.values())): row for row in rows}

    async def settle(self) -> None:
        async with await connect(self.dsn) as connection, asyncio.timeout(60):
            due = "select count(*) from headwater.tasks where state = 'running' or state = 'waiting' and due_at <= %s"
            while (await read(connection, [Statement(due, [self._clock.now()])])) != [[(0,)]]:
                await asyncio.sleep(0.01)

    async def kept(self) -> list[tuple[str, str | None]]:
        async with await connect(self.dsn) as connection:
            return [(task.name, task.error) for task in (await installation(connection)).kept_tasks]

    async def retry(self) -> None:
        """The worker is told of the tasks as of new ones, and sweeps as at a start: no test waits for its polls."""
        async with await connect(self.dsn) as connection:
            await connection.execute(*retry(["shelf"]))
        self.worker._swept_at = -LEASE_SECONDS
        self.worker.due(START)


class Embedded(Database):
    """The embedded runtime behind the contract's face."""

    def __init__(self, runtime: EmbeddedRuntime, clock: ManualClock, supplier: Supplier) -> None:
        super().__init__(runtime.dsn, clock, runtime.worker)
        self.runtime = runtime
        self.clock = clock
        self.supplier = supplier

    async def submit(self, envelope: Envelope) -> Outcome:
        return await self.runtime.gateway.submit(envelope, 60.0)

    async def outcome(self, command_id: UUID) -> Outcome | None:
        return await self.runtime.gateway.outcome("shelf", command_id)


@asynccontextmanager
async def embedded(dsn: str, context: Context = SHELF, idempotent: bool = True) -> AsyncIterator[Embedded]:
    """An embedded runtime of the shelf over this database, running."""
    clock, supplier = ManualClock(START), Supplier(idempotent)
    runtime = EmbeddedRuntime(dsn, [context], bytes(32), clock, {(context.name, Supply): supplier}, PARTITIONS)
    async with runtime.run():
        yield Embedded(runtime, clock, supplier)


HOUR = timedelta(hours=1)

"""The product as a process that is killed (kill -9) and started again, at random or at the commit of every fact.

At every fact: of each name of an event the first is not committed before the process has ended once, and the process
ends once more as soon as it is. So every step is taken up again, both by a process that knows nothing of it and by one
that finds it on record.
"""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import threading
from collections.abc import Callable
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from unittest import mock

import httpcore2
import psycopg
from psycopg import AsyncConnection

from commands.content_generator import publication_reactions
from commands.content_generator.post import LOOKS
from domain.messages import Event
from streams.core.batch import Batch
from streams.core.envelope import OUTCOMES, Record, Recorded
from streams.core.read_models import Row
from streams.embedded.gateway import EmbeddedGateway
from tests.api.content_generator.callers import PATIENT_SECONDS
from tests.api.content_generator.surface import NAME
from tests.api.process import FORKING, serve
from tests.api.product import variables_of
from tests.streams.kafka.broker import free_port

BEFORE, AFTER = "before", "after"
LOOKS_ARE_SOONER = 10
"""Lost posts are looked for after 0.2, 1 and 3 seconds."""

DUE = "select count(*) from headwater.tasks where state = 'running' or state = 'waiting' and due_at <= now()"
FACTS = f"select distinct name from headwater.journal where context = %s and stream not like '{OUTCOMES}/%%'"


class Restarted:
    """The product over a database, started again whenever it has been killed, until the block is left."""

    def __init__(self, database: str, directory: Path, variables: dict[str, str], crashes: Path | None = None) -> None:
        self.database = database
        self.port = free_port()
        self.starts = 0
        self.failure: str | None = None
        self._log = directory / "log"
        self._variables = variables_of(database, directory, self.port) | variables
        self._crashes = crashes
        self._process: BaseProcess | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def __enter__(self) -> Restarted:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.kill()
        self._thread.join()

    def _keep(self) -> None:
        while not self._over.is_set():
            process = FORKING.Process(target=serve_crashing, args=(self._variables, self._log, self._crashes))
            process.start()
            self.starts += 1
            self._process = process
            if self._over.is_set():
                process.kill()
            process.join()
            if process.exitcode != -signal.SIGKILL:
                self.failure = f"it ended with {process.exitcode}: {self._log.read_text()[-4000:]}"
                return

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()

    def ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the database."""
        with psycopg.connect(self.database) as connection:
            return connection.execute(sql.encode(), values).fetchall()

    def facts(self) -> set[str]:
        """The names of all events of this context on record."""
        return {name for (name,) in self.ask(FACTS, NAME)}

    async def until(self, condition: Callable[[], bool], complaint: str, seconds: float = PATIENT_SECONDS) -> None:
        """Wait until the condition holds."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not condition():
            assert self.failure is None, self.failure
            assert asyncio.get_running_loop().time() < deadline, complaint
            await asyncio.sleep(0.02)

    async def until_settled(self) -> None:
        """Wait until no task is due any more, and the process has ended at everything on record."""
        await self.until(lambda: self.ask(DUE) == [(0,)], "tasks are still due")
        await self.until(self._at_every_fact, "it has not ended at every fact")

    def _at_every_fact(self) -> bool:
        if self._crashes is None:
            return True
        points = CrashPoints(self._crashes)
        return points.facts(BEFORE) == points.facts(AFTER) == self.facts()


class CrashPoints:
    """The crashes so far, a line each: `before` or `after`, and the name of the fact."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.reached = set(file.read_text().splitlines()) if file.exists() else set()

    def facts(self, when: str) -> set[str]:
        """The facts at whose commit the process has ended."""
        return {line.partition(" ")[2] for line in self.reached if line.startswith(when)}

    def reach(self, when: str, recorded: list[Recorded[Event]]) -> None:
        """End the process, unless it has ended at all of these facts already."""
        new = {f"{when} {one.record.name}" for one in recorded if _is_fact(one.record)} - self.reached
        if new:
            with self._file.open("a") as lines:
                lines.write("".join(f"{line}\n" for line in sorted(new)))
            os.kill(os.getpid(), signal.SIGKILL)


def _is_fact(record: Record) -> bool:
    return record.context == NAME and not record.stream.startswith(f"{OUTCOMES}/")


def crash_at(points: CrashPoints) -> None:
    """From now on this process ends at commits."""
    commit = EmbeddedGateway._commit

    async def crash(self: EmbeddedGateway, connection: AsyncConnection[Row], batch: Batch) -> bool:
        points.reach(BEFORE, batch.recorded)
        done = await commit(self, connection, batch)
        if done:
            points.reach(AFTER, batch.recorded)
        return done

    EmbeddedGateway._commit = crash  # type: ignore[method-assign]


def serve_crashing(variables: dict[str, str], log: Path, crashes: Path | None) -> None:
    """What the process does, until it is killed or ends itself."""
    if crashes is not None:
        crash_at(CrashPoints(crashes))
    sooner = tuple(after / LOOKS_ARE_SOONER for after in LOOKS)
    without_certificates = partial(ssl.SSLContext, ssl.PROTOCOL_TLS_CLIENT)  # reading them is half of a start
    with (
        mock.patch.object(publication_reactions, "LOOKS", sooner),
        mock.patch.object(httpcore2, "default_ssl_context", without_certificates),
    ):
        serve(variables, log)

"""The product as a process that is killed (kill -9), at random or at the commit of every fact, and started again."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psycopg

from streams.core.envelope import OUTCOMES
from tests.api.content_generator.callers import PATIENT_SECONDS
from tests.api.content_generator.crash_points import AFTER, BEFORE, NAME, CrashPoints, serve_crashing
from tests.api.process import FORKING
from tests.api.product import variables_of
from tests.streams.kafka.broker import free_port

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
            await asyncio.sleep(0.05)

    async def until_settled(self) -> None:
        """Wait until no task is due any more, and the process has ended at everything on record."""
        await self.until(lambda: self.ask(DUE) == [(0,)], "tasks are still due")
        await self.until(self._at_every_fact, "it has not ended at every fact")

    def _at_every_fact(self) -> bool:
        if self._crashes is None:
            return True
        points = CrashPoints(self._crashes)
        return points.facts(BEFORE) == points.facts(AFTER) == self.facts()

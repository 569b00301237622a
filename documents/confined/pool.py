"""The pool of confined processes of one job, and the queue of requests."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Self

from documents.confined.failures import Busy, Lost
from documents.confined.job import Answer, Job
from documents.confined.process import ConfinedProcess


class ConfinedPool:
    """Several processes, and a bounded queue of requests, first come, first served."""

    def __init__(self, job: Job, workers: int = 1, waiting: int = 16) -> None:
        self._job = job
        self._root = tempfile.TemporaryDirectory(prefix="headwater-documents-")
        self._workers = [ConfinedProcess(job, Path(self._root.name)) for _ in range(workers)]
        self._idle: asyncio.LifoQueue[ConfinedProcess] = asyncio.LifoQueue()  # a warm process before a cold one
        self._most_waiting = waiting
        self._waiting = 0
        self._closed = False
        for worker in self._workers:
            self._idle.put_nowait(worker)

    @property
    def pids(self) -> list[int]:
        """The ids of the running processes."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

    async def perform(self, body: bytes) -> Answer:
        """The job's answer. Raises Late, OutOfMemory, Broken, Lost, or Busy if the queue is full."""
        worker = await self._worker()
        try:
            return await worker.perform(body)
        finally:
            self._idle.put_nowait(worker)

    async def close(self) -> None:
        """End all processes; their current requests fail. Nothing is performed afterwards."""
        self._closed = True
        for worker in self._workers:
            await worker.stop()
        self._root.cleanup()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _worker(self) -> ConfinedProcess:
        if self._idle.empty() and self._waiting >= self._most_waiting:
            raise Busy(f"{self._waiting} documents wait to be {self._job.done}: try again in a moment")
        self._waiting += 1
        try:
            worker = await self._idle.get()
        finally:
            self._waiting -= 1
        if self._closed:
            self._idle.put_nowait(worker)
            raise Lost(f"the {self._job.noun} is closed")
        return worker

"""One confined process, as its parent sees it: started when first needed, and again after its death."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from documents.confined.failures import Broken, Late, Lost, OutOfMemory, death
from documents.confined.frames import LENGTH, READY, answer_from, frame
from documents.confined.job import Answer, Job, Outcome

START_SECONDS = 30.0
GRACE_SECONDS = 5.0

_KEPT = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "XDG_DATA_HOME")
"""The variables of the parent's environment for a process: enough to run and to find fonts, and no secret."""

_NOWHERE = "http://127.0.0.1:9"
"""The discard port as proxy: a download by a library would end here."""

_BROKEN = (asyncio.IncompleteReadError, ConnectionError)


class ConfinedProcess:
    """One process, which performs one request at a time. Not for concurrent tasks: use the pool."""

    def __init__(self, job: Job, root: Path) -> None:
        """`root` is an empty directory, the process's working directory."""
        self.job = job
        self._root = root
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """The id of the running process, if there is one."""
        return self._process.pid if self._process else None

    async def perform(self, body: bytes) -> Answer:
        """The job's answer. Raises Late, OutOfMemory, Broken or Lost. A cancellation ends the process."""
        process = self._process or await self._start()
        seconds = self.job.limits.seconds
        try:
            async with asyncio.timeout(seconds):
                answer, retiring = await _exchange(process, body)
        except TimeoutError:
            await self.stop()
            raise Late(f"the document takes longer than {seconds:g} seconds to {self.job.verb}") from None
        except _BROKEN:
            raise death(await self._ended(), self.job.noun) from None
        except BaseException:
            await self.stop()
            raise
        if retiring:
            await self.stop()
        return _of_the_job(answer, self.job)

    async def stop(self) -> int | None:
        """End the process, if one is running, and return its exit code: minus the signal's number, if by a signal."""
        process, self._process = self._process, None
        if process is None:
            return None
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        return await process.wait()

    async def _ended(self) -> int | None:
        """The exit code of a process that closed its pipe. Killing it at once could hide its own exit code."""
        if self._process is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), GRACE_SECONDS)
        return await self.stop()

    async def _start(self) -> Process:
        process = self._process = await _spawn(self.job, self._root)
        try:
            async with asyncio.timeout(START_SECONDS):
                greeting = await _frame_from(process)
        except (TimeoutError, *_BROKEN):
            greeting = b""
        except BaseException:
            await self.stop()
            raise
        if greeting != READY:
            raise Lost(f"the {self.job.noun} does not start: it ended with {await self._ended()}")
        return process


def _of_the_job(answer: Answer, job: Job) -> Answer:
    match answer.outcome:
        case Outcome.OUT_OF_MEMORY:
            raise OutOfMemory
        case Outcome.BROKEN:
            raise Broken(f"the {job.noun} broke: {answer.reason}")
        case _:
            return answer


async def _spawn(job: Job, root: Path) -> Process:
    limits = job.limits
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "documents.confined.worker", job.module, json.dumps(asdict(limits)), str(root)),
        stdin=PIPE,
        stdout=PIPE,
        limit=limits.answer_bytes,  # must hold a whole answer: a paused pipe hides that its process ended
        cwd=root,
        env=_environment(limits.threads),
        start_new_session=True,  # an interrupt at the terminal goes to the parent only, which stops its processes
    )


def _environment(threads: int) -> dict[str, str]:
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | {
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "RAYON_NUM_THREADS": str(threads),
        "MALLOC_ARENA_MAX": str(threads),
        "http_proxy": _NOWHERE,
        "https_proxy": _NOWHERE,
    }


async def _exchange(process: Process, body: bytes) -> tuple[Answer, bool]:
    assert process.stdin is not None
    process.stdin.write(frame(body))
    await process.stdin.drain()
    head = await _frame_from(process)
    return answer_from(head, await _frame_from(process))


async def _frame_from(process: Process) -> bytes:
    assert process.stdout is not None
    (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
    return await process.stdout.readexactly(length)

"""The pool of extraction processes: hostile files are settled in time and memory, and good files go through after."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from documents.confined.failures import Lost
from documents.confined.job import Answer, Job, Limits, Outcome, Perform
from documents.confined.pool import ConfinedPool
from documents.extract.pool import ExtractionPool
from documents.extract.request import (
    Extracted,
    ExtractionFailed,
    ExtractionLimits,
    ExtractionRequest,
    ExtractorBusy,
    Failure,
    Unextractable,
)
from tests.documents.files import docx, paragraph, pdf
from tests.documents.hostile_files import HOSTILE, MEGABYTE, SLOW

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")

GOOD = docx(paragraph("Good morning"))
ENDLESS = b"<p>" * 7 * MEGABYTE
"""Markup that takes a minute to read."""


@pytest.fixture
async def pool() -> AsyncIterator[ExtractionPool]:
    async with ExtractionPool() as pool:
        yield pool


def request(content: bytes, name: str) -> ExtractionRequest:
    return ExtractionRequest(content, name, 1_000, 200)


async def good(pool: ExtractionPool) -> str:
    return (await pool.extract(request(GOOD, "good.docx"))).text


async def outcome(pool: ExtractionPool, content: bytes, name: str) -> Failure | None:
    try:
        await pool.extract(request(content, name))
    except Unextractable as refusal:
        return refusal.code if str(refusal) else None
    return None


class Watch:
    """The most resident memory that a pool's process was seen with, from outside."""

    def __init__(self, pool: ExtractionPool) -> None:
        self._pool = pool
        self.most = 0

    async def __aenter__(self) -> Watch:
        self._task = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _look(self) -> None:
        while True:
            for pid in self._pool.pids:
                self._read(pid)
            await asyncio.sleep(0.002)

    def _read(self, pid: int) -> None:
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        except OSError:
            return
        self.most = max([self.most, *(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))])


async def test_a_file_is_extracted_with_its_pages_and_chunks(pool: ExtractionPool) -> None:
    found = await pool.extract(ExtractionRequest(pdf(["word " * 30, "שלום"]), "file.pdf", 50, 10))
    assert found.text.startswith("word word")
    assert len(found.pages) == 2
    assert found.plan.spans[0].start == 0
    assert found.plan.spans[-1].end == len(found.text)
    assert [span.end - span.start <= 50 for span in found.plan.spans] == [True] * len(found.plan.spans)


@pytest.mark.timeout(180)
async def test_hostile_files_are_settled_in_time_and_memory_and_good_ones_go_through_afterwards(
    pool: ExtractionPool,
) -> None:
    found = {}
    async with Watch(pool) as watch:
        for name, (file_name, made, _) in HOSTILE.items():
            async with asyncio.timeout(20):
                found[name] = await outcome(pool, made(), file_name)
        assert await good(pool) == "Good morning"
    assert found == {name: failure for name, (_, _, failure) in HOSTILE.items()}
    assert 10 * MEGABYTE < watch.most < 256 * MEGABYTE


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", SLOW)
async def test_files_that_grow_without_bound_end_by_their_limits(name: str) -> None:
    file_name, made = SLOW[name]
    memory = 128 * MEGABYTE
    async with ExtractionPool(ExtractionLimits(seconds=15, memory_bytes=memory)) as pool:
        async with Watch(pool) as watch, asyncio.timeout(60):
            assert await outcome(pool, made(), file_name) in {Failure.BOMB, Failure.TIMEOUT, Failure.NO_TEXT}
        assert watch.most <= memory
        assert await good(pool) == "Good morning"


async def test_a_file_that_takes_too_long_is_ended_and_says_so() -> None:
    async with ExtractionPool(ExtractionLimits(seconds=1)) as pool:
        with pytest.raises(Unextractable, match="takes longer than 1 seconds to read") as refusal:
            await pool.extract(request(ENDLESS, "a.html"))
        assert refusal.value.code is Failure.TIMEOUT
        assert await good(pool) == "Good morning"


async def test_a_file_that_takes_too_much_memory_is_ended_and_says_so() -> None:
    async with ExtractionPool(ExtractionLimits(memory_bytes=80 * MEGABYTE)) as pool:
        with pytest.raises(Unextractable, match="takes more memory to read than one file may") as refusal:
            await pool.extract(request(ENDLESS, "a.html"))
        assert refusal.value.code is Failure.BOMB
        assert await good(pool) == "Good morning"


async def test_a_process_that_is_killed_fails_for_a_reason_outside_of_the_file(pool: ExtractionPool) -> None:
    await good(pool)
    (pid,) = pool.pids
    task = asyncio.create_task(pool.extract(request(ENDLESS, "a.html")))
    await asyncio.sleep(0)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(ExtractionFailed):
        await task
    assert await good(pool) == "Good morning"


async def test_more_files_than_may_wait_are_refused_at_once() -> None:
    async with ExtractionPool(waiting=1) as pool:
        tasks = [asyncio.create_task(pool.extract(request(GOOD, "a.docx"))) for _ in range(3)]
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [Extracted, Extracted, ExtractorBusy]


def prepared(root: Path, _limits: Limits) -> Perform:
    """A job that tries what a sealed process may not do."""

    def perform(body: bytes) -> Answer:
        import socket

        try:
            socket.socket() if body == b"network" else (root / "file").read_bytes()
        except OSError as error:
            return Answer(Outcome.DONE, os.strerror(error.errno or 0))
        return Answer(Outcome.DONE, "open")

    return perform


@pytest.mark.parametrize("tried", [b"network", b"file"])
async def test_a_sealed_process_opens_no_file_and_no_connection(tried: bytes) -> None:
    sealed = Limits(seconds=10, memory_bytes=512 << 20, answer_bytes=1 << 20, sealed=True)
    async with ConfinedPool(Job("tests.documents.test_extraction_pool", "try", "tried", "trial", sealed)) as pool:
        (Path(pool._root.name) / "file").write_text("x")
        assert (await pool.perform(tried)).reason == "Too many open files"


async def test_a_job_that_does_not_start_is_lost() -> None:
    limits = Limits(seconds=10, memory_bytes=512 << 20, answer_bytes=1 << 20)
    async with ConfinedPool(Job("documents.none", "try", "tried", "trial", limits)) as pool:
        with pytest.raises(Lost, match="the trial does not start"):
            await pool.perform(b"")

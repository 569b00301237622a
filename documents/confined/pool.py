"""The pool of renderers: worker processes, the queue of documents, and failures as errors."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Self

from documents.confined.frames import LENGTH, MEMORY_REASON, READY, RenderOutcome, answer_head, frame, request_body
from documents.errors import DocumentError, DocumentTooLarge, RendererBusy, RenderFailed, RenderTimeout
from documents.render.request import THREADS, DocumentLimits, DocumentRequest, Rendered

START_SECONDS = 30.0
GRACE_SECONDS = 5.0

_KEPT = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "XDG_DATA_HOME")
"""The variables of the parent's environment for a worker: enough to run and to find fonts, and no secret."""

_NOWHERE = "http://127.0.0.1:9"
"""The discard port as proxy: a download of a package by Typst would end here."""

_BROKEN = (asyncio.IncompleteReadError, ConnectionError)


class PdfWorker:
    """One process, which renders one document at a time; started when first needed, and again after its death.

    Not for concurrent tasks: use the pool.
    """

    def __init__(self, limits: DocumentLimits, root: Path) -> None:
        """`root` is an empty directory, the whole file system for Typst."""
        self._limits = limits
        self._root = root
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """The id of the running process, if there is one."""
        return self._process.pid if self._process else None

    async def render(self, document: DocumentRequest) -> Rendered:
        """The PDF. Raises DocumentTooLarge, RenderTimeout or RenderFailed. A cancellation ends the process."""
        process = self._process or await self._start()
        try:
            async with asyncio.timeout(self._limits.seconds):
                outcome, reason, retiring, rendered = await _exchange(process, document)
        except TimeoutError:
            await self.stop()
            raise RenderTimeout(f"the document takes longer than {self._limits.seconds:g} seconds to render") from None
        except _BROKEN:
            raise _death(await self._ended()) from None
        except BaseException:
            await self.stop()
            raise
        if retiring:
            await self.stop()
        return _rendered(outcome, reason, rendered)

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
        process = self._process = await _spawn(self._limits, self._root)
        try:
            async with asyncio.timeout(START_SECONDS):
                greeting = await _frame_from(process)
        except (TimeoutError, *_BROKEN):
            greeting = b""
        except BaseException:
            await self.stop()
            raise
        if greeting != READY:
            raise RenderFailed(f"the renderer does not start: it ended with {await self._ended()}")
        return process


class PdfPool:
    """Several workers, and a bounded queue of documents, first come, first served."""

    def __init__(self, limits: DocumentLimits | None = None, workers: int = 1, waiting: int = 16) -> None:
        self._limits = limits or DocumentLimits()
        self._root = tempfile.TemporaryDirectory(prefix="headwater-pdf-")
        self._workers = [PdfWorker(self._limits, Path(self._root.name)) for _ in range(workers)]
        self._idle: asyncio.LifoQueue[PdfWorker] = asyncio.LifoQueue()  # a warm worker before a cold one
        self._most_waiting = waiting
        self._waiting = 0
        self._closed = False
        for worker in self._workers:
            self._idle.put_nowait(worker)

    @property
    def pids(self) -> list[int]:
        """The ids of the running processes."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

    async def render(self, document: DocumentRequest) -> Rendered:
        """The document as PDF.

        Raises DocumentTooLarge, RenderTimeout, RenderFailed, or RendererBusy if the queue is full.
        """
        _measure(document, self._limits)
        worker = await self._worker()
        try:
            return await worker.render(document)
        finally:
            self._idle.put_nowait(worker)

    async def close(self) -> None:
        """End all workers; their current documents fail. Nothing is rendered afterwards."""
        self._closed = True
        for worker in self._workers:
            await worker.stop()
        self._root.cleanup()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _worker(self) -> PdfWorker:
        if self._idle.empty() and self._waiting >= self._most_waiting:
            raise RendererBusy(f"{self._waiting} documents wait to be rendered: try again in a moment")
        self._waiting += 1
        try:
            worker = await self._idle.get()
        finally:
            self._waiting -= 1
        if self._closed:
            self._idle.put_nowait(worker)
            raise RenderFailed("the renderer is closed")
        return worker


def _measure(document: DocumentRequest, limits: DocumentLimits) -> None:
    texts = (document.content, document.options.title or "", document.options.author or "")
    size = sum(len(text.encode(errors="surrogatepass")) for text in texts)
    if size > limits.content_bytes:
        raise DocumentTooLarge(f"the document has {size:,} bytes; {limits.content_bytes:,} is the most")


async def _spawn(limits: DocumentLimits, root: Path) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "documents.confined.worker", json.dumps(asdict(limits)), str(root)),
        stdin=PIPE,
        stdout=PIPE,
        limit=limits.pdf_bytes,  # must hold a whole PDF: a paused pipe hides that its process ended
        cwd=root,
        env=_environment(),
        start_new_session=True,  # an interrupt at the terminal goes to the parent only, which stops its workers
    )


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | {
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "RAYON_NUM_THREADS": str(THREADS),
        "MALLOC_ARENA_MAX": str(THREADS),
        "http_proxy": _NOWHERE,
        "https_proxy": _NOWHERE,
    }


async def _exchange(process: Process, document: DocumentRequest) -> tuple[RenderOutcome, str, bool, Rendered]:
    assert process.stdin is not None
    process.stdin.write(frame(request_body(document)))
    await process.stdin.drain()
    outcome, reason, retiring, missing = answer_head(await _frame_from(process))
    return outcome, reason, retiring, Rendered(await _frame_from(process), missing)


async def _frame_from(process: Process) -> bytes:
    assert process.stdout is not None
    (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
    return await process.stdout.readexactly(length)


def _rendered(outcome: RenderOutcome, reason: str, rendered: Rendered) -> Rendered:
    match outcome:
        case RenderOutcome.RENDERED:
            return rendered
        case RenderOutcome.TOO_LARGE:
            raise DocumentTooLarge(reason)
        case RenderOutcome.FAILED:
            raise RenderFailed(reason)


def _death(code: int | None) -> DocumentError:
    """The error for a worker's exit code within a document. Rust aborts when memory runs out."""
    if code == -signal.SIGABRT:
        return DocumentTooLarge(MEMORY_REASON)
    if code == -signal.SIGXCPU:
        return RenderTimeout("the document takes more of the processor's time than one document may")
    if code is None:
        return RenderFailed("the renderer was closed while it was at the document")
    return RenderFailed(f"the renderer ended with {code} while it was at the document")

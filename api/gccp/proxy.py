"""A proxied call to the language model: its start is recorded before it is made, its end exactly once."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from time import perf_counter
from typing import Any
from uuid import UUID, uuid5

from api.errors import ApiError
from api.submission import BackgroundSubmissions
from commands.gccp.ai_call import INTERRUPTED, CompleteAiCall, FailAiCall
from connectors.model import Failure, Finished, StreamedAnswer, TextChunk, UpstreamBroke
from connectors.model import TokenUsage as Used
from connectors.model_http import UNUSABLE
from domain.gccp.answers import storable
from domain.gccp.usage import Usage
from streams.core.calls import Deferred, Rejected, Unknown
from streams.core.envelope import Outcome
from streams.core.gateway import envelop
from streams.engine import Engine

DISCONNECTED = "client_disconnected"
ANSWER_SECONDS = 900.0
RECORD_SECONDS = 2.0
"""Seconds that an answer waits until its end is recorded, so that the client's next read of its usage includes it."""


class ProxiedCall:
    """A streamed answer. The first end is recorded; later ends are ignored."""

    def __init__(
        self,
        call_id: UUID,
        owner: str,
        streamed: bool,
        answer: StreamedAnswer,
        ends: BackgroundSubmissions,
        engine: Engine,
    ) -> None:
        self._named: dict[str, Any] = {"call_id": call_id, "owner": owner}
        self._streamed = streamed
        self._answer = answer
        self._ends = ends
        self._engine = engine
        self._began = perf_counter()
        ends.opened(call_id)
        self._first_chunk_ms: int | None = None
        self._stop_reason = ""
        self._opening: asyncio.Future[str | None] | None = None
        self._recording: asyncio.Task[Outcome | None] | None = None

    @property
    def usage(self) -> Used:
        """The tokens used so far."""
        return self._answer.usage

    @property
    def stop_reason(self) -> str | None:
        """The provider's word for why the answer ended, once it has; None without one."""
        return self._stop_reason or None

    async def open(self, seconds: float) -> None:
        """Wait up to `seconds` for the first piece, which `next` returns. Raises UpstreamBroke, after recording it."""
        self._opening = asyncio.ensure_future(self._pull())
        await asyncio.wait((self._opening,), timeout=seconds)
        if self._opening.done():
            self._opening.result()

    async def next(self) -> str | None:
        """The next piece of text, None at the end. Records the end first; raises UpstreamBroke, after recording it."""
        opening, self._opening = self._opening, None
        return await (opening or self._pull())

    async def abandon(self, gone: bool) -> None:
        """End the call upstream and record the end: the client has disconnected (`gone`), or this process stops."""
        await self.close()
        if not gone:
            self._fail(INTERRUPTED, "the server stopped before the answer was whole")
        elif self._streamed:
            self._complete(DISCONNECTED, disconnected=True)
        else:
            self._fail(DISCONNECTED, "the client left before the answer was whole")

    async def close(self) -> None:
        """End the call upstream, if it is still running."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        await self._answer.aclose()

    async def recorded(self) -> Outcome | None:
        """The outcome of recording the end, None when it is unknown after `RECORD_SECONDS`."""
        if self._recording is None:
            return None
        done, _ = await asyncio.wait((self._recording,), timeout=RECORD_SECONDS)
        return self._recording.result() if done else None

    async def _pull(self) -> str | None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS - (perf_counter() - self._began)):
                chunk = await anext(self._answer)
        except TimeoutError:
            reason = f"the answer had not ended after {ANSWER_SECONDS:g} seconds"
            raise await self._broke(Unknown(reason)) from None
        except UpstreamBroke as broke:
            raise await self._broke(broke.verdict) from None
        if isinstance(chunk, Finished):
            await self._finished(chunk)
            return None
        return self._text(chunk)

    def _text(self, chunk: TextChunk) -> str:
        if self._first_chunk_ms is None:
            self._first_chunk_ms = self._elapsed()
        return chunk.text

    async def _finished(self, end: Finished) -> None:
        if end.stop_reason in UNUSABLE:
            reason = end.detail or UNUSABLE[end.stop_reason]
            raise await self._broke(Rejected(end.stop_reason, reason))
        self._stop_reason = storable(end.stop_reason)
        self._complete(self._stop_reason, disconnected=False)
        await self.recorded()

    async def _broke(self, failure: Failure) -> UpstreamBroke:
        self._fail(code_of(failure), failure.reason)
        await self.recorded()
        return UpstreamBroke(failure)

    def _complete(self, stop_reason: str, *, disconnected: bool) -> None:
        end = CompleteAiCall(
            at=self._engine.clock.now(),
            **self._named,
            usage=self._used(),
            stop_reason=storable(stop_reason),
            duration_ms=self._elapsed(),
            first_chunk_ms=self._first_chunk_ms,
            disconnected=disconnected,
        )
        self._record(end)

    def _fail(self, code: str, reason: str) -> None:
        end = FailAiCall(
            at=self._engine.clock.now(),
            **self._named,
            usage=self._used(),
            code=storable(code),
            reason=storable(reason),
            duration_ms=self._elapsed(),
        )
        self._record(end)

    def _record(self, end: CompleteAiCall | FailAiCall) -> None:
        if self._recording is None:
            envelope = envelop(end, "gccp", self._engine.partitions, f"client:{end.owner}", uuid5(end.call_id, "end"))
            self._recording = self._ends.submit(end.call_id, envelope)

    def _used(self) -> Usage:
        return Usage(**asdict(self._answer.usage))

    def _elapsed(self) -> int:
        return round((perf_counter() - self._began) * 1000)


def code_of(failure: Failure) -> str:
    """The provider's code, or ours for a lost answer."""
    return "answer_lost" if isinstance(failure, Unknown) else failure.code


def upstream_error(failure: Failure) -> ApiError:
    """The error for a call that failed before its first piece: 500, whatever the provider says, by the document."""
    wait = failure.after if isinstance(failure, Deferred) else None
    headers = {} if wait is None else {"Retry-After": str(max(1, round(wait)))}
    return ApiError(
        500,
        "The language model did not answer",
        kind="Upstream",
        details=f"{code_of(failure)}: {failure.reason}",
        headers=headers,
    )

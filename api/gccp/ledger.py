"""Puts on record how proxied calls end, whatever becomes of the requests that began them."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from uuid import UUID, uuid5

from commands.gccp.ai_call import CompleteAiCall, FailAiCall
from streams.core.envelope import Outcome
from streams.core.gateway import Pending, Unavailable, envelop
from streams.engine import Engine

log = logging.getLogger(__name__)

SUBMIT_SECONDS = 10.0
CLOSING_SECONDS = 5.0
"""How long the surface waits for calls to end that the server has cancelled."""

LINGER_SECONDS = 60.0
"""How long an end is tried to be recorded while the log takes nothing. After that the call's own timer ends it."""


class Ledger:
    """Records ends in the background, so that neither a lost client nor a cancelled request can lose one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._open: set[UUID] = set()
        self._none_open = asyncio.Event()
        self._recording: set[asyncio.Task[Outcome | None]] = set()

    def opened(self, call_id: UUID) -> None:
        """A call has begun, whose end will be recorded."""
        self._open.add(call_id)
        self._none_open.clear()

    def record(self, end: CompleteAiCall | FailAiCall) -> asyncio.Task[Outcome | None]:
        """Begins to record it; the task gives the outcome, or None if it is not known in time."""
        task = asyncio.create_task(self._record(end), name=f"end of call {end.call_id}")
        self._recording.add(task)
        self._open.discard(end.call_id)
        if not self._open:
            self._none_open.set()
        task.add_done_callback(self._recording.discard)
        return task

    async def close(self) -> None:
        """Waits until all calls have ended (the server has cancelled them), and that is recorded or given up."""
        if self._open:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._none_open.wait(), CLOSING_SECONDS)
        await asyncio.gather(*self._recording, return_exceptions=True)

    async def _record(self, end: CompleteAiCall | FailAiCall) -> Outcome | None:
        engine = self._engine
        envelope = envelop(end, "gccp", engine.partitions, f"client:{end.owner}", uuid5(end.call_id, "end"))
        until = asyncio.get_running_loop().time() + LINGER_SECONDS
        while True:
            try:
                return await engine.gateway.submit(envelope, SUBMIT_SECONDS)
            except Pending:
                return None
            except Unavailable as unavailable:
                if asyncio.get_running_loop().time() > until:
                    log.warning("the end of call %s could not be recorded", end.call_id)
                    return None
                await asyncio.sleep(unavailable.retry_after)

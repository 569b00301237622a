"""Submission of commands whose end a request does not see by itself.

An end is recorded even when the request that began it is cancelled. A request may wait for what a command leads to, as
the answer of an outside call.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TypeVar
from uuid import UUID

from api.actions import Action
from api.errors import ApiError
from api.streaming.event_stream import unless_disconnected
from api.streaming.watch import Look, Watch
from domain.messages import Command
from streams.core.envelope import Envelope, Outcome
from streams.core.gateway import Gateway, Unavailable, submit_until_recorded
from streams.core.refusals import TooLarge

log = logging.getLogger(__name__)

CLOSING_SECONDS = 5.0
"""Seconds that `close` waits for cancelled requests to end."""

LINGER_SECONDS = 60.0
"""Seconds that a submission is retried while the log is unavailable."""


K = TypeVar("K")
T = TypeVar("T")


async def submit_and_wait(
    act: Action, command: Command, watch: Watch[K], key: K, look: Look[T], seconds: float
) -> T | None:
    """Submit a command, and return what `look` finds of its consequences; None where that takes longer.

    `look` is asked again after each change of `key`. After None answer `act.accepted(…)`: the caller finds the outcome
    where that says, and by repeating the request under its Idempotency-Key. Raises what `Action.submit` raises, but for
    the 202, and ClientDisconnect.
    """
    clock = asyncio.get_running_loop()
    until = clock.time() + seconds
    try:
        await act.submit(command)
    except ApiError as error:
        if error.status != 202:
            raise
    return await unless_disconnected(act.request, watch.until(key, look, until - clock.time()))


class BackgroundSubmissions:
    """Submits the end of what a request began, so that a lost client or a cancelled request loses no record."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._open: set[UUID] = set()
        self._none_open = asyncio.Event()
        self._submitted: set[asyncio.Task[Outcome | None]] = set()

    def opened(self, id_: UUID) -> None:
        """Register an operation whose end will be submitted."""
        self._open.add(id_)
        self._none_open.clear()

    def submit(self, id_: UUID, end: Envelope) -> asyncio.Task[Outcome | None]:
        """Start to record the end of a registered operation; the task gives its outcome, None if unknown in time."""
        task = asyncio.create_task(self._submit(end), name=f"end of {id_}")
        self._submitted.add(task)
        task.add_done_callback(self._submitted.discard)
        self._open.discard(id_)
        if not self._open:
            self._none_open.set()
        return task

    async def close(self) -> None:
        """Wait until every registered operation has ended, and its end is recorded or given up."""
        if self._open:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._none_open.wait(), CLOSING_SECONDS)
        await asyncio.gather(*self._submitted, return_exceptions=True)

    async def _submit(self, end: Envelope) -> Outcome | None:
        try:
            return await submit_until_recorded(self._gateway, end, LINGER_SECONDS)
        except (Unavailable, TooLarge) as error:
            log.warning("%s could not be recorded: %s", end.command.name, error)
            return None

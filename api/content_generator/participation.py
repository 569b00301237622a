"""What a participant sends about themselves: statuses, at most one a second on record, and feedback."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pydantic import BaseModel

from api.content_generator.client_messages import FeedbackBody, StatusBody
from api.content_generator.live_hub import accepted
from api.streaming.sockets import SocketError
from commands.content_generator.participation import GiveFeedback, ReportStatus
from streams.engine import cancelled

if TYPE_CHECKING:
    from api.content_generator.dependencies import Dependencies

log = logging.getLogger(__name__)

ACTOR = "socket:participant"
PAUSE_SECONDS = 1.0
"""The time between two statuses on record; of those in between, the last wins."""


class Participation:
    """The reports of one participant."""

    def __init__(self, own: Dependencies, tenant: str, session_id: str, mark: str) -> None:
        self._own = own
        self._about = {"session": f"{tenant}/{session_id}", "tenant": tenant, "session_id": session_id, "mark": mark}
        self._waiting: StatusBody | None = None
        self._pause: asyncio.Task[None] | None = None

    async def take(self, body: BaseModel) -> None:
        """Record a status or feedback; a heartbeat is neither."""
        if isinstance(body, FeedbackBody):
            command = GiveFeedback.model_validate(self._fields() | body.model_dump())
            accepted(await self._own.live.submit(command, uuid4(), ACTOR))
        elif isinstance(body, StatusBody):
            self._waiting = body
            if self._pause is None or self._pause.done():
                self._pause = asyncio.create_task(self._after_pause(), name="status")
                await self._record()

    async def close(self) -> None:
        """Record what still waits; what cannot be recorded now is lost with the connection."""
        if self._pause is not None:
            await cancelled([self._pause])
        try:
            await self._record()
        except SocketError as error:
            log.warning("a status of a participant who has left is lost: %s", error.code)

    def _fields(self) -> dict[str, Any]:
        return {"at": self._own.engine.clock.now(), **self._about}

    async def _after_pause(self) -> None:
        """While the log is away, the last status waits on."""
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            if self._waiting is None:
                return
            with suppress(SocketError):
                await self._record()

    async def _record(self) -> None:
        body, self._waiting = self._waiting, None
        if body is None:
            return
        command = ReportStatus.model_validate(self._fields() | body.model_dump())
        try:
            outcome = await self._own.live.submit(command, uuid4(), ACTOR)
        except (SocketError, asyncio.CancelledError):
            self._keep(body)
            raise
        accepted(outcome)

    def _keep(self, body: StatusBody) -> None:
        """Let a status wait again, unless a later one has come."""
        if self._waiting is None:
            self._waiting = body

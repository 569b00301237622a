"""The live side of a process: its sockets, the hub that feeds them, and the presence of their clients."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from starlette.websockets import WebSocket

from api.auth import Caller
from api.streaming.hub import NORMAL, ChannelRow, Ending, Hub, position_of
from api.streaming.presence import Presence
from api.streaming.sockets import SocketError, SocketMessage, Sockets
from commands.content_generator.live_session import CloseConnection, EndSession
from domain.messages import Command
from projections.content_generator.connections import connections_of
from projections.content_generator.queries.broadcasts import heard_out, messages_of
from projections.content_generator.summaries import summary_exists
from streams.core.envelope import IdempotencyConflict, Outcome
from streams.core.gateway import Pending, Unavailable, envelop
from streams.core.ids import derived_id
from streams.core.refusals import SubjectWasErased
from streams.engine import Engine

NAME = "content_generator"
DEADLINE_SECONDS = 5.0
ENDED = "session_ended"
ANNOUNCEMENT = "announcement"
CLOSES = UUID("e2b5a2f4-0a5e-4a8e-a3d2-1c3e6b7f9d10")
"""The namespace of command ids of closes: whoever sees a close, it counts once."""

REFUSALS = {
    "content_generator.session_over": "session_ended",
    "content_generator.client_erased": "client_erased",
    "content_generator.not_connected": "forbidden",
    SubjectWasErased.name: "client_erased",
}
"""Codes of socket errors by the name of the refusal."""

Authenticate = Callable[[WebSocket], Awaitable[Caller | None]]


class LiveHub:
    """The parts of the live side. `alone`: no other process of this installation has sockets."""

    def __init__(self, engine: Engine, authenticate: Authenticate, alone: bool) -> None:
        self._engine = engine
        self.hub = Hub(engine.commits, self._rows, _encoded)
        self.sockets = Sockets(self.hub, authenticate, _rendered)
        self.presence = Presence(NAME, engine.reads, self._close_connections, self.sockets.end, alone=alone)

    async def start(self) -> None:
        await self.presence.start()

    async def close(self) -> None:
        """Close all sockets with 1001 and record the leaves."""
        await self.hub.close()
        await self.presence.close()

    async def submit(self, command: Command, command_id: UUID, actor: str, fingerprint: str = "") -> Outcome:
        """Submit a command of a socket; raises SocketError while it is not on record, or its outcome is not known.

        The fingerprint is that of the message behind a command id that a client has chosen.
        """
        envelope = envelop(command, NAME, self._engine.partitions, actor, command_id, fingerprint=fingerprint)
        try:
            return await self._engine.gateway.submit(envelope, DEADLINE_SECONDS)
        except IdempotencyConflict:
            raise SocketError("conflict", "The id was used for another message") from None
        except Pending:
            raise SocketError("pending", "The outcome is not known yet: repeat the message with the same id") from None
        except Unavailable:
            raise SocketError("unavailable", "The message cannot be recorded now: repeat it") from None

    async def closed(self, session: str, connection: UUID) -> None:
        """Record the close of a connection; raises Unavailable, or Pending."""
        tenant, _, session_id = session.partition("/")
        command = CloseConnection(
            at=self._engine.clock.now(),
            session=session,
            tenant=tenant,
            session_id=session_id,
            connection_id=str(connection),
        )
        envelope = envelop(command, NAME, self._engine.partitions, "installation", derived_id(CLOSES, str(connection)))
        await self._engine.gateway.submit(envelope, DEADLINE_SECONDS)

    async def ending(self, fields: dict[str, Any], tenant: str, session_id: str) -> EndSession:
        """The command that ends a session, with what is known of its summary."""
        async with self._engine.reads.connection() as connection:
            available = await summary_exists(connection, tenant, session_id)
        kept = {name: value for name, value in fields.items() if name != "mark"}
        return EndSession(**kept, summary_available=available)

    async def _close_connections(self, node: UUID) -> None:
        async with self._engine.reads.connection() as connection:
            rows = await connections_of(connection, [str(node)])
        for row in rows:
            await self.closed(row.session, UUID(row.connection_id))

    async def _rows(self, after: Mapping[str, int], most: int) -> Sequence[ChannelRow]:
        """The messages of these sessions; one that has ended and has no more is closed by an ending."""
        async with self._engine.reads.connection() as connection:
            found = await messages_of(connection, after, most)
            over = await heard_out(connection, after) if len(found) < most else {}
        rows = [ChannelRow(one.session, one.number, one.type, one.payload) for one in found]
        rows += (ChannelRow(session, number + 1, ENDED, {}) for session, number in over.items())
        return sorted(rows, key=lambda row: (row.channel, row.sequence))


def accepted(outcome: Outcome, close: int | None = None) -> Outcome:
    """The outcome; raises SocketError for a refusal."""
    if outcome.problem is not None:
        code = REFUSALS.get(outcome.problem.type, "validation_error")
        raise SocketError(code, outcome.problem.sentence, close=close)
    return outcome


def _encoded(row: ChannelRow) -> str | Ending:
    """A message as clients receive it; the payload is at the top and under `content`."""
    if row.type == ENDED:
        return Ending(NORMAL, "the session has ended")
    beside = {} if row.type == ANNOUNCEMENT else row.payload
    position = position_of(row.channel, row.sequence)
    return orjson.dumps({**beside, "type": row.type, "content": row.payload, "position": position}).decode()


def _rendered(message: SocketMessage) -> str:
    return orjson.dumps({**message.payload, "type": message.type, "content": message.payload}).decode()

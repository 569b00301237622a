"""The socket of live sessions: joins, what participants report, and what instructors broadcast.

A join is a command whose outcome is the welcome. Everything that is broadcast comes back as a row of one read model, to
all sockets alike, so that order, resume and replay are the log's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter
from starlette.websockets import WebSocket

from api.auth import DEFAULT_TENANT, Caller
from api.content_generator.access import ADMIN, WRITE
from api.content_generator.client_messages import MESSAGES, parsed
from api.content_generator.dependencies import Dependencies
from api.content_generator.live_hub import accepted
from api.content_generator.participation import Participation
from api.streaming.hub import position_of
from api.streaming.presence import Connection
from api.streaming.sockets import POLICY, Opening, SocketError, SocketMessage
from api.surface import own_of
from commands.content_generator.live_session import JoinSession, OfSession
from domain.content_generator.live_session import ConnectionOpened, Role
from projections.content_generator.queries.sessions import session_by_id
from streams.core.envelope import Outcome
from streams.core.ids import derived_id

router = APIRouter()

LONGEST_NAME = 200
ID = re.compile(r"[A-Za-z0-9._:@-]{1,128}")
NEEDED = {Role.INSTRUCTOR: WRITE, Role.ADMIN: ADMIN}
"""The scope that a role needs; the others need no key."""


@router.websocket("/ws/live-updates")
async def live_updates(websocket: WebSocket) -> None:
    """Follow a live session."""
    own = own_of(websocket, Dependencies)
    await own.live.sockets.serve(websocket, lambda socket, caller: LiveConversation(own, socket, caller))


class LiveConversation:
    """One connection to a session."""

    def __init__(self, own: Dependencies, websocket: WebSocket, caller: Caller | None) -> None:
        self._own = own
        query = websocket.query_params
        self._tenant = DEFAULT_TENANT if caller is None else caller.tenant
        self._session_id = _id(query, "session_id")
        self._client_id = _id(query, "client_id")
        self._role = _role(query.get("role", ""), caller)
        self._name = _name(query) or self._client_id
        self._session = f"{self._tenant}/{self._session_id}"
        self._mark = own.client(self._tenant, self._client_id)
        self._actor = f"socket:{self._role}"
        self._connection: Connection | None = None
        self._joined = False
        self._participation = Participation(own, self._tenant, self._session_id, self._mark)

    async def open(self) -> Opening:
        """Join the session; the outcome tells how many are in, and from which position on the messages come."""
        client = f"{self._session}/{self._mark}/{self._role}"  # a connection keeps its role when it is taken up again
        connection = self._connection = self._own.live.presence.connect(client)
        command = JoinSession(
            at=self._own.engine.clock.now(),
            session=self._session,
            tenant=self._tenant,
            session_id=self._session_id,
            mark=self._mark,
            client_id=self._client_id,
            client_name=self._name,
            role=self._role,
            connection_id=str(connection.id),
            node=str(connection.node),
        )
        outcome = await self._join(command)
        number, count = await self._place(outcome)
        welcome = {
            "session_id": self._session_id,
            "client_id": self._client_id,
            "role": self._role.value,
            "participant_count": count,
        }
        return Opening(self._session, number, SocketMessage("welcome", welcome))

    async def receive(self, message: Mapping[str, object]) -> SocketMessage | None:
        """Handle one message by its type and the sender's role."""
        type_ = str(message["type"])
        kind = MESSAGES.get(type_)
        if kind is None:
            raise SocketError("unknown_type", f"There is no message of the type {type_[:100]}")
        if self._role not in kind.roles:
            raise SocketError("forbidden", f"A message of the type {type_} is not for the role {self._role}")
        payload = parsed(kind.body, message)
        if kind.command is None:
            await self._participation.take(payload)
            return None
        command = kind.command(self._session_fields(), payload)
        if command is None:
            command = await self._own.live.ending(self._session_fields(), self._tenant, self._session_id)
        said = f"{type_}\0{payload.model_dump_json()}"
        return await self._steered(command, message.get("id"), said)

    async def close(self) -> None:
        """Leave in a moment, unless the client is back by then."""
        connection = self._connection
        if connection is not None and self._joined:
            self._own.live.presence.disconnect(connection, lambda: self._own.live.closed(self._session, connection.id))
        await self._participation.close()

    def _session_fields(self) -> dict[str, Any]:
        return {
            "at": self._own.engine.clock.now(),
            "session": self._session,
            "tenant": self._tenant,
            "session_id": self._session_id,
            "mark": self._mark,
        }

    async def _join(self, command: JoinSession) -> Outcome:
        """Submit the join. Unless it is refused it may be on record, also when its outcome does not come in time."""
        self._joined = True
        outcome = await self._own.live.submit(command, uuid4(), self._actor)
        if outcome.problem is not None:
            self._joined = False
        return accepted(outcome, close=POLICY)

    async def _steered(self, command: OfSession, id_: object, said: str) -> SocketMessage | None:
        """Submit an instructor's message; one with an `id` is the same command when it is repeated."""
        live = self._own.live
        if not isinstance(id_, str | int) or isinstance(id_, bool):
            accepted(await live.submit(command, uuid4(), self._actor))
            return None
        command_id = derived_id(STEERING, f"{self._session}\0{self._mark}\0{id_}")
        fingerprint = self._own.secrets.mac("fingerprint", said.encode()).hex()
        outcome = accepted(await live.submit(command, command_id, self._actor, fingerprint))
        numbers = [event.number for event in outcome.events if hasattr(event, "number")]
        position = position_of(self._session, numbers[-1]) if numbers else None
        return SocketMessage("ack", {"id": id_, "position": position})

    async def _place(self, outcome: Outcome) -> tuple[int, int]:
        """The number of the last message before this connection, and the number of participants with it."""
        opened = [event for event in outcome.events if isinstance(event, ConnectionOpened)]
        if opened:
            return opened[0].position, opened[0].count
        async with self._own.engine.reads.connection() as connection:
            row = await session_by_id(connection, self._tenant, self._session_id)
        return (0, 0) if row is None else (row.message_count, row.participant_count)


STEERING = UUID("3d0ee4a4-55a1-4f0a-9f1b-6a4f6f0e1c55")
"""The namespace of command ids of instructors' messages that have an id."""


def _id(query: Mapping[str, str], name: str) -> str:
    """The id of a session or a client; raises SocketError."""
    found = query.get(name, "")
    if not found:
        raise SocketError("validation_error", f"Missing required parameter: {name}", {name: "is required"}, POLICY)
    if ID.fullmatch(found) is None:
        wrong = "must have 1 to 128 letters, digits, dots, or any of _ : @ -"
        raise SocketError("validation_error", f"Invalid {name}: {wrong}", {name: wrong}, POLICY)
    return found


def _name(query: Mapping[str, str]) -> str:
    """The name to show. Control characters, which no database and no screen takes, are left out."""
    return "".join(sign for sign in query.get("name", "") if sign.isprintable()).strip()[:LONGEST_NAME]


def _role(given: str, caller: Caller | None) -> Role:
    """The role; raises SocketError for another word, and for a role that the key does not allow."""
    try:
        role = Role(given or Role.PARTICIPANT)
    except ValueError:
        wrong = "must be participant, instructor, observer or admin"
        raise SocketError("validation_error", f"Invalid role: {wrong}", {"role": wrong}, POLICY) from None
    needed = NEEDED.get(role)
    if needed is None:
        return role
    if caller is None:
        raise SocketError("unauthorized", f"The role {role} needs an API key", close=POLICY)
    if needed not in caller.scopes:
        raise SocketError("forbidden", f"This key lacks the scope {needed}", close=POLICY)
    return role

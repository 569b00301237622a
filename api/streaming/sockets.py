"""WebSockets: one conversation each, frames handled one at a time, and a channel's messages in order.

A refused socket is accepted, sent an `error` and closed: browsers cannot read a refused handshake.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, Protocol
from uuid import uuid4

import orjson
import psycopg
from psycopg_pool import PoolTimeout
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.auth import Caller
from api.errors import ApiError
from api.routing import SUSPICIOUS, has_nul
from api.socket_protocol import WRITE_FRAME
from api.streaming.hub import BROKEN, TRY_AGAIN, Ending, Hub, Subscription, SubscriptionEnded, position_of, sequence_of

log = logging.getLogger(__name__)

IDLE_SECONDS = 90.0
STALLED_SECONDS = 20.0
"""Seconds in which a client that reads nothing is waited for, once the buffers are full."""

UNSUPPORTED, POLICY = 1003, 1008
"""Close codes of WebSockets (RFC 6455, 7.4)."""

CODES = {
    400: "validation_error",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    413: "too_large",
    429: "rate_limit_exceeded",
    503: "unavailable",
}


class SocketMessage(NamedTuple):
    """A message of the server to one client."""

    type: str
    payload: Mapping[str, object]


class SocketError(Exception):
    """An `error` message; with `close`, the code with which the connection ends after it."""

    def __init__(
        self, code: str, message: str, details: Mapping[str, object] | None = None, close: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details or {}
        self.close = close


class Opening(NamedTuple):
    """The begin of a conversation: the channel, the sequence of its last message until then, and the welcome."""

    channel: str
    sequence: int
    welcome: SocketMessage


class Conversation(Protocol):
    """The product's part of one connection. Each method may raise SocketError, ApiError or psycopg's errors."""

    async def open(self) -> Opening:
        """Join; an error refuses the connection."""
        ...

    async def receive(self, message: Mapping[str, object]) -> SocketMessage | None:
        """Handle one message, whose `type` is a text, and answer it; the next one is not read before."""
        ...

    async def close(self) -> None:
        """Leave. Called once, whatever became of `open`, also when the process stops."""
        ...


Authenticate = Callable[[WebSocket], Awaitable[Caller | None]]
"""The caller of a socket, None without a key; raises ApiError for a wrong one."""

WriteFrame = Callable[[bytes], bool]

Converse = Callable[[WebSocket, Caller | None], Conversation]
"""The conversation of a new connection; raises SocketError or ApiError to refuse it."""

Render = Callable[[SocketMessage], str]
DescribeError = Callable[[ApiError], SocketError]


def as_json(message: SocketMessage) -> str:
    """A message as one JSON object: the payload with the type beside it."""
    return orjson.dumps({**message.payload, "type": message.type}).decode()


def error_of(error: ApiError) -> SocketError:
    """The error message for an error of HTTP, with invalid fields as details."""
    details: dict[str, object] = {field.field: field.message for field in error.fields}
    if not details and error.details is not None:
        details = dict(error.details) if isinstance(error.details, Mapping) else {"reason": error.details}
    close = TRY_AGAIN if error.status == 503 else POLICY
    return SocketError(CODES.get(error.status, "internal_error"), error.sentence, details, close)


class Sockets:
    """The open connections of a surface, over a hub. `render` and `describe` are the surface's forms of messages."""

    def __init__(
        self,
        hub: Hub,
        authenticate: Authenticate,
        render: Render = as_json,
        describe: DescribeError = error_of,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self.hub = hub
        self.authenticate = authenticate
        self.render = render
        self.describe = describe
        self.idle_seconds = idle_seconds
        self._connections: set[_Connection] = set()

    def __len__(self) -> int:
        return len(self._connections)

    async def serve(self, websocket: WebSocket, converse: Converse) -> None:
        """Serve one connection until it ends; the endpoint of a socket's route."""
        connection = _Connection(self, websocket)
        self._connections.add(connection)
        try:
            await connection.run(converse)
        finally:
            self._connections.discard(connection)

    def end(self, code: int, reason: str = "", channel: str | None = None) -> None:
        """Close the connections, those of one channel or all. Returns before they are closed."""
        for connection in tuple(self._connections):
            if channel in (None, connection.channel):
                connection.end(Ending(code, reason))


class _Connection:
    """One connection: a task that reads and handles frames, and one that sends the channel's messages."""

    def __init__(self, sockets: Sockets, websocket: WebSocket) -> None:
        self.channel: str | None = None
        self._sockets = sockets
        self._websocket = websocket
        self._ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    def end(self, ending: Ending) -> None:
        if not self._ended.done():
            self._ended.set_result(ending)

    async def run(self, converse: Converse) -> None:
        """The client may disconnect, or cease to read, at each step."""
        try:
            await self._websocket.accept()
            ending = await self._run(converse)
            async with asyncio.timeout(STALLED_SECONDS):
                await self._websocket.close(ending.code, ending.reason)
        except (WebSocketDisconnect, TimeoutError):
            log.debug("a client of %s has gone", self._websocket.scope["path"])
        except Exception as error:  # noqa: BLE001 - the last resort: logged under an id, and the connection ends
            self._described(error)

    async def _run(self, converse: Converse) -> Ending:
        try:
            caller = await self._sockets.authenticate(self._websocket)
            conversation = converse(self._websocket, caller)
        except Exception as error:  # noqa: BLE001 - classified below
            return await self._refuse(error)
        try:
            return await self._converse(conversation)
        finally:
            await conversation.close()

    async def _converse(self, conversation: Conversation) -> Ending:
        try:
            opening = await conversation.open()
        except Exception as error:  # noqa: BLE001 - classified below
            return await self._refuse(error)
        self.channel = opening.channel
        since = self._websocket.query_params.get("since")
        resumed = _resumed(opening, since)
        after = opening.sequence if resumed is None else resumed
        with self._sockets.hub.subscription(opening.channel, after) as messages:
            await self._welcome(opening, since, resumed)
            return await self._until_ended(conversation, messages)

    async def _welcome(self, opening: Opening, since: str | None, resumed: int | None) -> None:
        """`recovered` says whether messages follow without a gap after the position that the client gave."""
        payload: dict[str, object] = {
            **opening.welcome.payload,
            "position": position_of(opening.channel, opening.sequence),
        }
        if since is not None:
            payload["recovered"] = resumed is not None
        await self._send(SocketMessage(opening.welcome.type, payload))
        if since is not None and resumed is None:
            sentence = "since is no position of this channel; messages begin now"
            await self._send_error(SocketError("unknown_position", sentence, {"recovered": False}))

    async def _until_ended(self, conversation: Conversation, messages: Subscription) -> Ending:
        parts = (self._receive_all(conversation), self._send_all(messages))
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            await asyncio.wait({*tasks, self._ended}, return_when=asyncio.FIRST_COMPLETED)
            if self._ended.done():
                return self._ended.result()
            return next(task for task in tasks if task.done()).result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_all(self, messages: Subscription) -> Ending:
        """A subscriber that was too slow is told the position to resume from, in an error and in the reason."""
        try:
            while True:
                message = await messages.next()
                if not self._write_frame(message.frame):
                    await self._send_text(message.text)
        except SubscriptionEnded as ended:
            if ended.code != TRY_AGAIN:
                return Ending(ended.code, ended.reason)
            details = {"position": messages.position}
            await self._send_error(SocketError(ended.reason.replace(" ", "_"), "Resume with since", details))
            return Ending(ended.code, f"since={messages.position}")

    async def _receive_all(self, conversation: Conversation) -> Ending:
        while True:
            try:
                async with asyncio.timeout(self._sockets.idle_seconds):
                    frame = await self._websocket.receive()
            except TimeoutError:
                sentence = f"No message came for {self._sockets.idle_seconds:g} seconds"
                return await self._refuse(SocketError("idle", sentence))
            if frame["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(frame.get("code", 1005))
            text = frame.get("text")
            if text is None:
                return Ending(UNSUPPORTED, "text only")
            ending = await self._handle(conversation, text)
            if ending is not None:
                return ending

    async def _handle(self, conversation: Conversation, text: str) -> Ending | None:
        try:
            reply = await conversation.receive(_parsed(text))
        except Exception as error:  # noqa: BLE001 - classified below; a client's mistake is no end
            described = self._described(error)
            await self._send_error(described)
            ends = isinstance(error, SocketError) and described.close is not None
            return Ending(described.close or POLICY, described.code) if ends else None
        if reply is not None:
            await self._send(reply)
        return None

    async def _refuse(self, error: Exception) -> Ending:
        described = self._described(error)
        await self._send_error(described)
        return Ending(described.close or POLICY, described.code)

    def _described(self, error: Exception) -> SocketError:
        """The message for an error. What is not expected is logged under an id; the query is in no line of the log."""
        path = self._websocket.scope["path"]
        match error:
            case SocketError():
                return error
            case ApiError():
                return self._sockets.describe(error)
            case psycopg.OperationalError() | PoolTimeout():
                log.warning("the database is not available to %s", path)
                return SocketError("unavailable", "Service unavailable", close=TRY_AGAIN)
        error_id = str(uuid4())
        log.error("error %s in the socket %s", error_id, path, exc_info=error)
        return SocketError("internal_error", "Internal server error", {"error_id": error_id}, BROKEN)

    async def _send(self, message: SocketMessage) -> None:
        await self._send_text(self._sockets.render(message))

    async def _send_error(self, error: SocketError) -> None:
        payload = {"code": error.code, "message": error.message, "details": error.details}
        await self._send(SocketMessage("error", payload))

    def _write_frame(self, frame: bytes) -> bool:
        """Whether the frame was written at once: a task, a timer and a frame of each socket's own cost three times as
        much as the writing."""
        write: WriteFrame | None = self._websocket.scope["extensions"].get(WRITE_FRAME)
        return write is not None and write(frame)

    async def _send_text(self, text: str) -> None:
        async with asyncio.timeout(STALLED_SECONDS):
            await self._websocket.send_text(text)


def _resumed(opening: Opening, since: str | None) -> int | None:
    """The sequence to resume after; None without a position, for one of another channel, and for one not reached."""
    sequence = None if since is None else sequence_of(opening.channel, since)
    return sequence if sequence is not None and sequence <= opening.sequence else None


def _parsed(text: str) -> Mapping[str, object]:
    """The JSON object of a frame; raises SocketError for anything else."""
    try:
        found = orjson.loads(text)
        if any(sign in text.encode() for sign in SUSPICIOUS) and has_nul(found):
            raise SocketError("invalid_message", "A text must not contain the NUL character")
    except (orjson.JSONDecodeError, RecursionError):
        raise SocketError("invalid_message", "The message is not valid JSON") from None
    if not isinstance(found, dict):
        raise SocketError("invalid_message", "The message is not a JSON object")
    if not isinstance(found.get("type"), str):
        raise SocketError("invalid_message", "The message has no type", {"type": "must be a text"})
    return found

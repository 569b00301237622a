"""Clients of a live session that outlive the nodes that serve them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlencode

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from tests.api.product import PATIENCE_SECONDS

PASSING = ("unavailable", "pending", "too_slow", "reconnect")
"""The codes of errors after which a client tries again."""

ENDED = "session_ended"
BEAT_SECONDS = 30.0


class Heard(NamedTuple):
    """A message as one client had it."""

    number: int
    type: str
    content: dict[str, Any]


class Follower:
    """A client that reconnects, to the next node, and resumes after its last message, until the session has ended.

    One that was away when it ended is `refused`: the rest is in the replay. `at` is the address in use. Followers with
    the same `known` messages hold each of them once, as a thousand clients hear a million.
    """

    def __init__(
        self, addresses: Sequence[str], session: str, number: int, known: dict[int, Heard] | None = None
    ) -> None:
        self.heard: list[Heard] = []
        self.first: int | None = None
        self.connections = 0
        self.refused = False
        self._known = {} if known is None else known
        self._addresses = addresses
        self._query = {"session_id": session, "client_id": f"client-{number}"}
        self.at = number % len(addresses)

    async def run(self) -> None:
        while not self.refused:
            url = f"{self._addresses[self.at]}?{urlencode(self._query)}"
            try:
                async with connect(url, max_queue=None, open_timeout=PATIENCE_SECONDS, proxy=None) as connection:
                    beating = asyncio.create_task(self._beat(connection))
                    try:
                        await self._follow(connection)
                    finally:
                        beating.cancel()
                    if connection.close_code == 1000:
                        return
            except (OSError, ConnectionClosed, InvalidHandshake, InvalidMessage):
                await asyncio.sleep(0.05)
            self.at = (self.at + 1) % len(self._addresses)

    @staticmethod
    async def _beat(connection: ClientConnection) -> None:
        """A client that says nothing for 90 seconds is taken for gone."""
        with suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(BEAT_SECONDS)
                await connection.send('{"type": "heartbeat"}')

    async def _follow(self, connection: ClientConnection) -> None:
        async for text in connection:
            message = orjson.loads(text)
            if message["type"] == "welcome":
                self._welcomed(message)
            elif message["type"] == "error":
                assert message["code"] in (*PASSING, ENDED), message
                self.refused = message["code"] == ENDED
            else:
                self._query["since"] = message["position"]
                self._hear(Heard(number_of(message["position"]), message["type"], message["content"]))

    def _hear(self, heard: Heard) -> None:
        known = self._known.setdefault(heard.number, heard)
        self.heard.append(known if known == heard else heard)

    def _welcomed(self, welcome: dict[str, Any]) -> None:
        self.connections += 1
        if self.first is None:
            self.first = number_of(welcome["position"])
            self._query["since"] = welcome["position"]
        else:
            assert welcome["recovered"] is True


def number_of(position: str) -> int:
    """The number of a message, of its position."""
    return int(position.split(".", maxsplit=1)[0])


class Instructor:
    """An instructor who says everything again, under the same id, until it is acknowledged."""

    def __init__(self, address: str, session: str, key: str) -> None:
        query = {"session_id": session, "client_id": "sarah", "role": "instructor", "api_key": key}
        self._url = f"{address}?{urlencode(query)}"
        self._connection: ClientConnection | None = None

    async def say(self, type_: str, id_: str, **payload: object) -> str:
        """The position of what came of the message; none where the session has ended meanwhile."""
        text = orjson.dumps({"type": type_, "id": id_, **payload}).decode()
        while True:
            try:
                if (position := await self._said(await self._connected(), text, id_)) is not None:
                    return position
            except (OSError, ConnectionClosed, InvalidHandshake, InvalidMessage):
                self._connection = None
            await asyncio.sleep(0.05)

    async def _connected(self) -> ClientConnection:
        if self._connection is None:
            self._connection = await connect(self._url, max_queue=None, open_timeout=PATIENCE_SECONDS, proxy=None)
        return self._connection

    async def _said(self, connection: ClientConnection, text: str, id_: str) -> str | None:
        """None: it is to be said again."""
        await connection.send(text)
        async for answer in connection:
            message = orjson.loads(answer)
            if message["type"] == "ack" and message["content"]["id"] == id_:
                return str(message["position"])
            if message["type"] == "error":
                assert message["code"] in (*PASSING, ENDED), message
                return "" if message["code"] == ENDED else None
        return None

    async def leave(self) -> None:
        if self._connection is not None:
            await self._connection.close()

"""A live session on several nodes of which some are killed, followed to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import urlencode

import orjson
from websockets.asyncio.client import ClientConnection, connect

from api.streaming.presence import PresenceTimes
from tests.api.content_generator.followers import Follower, Heard
from tests.api.content_generator.live_nodes import TIMES, NodeProcess, Writer
from tests.api.content_generator.live_product import new_session
from tests.api.product import PATIENCE_SECONDS, serving

NODES = 3
ENDING = timedelta(seconds=10)


class Course(NamedTuple):
    """A session to be followed: `kills` says which node is killed before which technique."""

    participants: int
    techniques: int
    kills: Mapping[int, int]
    patience_seconds: float = PATIENCE_SECONDS
    times: PresenceTimes = TIMES


class Followed(NamedTuple):
    """What came of a course. `returned` are the seconds from each kill until everybody was connected again."""

    course: Course
    followers: Sequence[Follower]
    log: Sequence[Heard]
    content: dict[str, Any]
    joined_seconds: float
    returned: Sequence[float]
    seconds: float


async def followed(course: Course) -> Followed:
    """Follow a session on nodes of which some are killed. Raises AssertionError or TimeoutError."""
    session, known, began = new_session(), dict[int, Heard](), monotonic()
    with serving(Writer, {}) as product:
        async with product.relaying() as path:
            product.presence._times = course.times
            nodes = [NodeProcess(product, path, course.times) for _ in range(NODES)]
            try:
                followers = [
                    Follower([node.sockets for node in nodes], session, number, known)
                    for number in range(course.participants)
                ]
                async with asyncio.timeout(2 * course.patience_seconds):
                    steered = await _Steering(product, session, nodes, followers, course).run()
            finally:
                for node in nodes:
                    node.kill()
        log, content = _log(product, session), product.content(session)
    return Followed(course, followers, log, content, *steered, monotonic() - began)


class _Steering:
    """An instructor's part: everybody joins, nodes are killed, and the session ends when all are in again."""

    def __init__(
        self,
        product: Writer,
        session: str,
        nodes: Sequence[NodeProcess],
        followers: Sequence[Follower],
        course: Course,
    ) -> None:
        self._product, self._session, self._nodes, self._followers = product, session, nodes, followers
        self._course = course
        self._returning: list[asyncio.Task[float]] = []

    async def run(self) -> tuple[float, list[float]]:
        began = monotonic()
        self._following = asyncio.gather(*(follower.run() for follower in self._followers))
        await self._until(self._all_are_in, "not everybody has joined")
        joined, product = monotonic() - began, self._product
        query = {"session_id": self._session, "client_id": "sarah", "role": "instructor"}
        url = f"{self._nodes[0].sockets}?{urlencode(query | {'api_key': product.key('write')})}"
        async with connect(url, max_queue=None, open_timeout=PATIENCE_SECONDS, proxy=None) as sarah:
            for number in range(self._course.techniques):
                self._kill(number)
                await _said(sarah, type="technique_change", title=str(number), id=number)
            returned = await asyncio.gather(*self._returning)
            await self._until(self._only_open_ones_are_on_record, "connections of a killed node are open on record")
            assert product.participants(self._session) == self._course.participants
            await _said(sarah, type="session_end", id="end")
        product.advance(datetime.now(UTC) + ENDING - product.clock.now())  # the nodes go by the system's clock
        await self._following
        return joined, list(returned)

    def _kill(self, number: int) -> None:
        killed = self._course.kills.get(number)
        if killed is not None:
            gone = {follower: follower.connections for follower in self._followers if follower.at == killed}
            self._nodes[killed].kill()
            self._returning.append(asyncio.create_task(self._return(gone)))

    async def _return(self, gone: Mapping[Follower, int]) -> float:
        """The seconds until those who lost their node are connected to another."""
        began = monotonic()

        async def are_back() -> bool:
            return all(follower.connections > before for follower, before in gone.items())

        await self._until(are_back, "not everybody has come again")
        return monotonic() - began

    async def _all_are_in(self) -> bool:
        assert not self._following.done(), self._following.exception()
        return all(follower.connections for follower in self._followers)

    async def _only_open_ones_are_on_record(self) -> bool:
        facts = self._product.session_events(self._session)
        return facts.count("connection_opened") - facts.count("connection_closed") == self._course.participants + 1

    async def _until(self, condition: Callable[[], Awaitable[bool]], complaint: str) -> None:
        deadline = monotonic() + self._course.patience_seconds
        while not await condition():
            assert monotonic() < deadline, complaint
            await asyncio.sleep(0.01)


async def _said(instructor: ClientConnection, **message: object) -> None:
    """Send a message, and wait until it is on record."""
    await instructor.send(orjson.dumps(message).decode())
    while orjson.loads(await instructor.recv())["type"] != "ack":
        pass


def _log(product: Writer, session: str) -> list[Heard]:
    """Everything that was broadcast, page by page."""
    found: list[Heard] = []
    page: dict[str, Any] = {"include_replay": True}
    while True:
        replay = product.content(session, **page)["replay"]["messages"]
        found += [Heard(one["position"], one["type"], one["content"]) for one in replay]
        if not replay:
            return found
        page["replay_after"] = found[-1].number

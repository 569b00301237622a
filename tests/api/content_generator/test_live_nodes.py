"""A live session on three nodes, of which one is killed: nobody misses a message, and nobody is counted who is away."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from websockets.asyncio.client import connect

from tests.api.content_generator.followers import Follower, Heard
from tests.api.content_generator.live_nodes import NodeProcess, Writer
from tests.api.content_generator.live_product import new_session
from tests.api.product import PATIENCE_SECONDS, serving
from tests.api.streaming.node import until

pytestmark = pytest.mark.faults

PARTICIPANTS, NODES, TECHNIQUES = 120, 3, 60
ENDING = timedelta(seconds=10)


async def test_three_nodes_of_which_one_is_killed_lose_nothing_and_double_nothing() -> None:
    session = new_session()
    with serving(Writer, {}) as product:
        async with product.relaying() as path:
            nodes = [NodeProcess(product, path) for _ in range(NODES)]
            try:
                addresses = [node.sockets for node in nodes]
                followers = [Follower(addresses, session, number) for number in range(PARTICIPANTS)]
                async with asyncio.timeout(120):
                    await _course(product, session, nodes, followers)
            finally:
                for node in nodes:
                    node.kill()
        log = [Heard(*one) for one in _replay(product, session)]
        content = product.content(session)
    assert [one.number for one in log] == list(range(1, len(log) + 1))
    for follower in followers:
        assert follower.first is not None
        assert follower.heard == log[follower.first :]
    moved = [follower for number, follower in enumerate(followers) if number % NODES == 1]
    assert all(follower.connections >= 2 for follower in moved)
    assert (content["active"], content["session_info"]["participant_count"]) == (False, PARTICIPANTS)
    titles = [one.content["title"] for one in log if one.type == "technique_changed"]
    assert titles == [str(number) for number in range(TECHNIQUES)]


async def _course(product: Writer, session: str, nodes: list[NodeProcess], followers: list[Follower]) -> None:
    """Everybody joins; an instructor steers while a node is killed; the session ends when all are in again."""
    following = asyncio.gather(*(follower.run() for follower in followers))

    async def all_are_in() -> bool:
        assert not following.done(), following.exception()
        return all(follower.connections for follower in followers)

    async def only_open_ones_are_on_record() -> bool:
        facts = product.session_events(session)
        return facts.count("connection_opened") - facts.count("connection_closed") == PARTICIPANTS + 1

    await until(all_are_in, "not everybody has joined")
    query = {"session_id": session, "client_id": "sarah", "role": "instructor", "api_key": product.key("write")}
    url = f"{nodes[0].sockets}?{urlencode(query)}"
    async with connect(url, max_queue=None, open_timeout=PATIENCE_SECONDS, proxy=None) as sarah:
        for number in range(TECHNIQUES):
            if number == TECHNIQUES // 3:
                nodes[1].kill()
            await sarah.send(orjson.dumps({"type": "technique_change", "title": str(number), "id": number}).decode())
            while orjson.loads(await sarah.recv())["type"] != "ack":
                pass
        await until(only_open_ones_are_on_record, "connections of the killed node are open on record")
        assert product.participants(session) == PARTICIPANTS
        await sarah.send('{"type": "session_end", "id": "end"}')
        while orjson.loads(await sarah.recv())["type"] != "ack":
            pass
    product.advance(datetime.now(UTC) + ENDING - product.clock.now())  # the nodes go by the system's clock
    await following


def _replay(product: Writer, session: str) -> list[tuple[int, str, dict[str, Any]]]:
    messages = product.content(session, include_replay=True)["replay"]["messages"]
    return [(one["position"], one["type"], one["content"]) for one in messages]

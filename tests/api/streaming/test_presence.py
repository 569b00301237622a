"""Presence: what is open on record equals the sockets that are open, whatever becomes of clients and nodes."""

from __future__ import annotations

import random
from contextlib import AsyncExitStack, suppress
from uuid import UUID, uuid4

import psycopg
from websockets.exceptions import ConnectionClosed

from api.streaming.presence import PresenceTimes, _Watch
from streams.postgres.edges import SeenNode
from tests.api.process import FORKING
from tests.api.streaming.node import QUICK, STEADY, Node, joined, serve, served, until
from tests.imitations import listener

GRACEFUL = STEADY._replace(grace=60.0)


async def until_present(node: Node, *clients: str) -> None:
    async def are_present() -> bool:
        return await node.present() == sorted(clients)

    await until(are_present, f"others than {clients} are present")


async def connections(node: Node) -> list[tuple[str, int]]:
    """The clients of all connections ever recorded, and how many times each was closed."""
    return [(row[0], row[1]) for row in await node.ask("select client, closes from connections order by 1, 2")]


async def test_a_client_is_present_while_a_connection_of_it_is_open(node: Node) -> None:
    async with node.client(client="ana") as first:
        await first.next()
        async with node.client(client="ana") as second, node.client(client="ben") as other:
            await second.next()
            await other.next()
            assert await node.present() == ["ana", "ana", "ben"]
        await until_present(node, "ana")
    await until_present(node)
    assert await connections(node) == [("ana", 1), ("ana", 1), ("ben", 1)]


async def test_a_client_that_is_back_in_a_moment_never_left(tables: str) -> None:
    async with served(tables, times=GRACEFUL) as node:
        for _ in range(3):
            async with node.client(client="ana") as client:
                await client.next()
            await until_leaving(node)
        async with node.client(client="ana") as client, node.client(client="ana") as second:
            await client.next()
            await second.next()
            assert await connections(node) == [("ana", 0), ("ana", 0)]
            node.presence._times = STEADY
        await until_present(node)
        assert await connections(node) == [("ana", 1), ("ana", 1)]


async def until_leaving(node: Node) -> None:
    async def is_leaving() -> bool:
        return bool(node.presence._leaves)

    await until(is_leaving, "the close was not noticed")


async def test_a_leave_is_tried_until_it_is_on_record(node: Node) -> None:
    failures: list[Exception] = [psycopg.OperationalError("away"), RuntimeError("a bug")]
    tried = 0

    async def record() -> None:
        nonlocal tried
        tried += 1
        if failures:
            raise failures.pop()

    node.presence.disconnect(node.presence.connect("ana"), record)

    async def is_recorded() -> bool:
        return not node.presence._leaves

    await until(is_recorded, "the leave is not on record")
    assert tried == 3


async def test_the_connections_of_a_killed_node_are_closed_once_by_the_others(tables: str) -> None:
    at = listener()
    port = at.getsockname()[1]
    process = FORKING.Process(target=serve, args=(tables, at), daemon=True)
    process.start()
    async with served(tables, times=QUICK) as node, served(tables, times=QUICK) as third, AsyncExitStack() as stack:
        gone = []
        for name in ("ana", "ben"):
            url = f"ws://127.0.0.1:{port}/live/ws?channel=one&client={name}"
            client = await stack.enter_async_context(joined(url))
            gone.append(client)
            await client.next()
        staying = await stack.enter_async_context(node.client(client="cleo"))
        assert await node.present() == ["ana", "ben", "cleo"]
        process.kill()
        process.join()
        await until_present(node, "cleo")
        with suppress(ConnectionClosed):
            await gone[0].closed()
        await node.say("one", "said", text="still here")
        assert (await staying.texts("still here")) == ["still here"]
        back = await stack.enter_async_context(third.client(client="ana", since=gone[0].position))
        assert (await back.next())["recovered"] is True
        assert await connections(node) == [("ana", 0), ("ana", 1), ("ben", 1), ("cleo", 0)]

        async def is_removed() -> bool:
            return len(await node.ask("select node from headwater.edges")) == 2

        await until(is_removed, "the row of the killed node is still there")
    at.close()


async def test_a_node_that_cannot_renew_closes_its_sockets_before_others_do(tables: str) -> None:
    async with served(tables, times=QUICK) as node, node.client(client="ana") as ana:
        await ana.next()
        first = node.presence.node
        await node.execute("alter table headwater.edges rename to away")
        assert await ana.closed() == (1013, "reconnect")
        assert node.presence.node is None
        async with node.client(client="ben") as ben:
            error = await ben.next()
            assert (error["code"], (await ben.closed())[0]) == ("unavailable", 1013)
        await node.execute("alter table headwater.away rename to edges")
        await until_present(node)
        assert await on_record(node) != first
        async with node.client(client="ana") as ana_again:
            assert (await ana_again.next())["type"] == "welcome"
            assert await node.present() == ["ana"]


async def on_record(node: Node) -> UUID | None:
    async def is_on_record() -> bool:
        return node.presence.node is not None

    await until(is_on_record, "the node is not on record")
    return node.presence.node


async def test_a_node_that_was_declared_lost_begins_anew(tables: str) -> None:
    async with served(tables) as node, node.client(client="ana") as ana:
        await ana.next()
        first = node.presence.node
        await node.execute("update headwater.edges set lost = true")
        assert await ana.closed() == (1013, "reconnect")
        await until_present(node)
        assert await on_record(node) != first


async def test_a_node_alone_closes_at_its_start_what_earlier_ones_left(tables: str) -> None:
    async with served(tables) as node:
        left = uuid4()
        await node.execute("insert into headwater.edges (context, node) values ('tiny', %s), ('other', %s)", left, left)
        await node.execute("insert into connections (id, node, client) values (%s, %s, 'ana')", uuid4(), left)
        assert await node.present() == ["ana"]
    async with served(tables, alone=True) as again:
        await until_present(again)

        async def is_removed() -> bool:
            rows = await again.ask("select node from headwater.edges where context = 'tiny'")
            return rows == [(again.presence.node,)]

        await until(is_removed, "the earlier node's row is still there")
        assert len(await again.ask("select node from headwater.edges where context = 'other'")) == 1


async def test_a_sweep_that_fails_is_repeated(tables: str) -> None:
    async with served(tables, times=QUICK) as node:
        failures = [RuntimeError("away")] * 2
        close = node.presence._close_connections

        async def failing(lost: UUID) -> None:
            if failures:
                raise failures.pop()
            await close(lost)

        node.presence._close_connections = failing
        left = uuid4()
        await node.execute("insert into connections (id, node, client) values (%s, %s, 'ana')", uuid4(), left)
        await node.execute("insert into headwater.edges (context, node) values ('tiny', %s)", left)
        await until_present(node)
        assert failures == []


def test_a_node_is_lost_when_its_row_stands_still_for_long_enough() -> None:
    watch = _Watch(PresenceTimes(), at_start=False)
    still, moving, lost = uuid4(), uuid4(), SeenNode(uuid4(), 3, True)
    for second in range(0, 30, 10):
        nodes = [SeenNode(still, 5, False), SeenNode(moving, second, False)]
        assert watch.missed(nodes, float(second)) == []
    nodes = [SeenNode(still, 5, False), SeenNode(moving, 30, False), lost]
    assert watch.missed(nodes, 30.0) == [nodes[0], lost]
    assert watch.missed([nodes[0]._replace(renewals=6)], 40.0) == []
    assert [watch.is_swept(lost, moment) for moment in (30.0, 329.0, 330.0)] == [False, False, True]


async def test_presence_equals_the_open_sockets_after_any_coming_and_going(tables: str) -> None:
    chance = random.Random(3)
    async with served(tables) as first, served(tables, first) as second, AsyncExitStack() as stack:
        nodes, open_now = (first, second), dict[int, tuple[str, AsyncExitStack]]()
        for number in range(80):
            if open_now and chance.random() < 0.5:
                _, leaving = open_now.pop(chance.choice(sorted(open_now)))
                await leaving.aclose()
            else:
                name, own = f"client{chance.randrange(6)}", AsyncExitStack()
                client = await own.enter_async_context(chance.choice(nodes).client(client=name))
                assert (await client.next())["type"] == "welcome"
                open_now[number] = (name, own)
        for _, own in open_now.values():
            stack.push_async_callback(own.aclose)
        await until_present(first, *(name for name, _ in open_now.values()))
        assert len(first.sockets) + len(second.sockets) == len(open_now)
        assert all(closes <= 1 for _, closes in await connections(first))
    async with served(tables) as again:
        assert await again.present() == []

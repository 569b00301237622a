"""The messages of a channel: in order, without a gap or a double, from any node, whatever other clients do."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

import httpx2
import psycopg
import pytest

from api.streaming import hub
from api.streaming.hub import ChannelRow, QueueBounds, position_of, sequence_of
from streams.core.commits import LOOK_SECONDS
from tests.api.streaming.node import Node, served, until


async def say_all(node: Node, texts: Sequence[object], channel: str = "one") -> None:
    for text in texts:
        await node.say(channel, "said", text=text)


async def test_every_client_hears_every_message_in_the_order_of_the_log(node: Node) -> None:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(node.client(silent="1")) for _ in range(5)]
        for client in clients:
            await client.next()
        await asyncio.gather(*(say_all(node, [f"{writer}-{n}" for n in range(40)]) for writer in range(3)))
        await node.say("one", "said", text="last")
        heard = [await client.texts("last") for client in clients]
    log = [row[0] for row in await node.ask("select payload->>'text' from messages order by sequence")]
    assert heard == [log] * 5


async def test_channels_are_apart(node: Node) -> None:
    async with node.client("one", silent="1") as one, node.client("two", silent="1") as two:
        await one.next()
        await two.next()
        await asyncio.gather(say_all(node, range(30), "one"), say_all(node, range(100, 130), "two"))
        assert await one.texts(29) == list(range(30))
        assert await two.texts(129) == list(range(100, 130))


async def test_a_client_resumes_on_another_node_where_it_left_off(tables: str) -> None:
    """Also over many pages, while more is said, and at any moment."""
    chance = random.Random(1)
    async with served(tables) as first, served(tables, first) as second:
        saying = asyncio.create_task(say_all(first, range(400)))
        heard: list[object] = []
        since: dict[str, str] = {}
        while not heard or heard[-1] != 399:
            async with chance.choice((first, second)).client(silent="1", **since) as client:
                welcome = await client.next()
                assert welcome.get("recovered", True) is True
                for _ in range(chance.randrange(60)):
                    if heard and heard[-1] == 399:
                        break
                    heard.append((await client.next())["text"])
                position = client.position if len(client.received) > 1 else since.get("since", welcome["position"])
                since = {"since": str(position)}
        await saying
    assert heard == list(range(400 - len(heard), 400))


async def test_a_client_that_was_away_for_long_hears_all_of_it(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "PAGE_ROWS", 10)
    async with node.client(silent="1") as client:
        await client.next()
        since = client.position
    await say_all(node, range(305))
    async with node.client(silent="1") as live, node.client(silent="1", since=since) as client:
        await live.next()
        assert (await client.next())["recovered"] is True
        await node.say("one", "said", text=305)
        assert await client.texts(305) == list(range(306))


@pytest.mark.parametrize("since", [position_of("two", 1), position_of("one", 99), "1", "x", "", "9" * 400])
async def test_a_position_that_is_not_of_this_channel_is_said_to_be_none(node: Node, since: str) -> None:
    await say_all(node, range(3))
    async with node.client(silent="1", since=since) as client:
        assert (await client.next())["recovered"] is False
        error = await client.next()
        assert (error["type"], error["code"], error["details"]) == ("error", "unknown_position", {"recovered": False})
        await node.say("one", "said", text="now")
        assert await client.texts("now") == ["now"]


def test_a_position_names_its_channel() -> None:
    assert sequence_of("one", position_of("one", 17)) == 17
    assert sequence_of("two", position_of("one", 17)) is None


async def test_a_message_comes_within_a_second_where_nothing_announces_it(tables: str) -> None:
    async with served(tables) as first, served(tables) as second, second.client(silent="1") as client:
        await client.next()
        await first.say("one", "said", text="unannounced")
        assert await client.texts("unannounced") == ["unannounced"]


async def test_a_slow_client_is_closed_with_a_position_while_others_hear_everything(tables: str) -> None:
    text = "x" * 150_000
    async with served(tables, bounds=QueueBounds(5, 10_000_000)) as node, node.client(silent="1") as quick:
        await quick.next()
        async with node.client(silent="1") as slow:
            await slow.next()
            slow.connection.transport.pause_reading()
            for number in range(100):
                await node.say("one", "said", text=f"{number} {text}")
                assert str((await quick.next())["text"]).startswith(f"{number} ")
            slow.connection.transport.resume_reading()
            code, reason = await slow.closed()
        said = [message for message in slow.received if message["type"] == "said"]
        error = slow.received[-1]
        assert (code, error["code"]) == (1013, "too_slow")
        assert reason == f"since={said[-1]['position']}"
        assert error["details"] == {"position": said[-1]["position"]}
        async with node.client(silent="1", since=str(said[-1]["position"])) as resumed:
            rest = [str(one).split()[0] for one in await resumed.texts(f"99 {text}")]
    heard = [str(message["text"]).split()[0] for message in said] + rest
    assert heard == [str(number) for number in range(100)]
    assert len(said) < 100


async def test_the_bytes_that_wait_for_a_client_are_bounded(node: Node) -> None:
    with node.hub.subscription("one", 0) as messages:
        await say_all(node, ["first"])
        assert "first" in (await messages.next()).text
        await say_all(node, ["x" * 400_000] * 4)

        async def is_ended() -> bool:
            return messages._ended is not None

        await until(is_ended, "the subscription goes on")
        with pytest.raises(hub.SubscriptionEnded, match="too slow"):
            await messages.next()
        assert messages.position == position_of("one", 1)


async def test_rows_are_read_once_for_all_and_not_more_often_than_every_10_ms(node: Node) -> None:
    queries: list[Mapping[str, int]] = []
    read = node.hub._read_rows

    async def counted(after: Mapping[str, int], most: int) -> Sequence[ChannelRow]:
        queries.append(after)
        return await read(after, most)

    node.hub._read_rows = counted
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(node.client(silent="1")) for _ in range(10)]
        for client in clients:
            await client.next()
        await node.say("one", "said", text="first")
        await asyncio.gather(*(client.texts("first") for client in clients))
        queries.clear()
        began = loop.time()
        while loop.time() - began < 0.5:
            node.commits.announce()
            await asyncio.sleep(0)
        await asyncio.sleep(0.02)
        assert len(queries) <= (loop.time() - began) / LOOK_SECONDS + 1


async def test_a_database_that_is_away_delays_messages_and_loses_none(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "AWAY_SECONDS", 0.02)
    read, failures = node.hub._read_rows, [psycopg.OperationalError("away"), RuntimeError("a bug")] * 3

    async def failing(after: Mapping[str, int], most: int) -> Sequence[ChannelRow]:
        if failures:
            raise failures.pop()
        return await read(after, most)

    async with node.client(silent="1") as client:
        await client.next()
        node.hub._read_rows = failing
        await say_all(node, range(5))
        assert await client.texts(4) == list(range(5))


async def test_a_row_that_cannot_be_encoded_ends_its_channel_alone(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    async with node.client("one", silent="1") as one, node.client("two", silent="1") as two:
        await one.next()
        await say_all(node, ["before"])
        await node.say("one", "unreadable")
        assert (await one.closed())[0] == 1011
        assert one.received[-1]["text"] == "before"
        await node.say("two", "said", text="still here")
        assert await two.texts("still here") == ["still here"]
    assert "cannot be encoded" in caplog.text


async def test_nothing_is_followed_when_nobody_listens(node: Node) -> None:
    async with node.client(silent="1") as client:
        await client.next()
        await node.say("one", "said", text="first")
        await client.texts("first")
        following = node.hub._following
        assert following is not None
    async with asyncio.timeout(30):
        await following
    async with node.client(silent="1") as client:
        await client.next()
        await node.say("one", "said", text="again")
        assert await client.texts("again") == ["again"]


async def events(node: Node, number: int, last: str | None = None) -> list[str]:
    """So many events of the twin of the socket, each as its text."""
    headers = {} if last is None else {"Last-Event-ID": last}
    address = f"{node.url.replace('ws', 'http', 1)}/live/events/one"
    async with httpx2.AsyncClient(timeout=60) as client, client.stream("GET", address, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        found = ""
        async for piece in answer.aiter_text():
            found += piece
            if found.count("\n\n") >= number:
                break
    return found.split("\n\n")[:number]


async def test_server_sent_events_tell_what_the_socket_tells_and_resume(node: Node) -> None:
    await say_all(node, range(3))
    async with node.client(silent="1", since=position_of("one", 0)) as client:
        await client.texts(2)
    sent = [f"id: {message['position']}" for message in client.received[1:]]
    found = await events(node, 3, position_of("one", 0))
    assert [event.split("\n")[0] for event in found] == sent
    assert [event.split("\n")[0] for event in await events(node, 2, str(client.received[1]["position"]))] == sent[1:]


async def test_server_sent_events_end_with_the_channel(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    await say_all(node, ["last words"])
    await node.say("one", "over")
    found = await events(node, 2, position_of("one", 0))
    assert "last words" in found[0]
    assert found[1] == 'event: end\ndata: {"code":1000,"reason":"over"}'
    assert caplog.text == ""


async def test_clients_that_come_and_go_miss_nothing_between_a_page_and_the_live_messages(node: Node) -> None:
    """Each hears a stretch of the log without a gap, whichever way it was handed over."""

    async def listen(chance: random.Random) -> None:
        since: dict[str, str] = {}
        for _ in range(6):
            async with node.client(silent="1", **since) as client:
                await client.next()
                heard = [int((await client.next())["text"]) for _ in range(chance.randrange(1, 12))]
                assert heard == list(range(heard[0], heard[0] + len(heard)))
                stretches.append((since.get("since"), heard))
                since = {"since": client.position} if chance.random() < 0.7 else {}

    stretches: list[tuple[str | None, list[int]]] = []
    listening = asyncio.gather(*(listen(random.Random(seed)) for seed in range(8)))
    number = 0
    while not listening.done():
        await node.say("one", "said", text=number)
        number += 1
    await listening
    for since, heard in stretches:
        assert since is None or heard[0] == sequence_of("one", since)

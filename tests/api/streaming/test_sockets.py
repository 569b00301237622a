"""WebSockets over real sockets: who is let in, how frames are handled, and how a connection ends."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack

import httpx2
import orjson
import pytest
from prometheus_client import generate_latest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from api.socket_protocol import text_frame
from api.streaming import sockets
from tests.api.streaming.node import KEY, Client, Node, joined, served, until


async def refused(node: Node, query: str) -> tuple[dict[str, object], int | None]:
    async with joined(f"{node.url}/live/ws?{query}") as client:
        error = await client.next()
        return error, (await client.closed())[0]


async def test_a_socket_is_welcomed_and_hears_what_comes_after_its_own_join(node: Node) -> None:
    async with node.client(client="ana") as ana:
        assert (await ana.next())["type"] == "welcome"
        async with node.client(client="ben") as ben:
            assert (await ben.next())["type"] == "welcome"
            await node.say("one", "said", text="hello")
            assert [(await ana.next())["type"] for _ in range(2)] == ["joined", "said"]
            assert (await ben.next())["text"] == "hello"


@pytest.mark.parametrize("where", ["127.0.0.1:{}/live", "live.localhost:{}"])
async def test_a_socket_is_reached_under_the_path_of_its_surface_and_at_the_root_of_its_host(
    node: Node, where: str
) -> None:
    address = f"ws://{where.format(node.port)}/ws?channel=one&api_key={KEY}"
    async with connect(address, host="127.0.0.1", port=node.port, proxy=None) as connection:
        assert connection.protocol.extensions == []
        assert (await Client(connection).next())["you"] == "holder"


@pytest.mark.parametrize("path", ["/live/nowhere", "/live/plain", "/nowhere/ws", "/health", "/", "/live/ws/%ff"])
async def test_a_socket_that_no_surface_has_is_refused(node: Node, path: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        async with connect(f"{node.url}{path}", proxy=None):
            pass
    assert refusal.value.response.status_code == 403
    assert "Traceback" not in caplog.text


async def test_a_request_for_the_path_of_a_socket_is_not_found(node: Node) -> None:
    async with httpx2.AsyncClient() as client:
        assert (await client.get(f"{node.url.replace('ws', 'http', 1)}/live/ws")).status_code == 404


@pytest.mark.parametrize(
    ("query", "code", "close"),
    [
        ("", "validation_error", 1008),
        ("channel=one&api_key=another", "unauthorized", 1008),
        ("channel=bug", "internal_error", 1011),
    ],
)
async def test_who_is_refused_can_read_why(node: Node, query: str, code: str, close: int) -> None:
    error, closed = await refused(node, query)
    assert (error["type"], error["code"], closed) == ("error", code, close)
    assert set(error) == {"type", "code", "message", "details"}


async def test_a_key_in_the_query_is_in_no_log_no_error_and_no_metric(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = "x" + KEY
    async with node.client(api_key=KEY) as client:
        await client.next()
        for type_ in ("bug", "away"):
            await client.send(type=type_)
            assert KEY not in str(await client.next())
    error, _ = await refused(node, f"channel=one&api_key={wrong}")
    await refused(node, f"channel=bug&api_key={KEY}")
    with pytest.raises(InvalidStatus):
        async with connect(f"{node.url}/nowhere?api_key={KEY}", proxy=None):
            pass
    ours = [record for record in caplog.records if not record.name.startswith("websockets.client")]
    assert [record.getMessage() for record in ours if KEY in record.getMessage() + str(record.exc_text)] == []
    assert KEY not in str(error)
    assert KEY.encode() not in generate_latest()


async def test_junk_is_answered_by_an_error_and_the_socket_stays(node: Node) -> None:
    async with node.client() as client:
        await client.next()
        for junk in ("", "{", "[]", "1", '"a"', "null", "{}", '{"type": 1}', '{"type":"a\\u0000"}', "[" * 5_000, "\0"):
            await client.connection.send(junk)
            error = await client.next()
            assert (error["type"], error["code"]) == ("error", "invalid_message")
        await client.send(type="dance")
        assert (await client.next())["code"] == "unknown_type"
        await client.send(type="say", text="still here", id=7)
        assert {(await client.next())["type"] for _ in range(2)} == {"ack", "said"}
    assert [message["type"] for message in node.handled] == ["dance", "say"]


async def test_an_error_of_ours_is_logged_under_an_id_and_the_socket_stays(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    async with node.client() as client:
        await client.next()
        await client.send(type="bug")
        error = await client.next()
        await client.send(type="away")
        assert (await client.next())["code"] == "unavailable"
        await client.send(type="leave")
        assert await client.closed() == (1000, "left")
    assert error["code"] == "internal_error"
    assert str(error["details"]["error_id"]) in caplog.text


@pytest.mark.parametrize(("frame", "code"), [(b"binary", 1003), ("x" * 65_537, 1009)])
async def test_a_frame_that_cannot_be_taken_ends_the_connection(node: Node, frame: str | bytes, code: int) -> None:
    async with node.client() as client:
        await client.next()
        await client.connection.send("x" * 65_536)
        assert (await client.next())["code"] == "invalid_message"
        await client.connection.send(frame)
        assert (await client.closed())[0] == code


async def send_heartbeats(client: Client, number: int) -> None:
    for one in range(number):
        await client.send(type="heartbeat", number=one, text="x" * 1_000)


async def test_a_frame_is_not_read_before_the_one_before_it_is_handled(node: Node) -> None:
    async with node.client() as client:
        await client.next()
        await client.send(type="wait")
        sending = asyncio.create_task(send_heartbeats(client, 5_000))

        async def is_waiting() -> bool:
            return bool(node.handled)

        await until(is_waiting, "the first frame was not handled")
        (protocol,) = node.open_sockets()
        assert len(node.handled) == 1
        assert protocol.queue.qsize() <= 5
        node.open.set()
        assert (await client.next())["type"] == "waited"
        await sending
        await client.send(type="say", text="last")
        await client.texts("last")
    assert [message.get("number") for message in node.handled[1:-1]] == list(range(5_000))


async def test_a_socket_without_a_frame_is_told_and_closed(tables: str) -> None:
    async with served(tables, idle_seconds=0.2) as node, node.client() as client:
        assert (await client.next())["type"] == "welcome"
        assert (await client.next())["code"] == "idle"
        assert await client.closed() == (1008, "idle")


async def test_any_frame_keeps_a_socket(tables: str) -> None:
    async with served(tables, idle_seconds=0.5) as node, node.client() as client:
        await client.next()
        for _ in range(8):
            await client.connection.send("junk")
            await client.next()
            await asyncio.sleep(0.1)
        await client.send(type="leave")
        assert (await client.closed())[0] == 1000


async def test_a_stop_ends_every_socket_and_every_leave_is_on_record(tables: str) -> None:
    async with served(tables) as node, node.client(client="ana") as ana, node.client(client="ben") as ben:
        stopping = asyncio.create_task(node.stop())
        assert [(await one.closed())[0] for one in (ana, ben)] == [1001, 1001]
        await stopping
    async with served(tables) as again:
        assert await again.present() == []
        assert len(await again.ask("select * from headwater.edges")) == 1


async def test_an_end_of_the_channel_closes_its_sockets_after_what_was_said(node: Node) -> None:
    async with node.client() as client, node.client("two") as other:
        await client.next()
        await other.next()
        await node.say("one", "said", text="last words")
        await node.say("one", "over")
        assert await client.closed() == (1000, "over")
        assert client.received[-1]["text"] == "last words"
        await node.say("two", "said", text="still here")
        assert (await other.next())["text"] == "still here"
        node.sockets.end(1013, "reconnect", channel="one")
        node.sockets.end(1013, "reconnect", channel="two")
        assert await other.closed() == (1013, "reconnect")


async def test_more_sockets_than_the_server_has_room_for_are_refused(tables: str) -> None:
    async with served(tables, sockets=1) as node:
        async with node.client() as client:
            await client.next()
            with pytest.raises(InvalidStatus) as refusal:
                async with node.client():
                    pass
            assert refusal.value.response.status_code == 503

        async def is_free() -> bool:
            return len(node.open_sockets()) == 0

        await until(is_free, "the place was not free again")
        async with node.client() as client:
            assert (await client.next())["type"] == "welcome"


async def test_a_client_that_never_reads_is_cut(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "STALLED_SECONDS", 0.2)
    monkeypatch.setattr("api.socket_protocol.CLOSE_SECONDS", 0.2)
    deaf = await node.deaf_client("one")

    async def is_cut() -> bool:
        await node.say("one", "said", text="x" * 200_000)
        return not node.open_sockets()

    await until(is_cut, "the connection is still open")
    deaf.close()


@pytest.mark.parametrize("length", [1, 125, 126, 65_535, 65_536])
async def test_a_frame_made_once_is_written_while_the_client_takes_it(node: Node, length: int) -> None:
    text = text_frame(f'"{"a" * length}"')
    async with node.client(silent="1") as client:
        await client.next()
        (socket,) = node.open_sockets()
        assert socket.write_frame(text)
        assert orjson.loads(await client.connection.recv()) == "a" * length
        socket.pause_writing()
        assert not socket.write_frame(text)
        socket.resume_writing()
        await client.connection.close()
        assert not socket.write_frame(text)
    assert not socket.write_frame(text)


async def test_a_message_of_a_channel_is_framed_once_for_all_its_sockets(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    framed = []

    def counted(text: str) -> bytes:
        framed.append(text)
        return text_frame(text)

    monkeypatch.setattr("api.streaming.hub.text_frame", counted)
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(node.client(silent="1")) for _ in range(5)]
        for client in clients:
            await client.next()

        async def are_live() -> bool:
            return len(node.hub._channels["one"].subscriptions) == len(clients)

        await until(are_live, "not every socket follows the channel")
        await node.say("one", "said", text="hello")
        assert [await client.texts("hello") for client in clients] == [["hello"]] * 5
    assert len([text for text in framed if "hello" in text]) == 1

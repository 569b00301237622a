"""The hub over a log in memory: what a subscriber gets, whatever happens while it reads a page."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.streaming import hub
from api.streaming.hub import ChannelRow, Hub, QueueBounds, Subscription
from streams.core.commits import Commits


class Log:
    """Rows of channels, and a hub over them; `pause` may hold up what a read has found."""

    def __init__(self, bounds: QueueBounds | None = None) -> None:
        self.rows: list[ChannelRow] = []
        self.commits = Commits()
        self.reads: list[Mapping[str, int]] = []
        self.pause: Callable[[Mapping[str, int]], Awaitable[None]] = self.at_once
        self.hub = Hub(self.commits, self.read, bounds=bounds)

    async def at_once(self, _after: Mapping[str, int]) -> None:
        await asyncio.sleep(0)

    async def read(self, after: Mapping[str, int], most: int) -> Sequence[ChannelRow]:
        self.reads.append(after)
        found = sorted(row for row in self.rows if row.sequence > after.get(row.channel, row.sequence))[:most]
        await self.pause(after)
        return found

    def say(self, number: int = 1, channel: str = "one") -> None:
        for _ in range(number):
            sequence = sum(row.channel == channel for row in self.rows) + 1
            self.rows.append(ChannelRow(channel, sequence, "said", {}))
        self.commits.announce()


async def taken(messages: Subscription, number: int) -> list[int]:
    async with asyncio.timeout(30):
        return [(await messages.next()).sequence for _ in range(number)]


async def test_a_row_that_is_handed_out_while_a_subscriber_reads_its_page_is_read_by_it() -> None:
    log, reading, over = Log(), asyncio.Event(), asyncio.Event()
    log.say()

    async def pause(after: Mapping[str, int]) -> None:
        if after == {"one": 0} and not reading.is_set():
            reading.set()
            await over.wait()

    with log.hub.subscription("one", 1) as live:
        waiting = asyncio.create_task(taken(live, 2))
        await asyncio.sleep(0.02)
        log.pause = pause
        with log.hub.subscription("one", 0) as late:
            catching_up = asyncio.create_task(taken(late, 3))
            await reading.wait()
            log.say(2)
            assert await waiting == [2, 3]
            over.set()
            assert await catching_up == [1, 2, 3]
    await log.hub.close()


class Gate:
    """A point that a read stands still at, once."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.open = asyncio.Event()

    async def stand(self) -> None:
        if not self.reached.is_set():
            self.reached.set()
            await self.open.wait()


async def test_rows_that_were_read_for_subscribers_who_have_left_are_not_handed_to_the_next() -> None:
    """The next one has read its page before them, and has yet to get what came between."""
    log, page, look = Log(), Gate(), Gate()

    async def pause(after: Mapping[str, int]) -> None:
        if after == {"one": 0}:
            await page.stand()
        elif after == {"one": 2} and len(log.rows) == 3:
            await look.stand()

    log.pause = pause
    with log.hub.subscription("one", 0) as late:
        catching_up = asyncio.create_task(taken(late, 3))
        await page.reached.wait()
        with log.hub.subscription("one", 0) as first:
            hearing = asyncio.create_task(taken(first, 2))
            log.say(2)
            assert await hearing == [1, 2]
            log.say()
            waiting = asyncio.create_task(taken(first, 1))
            await look.reached.wait()
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        page.open.set()
        await asyncio.sleep(0.02)
        look.open.set()
        assert await catching_up == [1, 2, 3]
    await log.hub.close()


async def test_history_is_read_page_by_page_and_never_fills_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "PAGE_ROWS", 10)
    log = Log(QueueBounds(messages=15))
    log.say(305)
    with log.hub.subscription("one", 0) as messages:
        for number in range(305):
            assert len(messages._queue) <= 10
            assert await taken(messages, 1) == [number + 1]
    await log.hub.close()


async def test_rows_of_all_channels_are_read_at_once() -> None:
    log = Log()
    with log.hub.subscription("one", 0) as one, log.hub.subscription("two", 0) as two:
        waiting = [asyncio.create_task(taken(messages, 1)) for messages in (one, two)]
        await asyncio.sleep(0.02)
        log.reads.clear()
        log.say(channel="one")
        log.say(channel="two")
        assert await asyncio.gather(*waiting) == [[1], [1]]
        assert log.reads[0] == {"one": 0, "two": 0}
    await log.hub.close()


steps = st.lists(st.sampled_from(["say", "say", "join", "join behind", "take", "leave", "turn"]), max_size=60)


@settings(max_examples=150, deadline=None)
@given(steps=steps, page=st.integers(1, 5))
def test_no_order_of_joining_saying_and_reading_makes_a_gap_or_a_double(steps: list[str], page: int) -> None:
    asyncio.run(interleaved(steps, page))


async def interleaved(steps: list[str], page: int) -> None:
    log = Log(QueueBounds(messages=100))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("PAGE_ROWS", page), ("ROWS_AT_ONCE", page), ("LOOK_SECONDS", 0.0)):
            patch.setattr(hub, name, value)
        readers: list[tuple[int, list[int], asyncio.Task[None]]] = []
        for step in steps:
            match step:
                case "say":
                    log.say()
                case "join" | "join behind":
                    after = len(log.rows) if step == "join" else len(log.rows) // 2
                    heard: list[int] = []
                    readers.append((after, heard, asyncio.create_task(listen(log, after, heard))))
                case "leave" if readers:
                    readers.pop()[2].cancel()
                case _:
                    await asyncio.sleep(0)
        log.say()
        async with asyncio.timeout(30):
            while any(heard[-1:] != [len(log.rows)] for _, heard, _ in readers):
                await asyncio.sleep(0)
        for after, heard, listening in readers:
            listening.cancel()
            assert heard == list(range(after + 1, len(log.rows) + 1))
        await log.hub.close()


async def listen(log: Log, after: int, heard: list[int]) -> None:
    with log.hub.subscription("one", after) as messages:
        while True:
            heard.append((await messages.next()).sequence)

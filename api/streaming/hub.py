"""The hub of a process: rows of channels, read once after each commit, encoded once, handed to every subscription.

A channel is a stream of rows with ascending sequences, as of a live session. Its position, which clients give to resume
from, names the channel too: a position of another channel is found out.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import NamedTuple

import orjson
import psycopg

from api.socket_protocol import text_frame
from streams.core.commits import LOOK_SECONDS, UNANNOUNCED_SECONDS, Commits

log = logging.getLogger(__name__)

AWAY_SECONDS = 1.0
ROWS_AT_ONCE = 500
PAGE_ROWS = 100
POSITION = re.compile(r"(\d{1,18})\.([0-9a-f]{8})", re.ASCII)

NORMAL, GOING_AWAY, BROKEN, TRY_AGAIN = 1000, 1001, 1011, 1013
"""Close codes of WebSockets (RFC 6455, 7.4)."""


class ChannelRow(NamedTuple):
    """A row of a channel, as a read model has it."""

    channel: str
    sequence: int
    type: str
    payload: Mapping[str, object]


class Ending(NamedTuple):
    """The end of a channel, in the place of a message: every subscription ends after what precedes it."""

    code: int = NORMAL
    reason: str = ""


class ChannelMessage(NamedTuple):
    """An encoded row, and the frame that every socket sends of it. `size` is in bytes."""

    sequence: int
    text: str
    frame: bytes

    @property
    def size(self) -> int:
        return len(self.frame)


class QueueBounds(NamedTuple):
    """The bounds of what waits for one subscriber. A single message may be larger than `most_bytes`."""

    messages: int = 256
    most_bytes: int = 1_048_576


class SubscriptionEnded(Exception):
    """The end of a subscription: a close code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


RowReader = Callable[[Mapping[str, int], int], Awaitable[Sequence[ChannelRow]]]
"""The rows after a sequence of each channel, at most so many, ordered by channel and sequence."""

Encoder = Callable[[ChannelRow], str | Ending]
"""The encoding of a row as a client receives it."""


def position_of(channel: str, sequence: int) -> str:
    """The position of a row of a channel, to resume after it."""
    return f"{sequence}.{_mark(channel)}"


def sequence_of(channel: str, position: str) -> int | None:
    """The sequence that a position names; None for a position of another channel, and for what is none."""
    found = POSITION.fullmatch(position)
    return int(found[1]) if found is not None and found[2] == _mark(channel) else None


def _mark(channel: str) -> str:
    return sha256(channel.encode()).hexdigest()[:8]


def as_json(row: ChannelRow) -> str:
    """A row as one JSON object: the payload, with the type and the position beside it."""
    position = position_of(row.channel, row.sequence)
    return orjson.dumps({**row.payload, "type": row.type, "position": position}).decode()


class _Channel:
    """The live subscriptions of a channel, and the sequence of the last row that was handed to them."""

    def __init__(self, cursor: int) -> None:
        self.cursor = cursor
        self.subscriptions: dict[Subscription, None] = {}


class Hub:
    """The hub of a read model's channels. Subscribers behind it read rows for themselves, page by page."""

    def __init__(
        self, commits: Commits, read: RowReader, encode: Encoder = as_json, bounds: QueueBounds | None = None
    ) -> None:
        self._commits = commits
        self._read_rows = read
        self._encode = encode
        self._bounds = bounds or QueueBounds()
        self._channels: dict[str, _Channel] = {}
        self._changed = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

    @contextmanager
    def subscription(self, channel: str, after: int) -> Iterator[Subscription]:
        """A subscription to the messages of a channel after a sequence, for as long as the block runs."""
        made = Subscription(self, channel, after, self._bounds)
        try:
            yield made
        finally:
            self.leave(made)

    async def close(self) -> None:
        """Stop reading, and end every subscription."""
        if self._following is not None:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following
        for name in tuple(self._channels):
            self._end(name, Ending(GOING_AWAY, "the server stops"))

    async def page(self, channel: str, after: int) -> list[ChannelMessage | Ending]:
        """The next messages of one channel; fewer than `PAGE_ROWS` when there are no more."""
        return [self._encoded(row) for row in await self._read({channel: after}, PAGE_ROWS)]

    def admit(self, subscription: Subscription) -> bool:
        """Make a subscription live, unless it lacks rows that the hub has handed out."""
        name = subscription.channel
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = _Channel(subscription.reached)
            self._changed.set()  # rows may have come since the subscription read
            self._follow_commits()
        if channel.cursor > subscription.reached:
            return False
        channel.subscriptions[subscription] = None
        return True

    def is_at_head(self, subscription: Subscription) -> bool:
        """Whether the subscription has everything that the hub has handed out, of a channel that it follows."""
        channel = self._channels.get(subscription.channel)
        return channel is not None and channel.cursor <= subscription.reached

    def leave(self, subscription: Subscription) -> None:
        """Hand nothing more to a subscription."""
        channel = self._channels.get(subscription.channel)
        if channel is not None:
            channel.subscriptions.pop(subscription, None)
            if not channel.subscriptions:
                del self._channels[subscription.channel]

    def _follow_commits(self) -> None:
        if self._following is None or self._following.done():
            self._following = asyncio.create_task(self._follow(), name="hub")

    async def _follow(self) -> None:
        with self._commits.listening(self._changed.set):
            while self._channels:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), UNANNOUNCED_SECONDS)
                self._changed.clear()
                while await self._hand_out_rows():
                    pass
                await asyncio.sleep(LOOK_SECONDS)

    async def _hand_out_rows(self) -> bool:
        """Whether there may be more rows. A channel that was left and joined meanwhile has another cursor."""
        asked = dict(self._channels)
        rows = await self._read({name: channel.cursor for name, channel in asked.items()}, ROWS_AT_ONCE)
        for row in rows:
            channel = self._channels.get(row.channel)
            if channel is not None and channel is asked.get(row.channel):
                self._hand_out(channel, row)
        return len(rows) == ROWS_AT_ONCE

    def _hand_out(self, channel: _Channel, row: ChannelRow) -> None:
        encoded = self._encoded(row)
        if isinstance(encoded, Ending):
            self._end(row.channel, encoded)
            return
        channel.cursor = encoded.sequence
        for subscription in tuple(channel.subscriptions):
            subscription.put(encoded)

    def _encoded(self, row: ChannelRow) -> ChannelMessage | Ending:
        try:
            text = self._encode(row)
        except Exception as error:
            log.error("row %d of a channel cannot be encoded", row.sequence, exc_info=error)
            return Ending(BROKEN, "a message cannot be shown")
        return text if isinstance(text, Ending) else ChannelMessage(row.sequence, text, text_frame(text))

    def _end(self, name: str, ending: Ending) -> None:
        for subscription in self._channels.pop(name).subscriptions:
            subscription.end(ending)

    async def _read(self, after: Mapping[str, int], most: int) -> Sequence[ChannelRow]:
        """Rows of the read model, waited for while it cannot be read."""
        while True:
            try:
                return await self._read_rows(after, most)
            except psycopg.Error as error:
                log.warning("channels cannot be read: %s", type(error).__name__)
            except Exception as error:
                log.error("channels cannot be read", exc_info=error)
            await asyncio.sleep(AWAY_SECONDS)


class Subscription:
    """The messages of a channel for one client, in order and without a gap, in a bounded queue.

    `reached` is the sequence of the last message in the queue, `taken` that of the last one taken from it.
    """

    def __init__(self, hub: Hub, channel: str, after: int, bounds: QueueBounds) -> None:
        self.channel = channel
        self.reached = self.taken = after
        self._hub = hub
        self._bounds = bounds
        self._queue: deque[ChannelMessage] = deque()
        self._bytes = 0
        self._live = False
        self._ended: SubscriptionEnded | None = None
        self._changed = asyncio.Event()

    @property
    def position(self) -> str:
        """The position to resume from: that of the last message taken."""
        return position_of(self.channel, self.taken)

    async def next(self) -> ChannelMessage:
        """The next message. Raises SubscriptionEnded: 1013 when the queue was full, else as the channel ended."""
        while not self._queue:
            if self._ended is not None:
                raise self._ended
            if self._live:
                self._changed.clear()
                await self._changed.wait()
            else:
                await self._catch_up()
        message = self._queue.popleft()
        self._bytes -= message.size
        self.taken = message.sequence
        return message

    def put(self, message: ChannelMessage) -> None:
        """Add a message to the queue. A full queue is emptied, and ends the subscription."""
        if message.sequence <= self.reached:
            return
        full = len(self._queue) >= self._bounds.messages or self._bytes + message.size > self._bounds.most_bytes
        if full and self._queue:
            self._queue.clear()
            self.end(Ending(TRY_AGAIN, "too slow"))
            self._hub.leave(self)
            return
        self._add(message)
        self._changed.set()

    def end(self, ending: Ending) -> None:
        """End the subscription after what is in its queue."""
        self._ended = self._ended or SubscriptionEnded(ending.code, ending.reason)
        self._changed.set()

    def _add(self, message: ChannelMessage) -> None:
        self._queue.append(message)
        self._bytes += message.size
        self.reached = message.sequence

    async def _catch_up(self) -> None:
        """Read a page; a subscription that is at the end becomes live."""
        if not self._hub.is_at_head(self):
            page = await self._hub.page(self.channel, self.reached)
            for one in page:
                if isinstance(one, Ending):
                    self.end(one)
                    return
                self._add(one)
            if len(page) == PAGE_ROWS:
                return
        self._live = self._hub.admit(self)

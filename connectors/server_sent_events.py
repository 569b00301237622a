"""The parser of server-sent events, by the WHATWG HTML standard (section 9.2.6), from chunks of any size."""

from __future__ import annotations

import codecs
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from dataclasses import dataclass

LINE_END = re.compile("\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event; `event` is `message` if the sender named none. Ids and retry times are dropped."""

    event: str
    data: str


class EventParser:
    """An incremental parser: takes bytes, and yields complete events. An event ends with a blank line."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
        self._rest = ""
        self._after_cr = False
        self._event = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        for line in self._lines(self._decoder.decode(chunk)):
            event = self._take(line)
            if event is not None:
                yield event

    def close(self) -> Iterator[ServerSentEvent]:
        """The event that the end of the bytes cut short of its blank line, which the standard drops."""
        for line in (self._rest + self._decoder.decode(b"", final=True), ""):
            event = self._take(line)
            if event is not None:
                yield event
        self._rest = ""

    def _lines(self, text: str) -> list[str]:
        if not text:
            return []
        if self._after_cr:
            text = text.removeprefix("\n")
        self._after_cr = text.endswith("\r")
        *lines, self._rest = LINE_END.split(self._rest + text)
        return lines

    def _take(self, line: str) -> ServerSentEvent | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._event = value
        elif field == "data":
            self._data.append(value)
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        event, data = self._event or "message", self._data
        self._event, self._data = "", []
        return ServerSentEvent(event, "\n".join(data)) if data else None


async def events(chunks: AsyncIterable[bytes]) -> AsyncIterator[ServerSentEvent]:
    """The events in a stream of bytes, the last one even without its blank line: a paid answer may end in it."""
    parser = EventParser()
    async for chunk in chunks:
        for event in parser.feed(chunk):
            yield event
    for event in parser.close():
        yield event

"""The reader of an answer of Anthropic's Messages API: server-sent events, or one JSON body where no stream came.

Only text decides about an answer. Whatever else an event lacks, or has of another type, is passed over: its name, too,
which then follows from its `type` or from its fields.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator

import httpx2

from connectors.model import Chunk, Finished, Tally, TextChunk
from connectors.model_http import LONGEST_REASON, broke
from connectors.provider_json import Fields, SurrogateJoiner, count_in, fields_in, fields_of, text_in, word_in
from connectors.server_sent_events import ServerSentEvent, events
from streams.core.calls import Deferred, Rejected, Unknown

PASSING = frozenset({"rate_limit_error", "api_error", "timeout_error", "overloaded_error", "conflict_error"})
"""Error types for which a retry may succeed."""

KINDS = frozenset(
    {
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "ping",
        "error",
    }
)
WHOLE = "message"
"""The `type` of a message that is not streamed; also the name of an event without an `event:` line."""

LONGEST_BODY = 4 << 20
"""The most bytes that are kept for the case that the body is no stream."""


async def read_answer(chunks: AsyncIterable[bytes], tally: Tally, key: str) -> AsyncGenerator[Chunk, None]:
    """The text of an answer as it comes, and its end. Raises UpstreamBroke. The reasons of errors leave out `key`."""
    reading = _Reading(tally, key)
    try:
        async for event in events(reading.watched(chunks)):
            if text := reading.take(event):
                yield TextChunk(text)
            if reading.over:
                break
    except httpx2.RequestError:
        if not reading.ending:
            raise
    if text := reading.rest():
        yield TextChunk(text)
    yield reading.finished()


class _Reading:
    """The state of one answer while it is read."""

    def __init__(self, tally: Tally, key: str) -> None:
        self._tally = tally
        self._key = key
        self._joiner = SurrogateJoiner()
        self._body: bytearray | None = bytearray()
        self._id = ""
        self._stop_reason = ""
        self._detail = ""
        self._over = False
        self.ending = False
        """Whether the model's last figures have come: a stream that ends after them, or breaks, has lost no text."""

    async def watched(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """The same chunks. They are kept until the first event, as a body without events may be an answer or an error.

        So an error with status 200 keeps the provider's words.
        """
        async for chunk in chunks:
            if self._body is not None:
                self._body += chunk[: LONGEST_BODY - len(self._body)]
            yield chunk

    def take(self, event: ServerSentEvent) -> str:
        """Read one event and return the text it adds. Raises UpstreamBroke for an error, and for text that is lost."""
        self._body = None
        try:
            fields = fields_of(event.data)
        except ValueError:
            return self._unreadable(event)
        return self._joined(self._taken(_kind(event.event, fields), fields))

    @property
    def over(self) -> bool:
        """Whether the model has stopped. Later events add nothing, and a later failure takes nothing away."""
        return self._over

    def rest(self) -> str:
        """The text that the end releases: of a body that is no stream, or half a character."""
        body, self._body = self._body, None
        return self._joined(self._whole(body) if body else "") + self._joiner.rest()

    def finished(self) -> Finished:
        """The end of the answer. Raises UpstreamBroke if the stream stopped before the model did."""
        if not (self._over or self.ending):
            raise broke(Unknown("the answer broke off before its end"), self._tally)
        return Finished(self._id, self._stop_reason, self._tally.usage(), self._detail)

    def _taken(self, kind: str, fields: Fields) -> str:
        match kind:
            case "message_start":
                return self._start(fields_in(fields, "message") or fields)
            case "content_block_start":
                return _block_text(fields_in(fields, "content_block"))
            case "content_block_delta":
                return _delta_text(fields_in(fields, "delta"))
            case "message_delta":
                return self._delta(fields)
            case "message_stop":
                self._over = True
            case "message":
                return self._message(fields)
            case "error":
                raise broke(_failure(error_in(fields), self._key), self._tally)
        return ""

    def _start(self, message: Fields) -> str:
        self._id = word_in(message, "id") or self._id
        self._tally.model = word_in(message, "model") or self._tally.model
        self._tally.count(count_in(fields_in(message, "usage"), "input_tokens"), _output_tokens(message))
        self._stop_reason = word_in(message, "stop_reason")
        return _content_text(message.get("content"))

    def _delta(self, fields: Fields) -> str:
        """Read the changes of the whole message. Those with a reason to stop are the last ones."""
        delta = fields_in(fields, "delta")
        reason = word_in(delta, "stop_reason") or word_in(fields, "stop_reason")
        self._detail = word_in(fields_in(delta, "stop_details"), "explanation", LONGEST_REASON) or self._detail
        written = _output_tokens(fields)
        self._tally.count(count_in(fields_in(fields, "usage"), "input_tokens"), written)
        self._tally.counted = self._tally.counted or written is not None
        self._stop_reason = reason or self._stop_reason
        self._over, self.ending = bool(reason), True
        return _delta_text(delta)

    def _message(self, message: Fields) -> str:
        text = self._start(message)
        self._detail = word_in(fields_in(message, "stop_details"), "explanation", LONGEST_REASON)
        self._tally.counted = _output_tokens(message) is not None
        self._over = True
        return text

    def _whole(self, body: bytearray) -> str:
        """The text of a body that holds no event. Raises UpstreamBroke if it is no answer."""
        try:
            fields = fields_of(body.decode(errors="replace"))
        except ValueError:
            raise broke(Unknown("the answer was no stream of events"), self._tally) from None
        if text_in(fields, "type") == WHOLE or "content" in fields:
            return self._message(fields)
        error = error_in(fields)
        raise broke(_failure(error, self._key) if error else Unknown("the answer was no message"), self._tally)

    def _unreadable(self, event: ServerSentEvent) -> str:
        """Pass over what is not JSON, unless text was in it, or it is the error itself."""
        if event.event == "error":
            raise broke(_failure({"message": event.data}, self._key), self._tally)
        cut = event.event == WHOLE and event.data.lstrip().startswith("{")
        if event.event == "content_block_delta" or cut:
            raise broke(Unknown("a piece of the answer could not be read"), self._tally)
        return ""

    def _joined(self, piece: str) -> str:
        self._tally.begun = True
        text = self._joiner.joined(piece) if piece else ""
        self._tally.saw(text)
        return text


def error_in(fields: Fields) -> Fields:
    """The error in an event or a body: an object, a sentence, or what a gateway says in `message` or `detail`."""
    error = fields.get("error")
    if isinstance(error, dict):
        return error
    said = [error, fields.get("message"), fields.get("detail")]
    return next(({"message": sentence} for sentence in said if isinstance(sentence, str) and sentence), {})


def reason_of(error: Fields, key: str) -> str:
    """The provider's sentence, without our key."""
    whole = text_in(error, "message").replace(key, "[key]")
    return word_in({"message": whole}, "message", LONGEST_REASON)


def _failure(error: Fields, key: str) -> Rejected | Deferred:
    code = word_in(error, "type") or "api_error"
    reason = reason_of(error, key) or code
    return Deferred(code, reason) if code in PASSING else Rejected(code, reason)


def _kind(named: str, fields: Fields) -> str:
    """The kind of an event by its type, its `event:` line, or its fields; empty for one that is not known."""
    typed = text_in(fields, "type")
    if typed in KINDS or typed == WHOLE:
        return typed
    if named in KINDS:
        return named
    return "" if typed or named != WHOLE else _kind_by_fields(fields)


def _kind_by_fields(fields: Fields) -> str:
    if fields.get("error"):
        return "error"
    if fields_in(fields, "message"):
        return "message_start"
    if fields_in(fields, "content_block"):
        return "content_block_start"
    delta = fields_in(fields, "delta")
    if "stop_reason" in delta or ("usage" in fields and "text" not in delta):
        return "message_delta"
    return "content_block_delta" if delta else ""


def _content_text(content: object) -> str:
    """The text of a message's content: blocks, or the text itself."""
    if isinstance(content, list):
        return "".join(_block_text(block) for block in content if isinstance(block, dict))
    return content if isinstance(content, str) else ""


def _block_text(block: Fields) -> str:
    return text_in(block, "text") if text_in(block, "type") in ("", "text") else ""


def _delta_text(delta: Fields) -> str:
    """The text of a delta; thinking, citations and tool input are no part of the answer."""
    return text_in(delta, "text") if text_in(delta, "type") in ("", "text_delta") else ""


def _output_tokens(fields: Fields) -> int | None:
    return count_in(fields_in(fields, "usage"), "output_tokens")

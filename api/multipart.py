"""The parts of a multipart/form-data body, read as they arrive: nothing but the piece at hand is in memory."""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from api.errors import LONGEST_NAME, ApiError, FieldError, invalid

MOST_PARTS = 50
MOST_HEADERS = 8
"""Headers of one part."""

LONGEST_HEADER = 4_096
LONGEST_FILE_NAME = 255
LONGEST_BOUNDARY = 70
"""Characters, by RFC 2046."""

EXTENDED_NAME = re.compile(r"filename\*=utf-8''([^;\s]+)", re.IGNORECASE)
"""The form of a file's name outside ASCII that RFC 7578 forbids and some clients send, without any other."""

TRANSFER_ENCODINGS = ("", "7bit", "8bit", "binary")
SENTENCES = {
    "Maximum header count exceeded": f"a part has more than {MOST_HEADERS} headers",
    "Maximum header size exceeded": f"a header of a part has more than {LONGEST_HEADER} bytes",
}

logging.getLogger("python_multipart").setLevel(logging.ERROR)  # else a client could make a warning per body


class Part(NamedTuple):
    """The headers of a part: the field's name, and for a file its name and type; `file_name` is None for a text."""

    name: str
    file_name: str | None
    content_type: str

    @property
    def label(self) -> str:
        """The file's name as it may be shown, never a path: without folders and control characters; empty if unfit."""
        last = (self.file_name or "").replace("\\", "/").rpartition("/")[2]
        return "".join(letter for letter in last if letter.isprintable())[:LONGEST_FILE_NAME].strip()


class _PartEnd:
    """The end of a part's data."""


class MultipartReader:
    """Reader of a request's parts, at most `most_bytes` in all. Read each part's data before the next part.

    Raises ApiError 400 for what is no well-formed multipart/form-data, 413 above the bound, and ClientDisconnect.
    """

    def __init__(self, request: Request, most_bytes: int) -> None:
        self._request = request
        self._most_bytes = most_bytes
        self._events: deque[Part | bytes | _PartEnd] = deque()
        self._header = (bytearray(), bytearray())
        self._headers: dict[str, str] = {}
        self._parts = self._size = 0
        self._ended = False
        self._parser = MultipartParser(
            _boundary(request),
            {
                "on_part_begin": self._begin_part,
                "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": lambda data, start, end: self._events.append(bytes(data[start:end])),
                "on_part_end": lambda: self._events.append(_PartEnd()),
                "on_end": self._end,
            },
            max_header_count=MOST_HEADERS,
            max_header_size=LONGEST_HEADER,
        )

    async def next_part(self) -> Part | None:
        """The next part; None at the end of the body."""
        part = await self._next()
        assert part is None or isinstance(part, Part)
        return part

    async def data(self) -> AsyncIterator[bytes]:
        """The data of the part at hand."""
        while isinstance(chunk := await self._next(), bytes):
            yield chunk

    async def _next(self) -> Part | bytes | _PartEnd | None:
        while not self._events:
            if self._ended:
                return None
            await self._read()
        return self._events.popleft()

    async def _read(self) -> None:
        message = await self._request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        if self._size + len(chunk) > self._most_bytes:
            raise too_large(self._most_bytes)
        try:
            self._parser.write(chunk)
        except MultipartParseError as error:
            raise _malformed(SENTENCES.get(str(error), f"malformed at byte {self._size + error.offset}")) from None
        self._size += len(chunk)
        if not message.get("more_body", False) and not self._ended:
            raise _malformed("it ends before its last boundary")

    def _begin_part(self) -> None:
        self._headers = {}
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise _malformed(f"it has more than {MOST_PARTS} parts")

    def _end_header(self) -> None:
        name, value = (bytes(one).decode("latin-1") for one in self._header)
        self._headers[name.lower()] = value
        for one in self._header:
            one.clear()

    def _end_headers(self) -> None:
        self._events.append(part_of(self._headers))

    def _end(self) -> None:
        self._ended = True


def part_of(headers: Mapping[str, str]) -> Part:
    """The part with these headers, their names in lower case; raises ApiError 400."""
    given = headers.get("content-disposition", "")
    kind, options = parse_options_header(given)
    name = _text(options.get(b"name", b""), "name of a part")
    if kind != b"form-data" or not name:
        raise _malformed("a part has no Content-Disposition: form-data with a name")
    if headers.get("content-transfer-encoding", "").strip().lower() not in TRANSFER_ENCODINGS:
        raise _fault(name, "must not have a Content-Transfer-Encoding")
    content_type = parse_options_header(headers.get("content-type"))[0].decode("latin-1")
    if content_type.startswith("multipart/"):
        raise _fault(name, "must not be a multipart body within the body")
    return Part(name, _file_name(given, options), content_type)


def too_large(most: int, what: str = "body") -> ApiError:
    """A 413 for a body, or a part of it, above a bound."""
    return ApiError(413, f"The {what} is larger than {most} bytes", kind="BodyTooLarge")


def _file_name(given: str, options: Mapping[bytes, bytes]) -> str | None:
    plain, extended = options.get(b"filename"), EXTENDED_NAME.search(given)
    if extended is not None:
        plain = unquote_to_bytes(extended[1])
    return None if plain is None else _text(plain, "name of a file")


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data":
        raise invalid([FieldError("body", "must be multipart/form-data", missing=False)])
    if not 0 < len(boundary) <= LONGEST_BOUNDARY:
        raise _malformed(f"the Content-Type has no boundary of 1 to {LONGEST_BOUNDARY} characters")
    return boundary


def _text(given: bytes, what: str) -> str:
    try:
        return given.decode()
    except UnicodeDecodeError:
        raise _malformed(f"the {what} is not UTF-8") from None


def _malformed(fault: str) -> ApiError:
    return _fault("body", f"is not well-formed multipart/form-data: {fault}")


def _fault(name: str, sentence: str) -> ApiError:
    return invalid([FieldError(name[:LONGEST_NAME], sentence, missing=False)])

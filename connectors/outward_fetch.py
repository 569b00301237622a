"""The guarded fetch of an address given by others: redirects checked one by one, and bounds on size, time and type."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx2

from connectors.outward import NotPublic
from connectors.outward_http import PORTS, OutwardClient, Unresolvable

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 5
LONGEST_ADDRESS = 2048
ENCODINGS = frozenset({"gzip", "x-gzip", "deflate"})

_PASSING = frozenset({408, 425, 429})
_ABSENT = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Bounds of a fetch: bytes of the body after decompression, seconds for everything, and the types of content."""

    most_bytes: int
    seconds: float
    types: frozenset[str]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was found, and at which address after all redirects."""

    url: httpx2.URL
    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        return media_type_of(self.headers)


class Unfetchable(Exception):
    """Nothing can be fetched there: `code` is one of FetchDocument's. The reason tells nothing of what is inside."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Unavailable(Exception):
    """Nothing can be fetched there now. `headers` are those of the answer, if there was one."""

    def __init__(self, code: str, reason: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.headers = headers or {}


async def fetch(client: OutwardClient, address: str, limits: FetchLimits) -> Fetched:
    """Fetch an address with GET. Raises Unfetchable or Unavailable, and nothing else."""
    try:
        async with asyncio.timeout(limits.seconds):
            return await _followed(client, checked(address), limits)
    except TimeoutError:
        raise Unavailable("timeout", f"the address did not answer within {limits.seconds:g} seconds") from None
    except httpx2.DecodingError:
        raise Unfetchable("no_text", "what is at the address is compressed in a way that cannot be read") from None
    except httpx2.RequestError as error:
        raise Unavailable("unreachable", f"the address could not be fetched ({type(error).__name__})") from None


def checked(address: str) -> httpx2.URL:
    """The address as one that may be called; raises Unfetchable."""
    try:
        return _permitted(httpx2.URL(address))
    except (httpx2.InvalidURL, ValueError):
        raise _bad("the address cannot be read") from None


def media_type_of(headers: Mapping[str, str]) -> str:
    """The type and subtype of the content, empty if none is given."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


async def _followed(client: OutwardClient, url: httpx2.URL, limits: FetchLimits) -> Fetched:
    for _ in range(MOST_REDIRECTS + 1):
        response = await _answer(client, url, limits)
        try:
            if response.status_code not in REDIRECTS:
                return await _taken(url, response, limits)
            url = _next(url, response.headers.get("location", ""))
        finally:
            await response.aclose()
    raise _bad(f"the address redirects more than {MOST_REDIRECTS} times")


async def _answer(client: OutwardClient, url: httpx2.URL, limits: FetchLimits) -> httpx2.Response:
    headers = {
        "Accept": ", ".join(sorted(limits.types)),
        "Accept-Encoding": "gzip, deflate",
        "User-Agent": "headwater",
    }
    try:
        return await client.send("GET", url, headers)
    except NotPublic:
        raise Unfetchable("not_public", "the address leads to a place that is not public") from None
    except Unresolvable as error:
        if error.passing:
            raise Unavailable("unresolvable", "the name of the address cannot be resolved now") from None
        raise Unfetchable("not_found", "the name of the address does not exist") from None


async def _taken(url: httpx2.URL, response: httpx2.Response, limits: FetchLimits) -> Fetched:
    _check_status(response)
    if media_type_of(response.headers) not in limits.types:
        raise Unfetchable("no_text", "what is at the address is no text: neither HTML nor Markdown nor plain text")
    encodings = {part.strip().lower() for part in response.headers.get("content-encoding", "").split(",")}
    if encodings - ENCODINGS - {"", "identity"}:
        raise Unfetchable("no_text", "what is at the address is compressed in a way that was not asked for")
    return Fetched(url, response.headers, await _body(response, limits.most_bytes))


async def _body(response: httpx2.Response, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > most:
            raise Unfetchable("too_large", f"what is at the address has more than {most:,} bytes")
        parts.append(part)
    return b"".join(parts)


def _check_status(response: httpx2.Response) -> None:
    status = response.status_code
    if response.is_success:
        return
    reason = f"the address answered {status}"
    if status in _PASSING or response.is_server_error:
        raise Unavailable(f"http_{status}", reason, response.headers)
    raise Unfetchable("not_found" if status in _ABSENT else "forbidden", reason)


def _next(url: httpx2.URL, location: str) -> httpx2.URL:
    if not location:
        raise _bad("the address redirects to nowhere")
    try:
        return _permitted(url.join(location))
    except (httpx2.InvalidURL, ValueError):
        raise _bad("the address redirects to one that cannot be read") from None


def _permitted(url: httpx2.URL) -> httpx2.URL:
    if url.scheme not in PORTS or not url.host:
        raise _bad("only http and https addresses are fetched")
    if url.port is not None and not 0 < url.port < 65_536:
        raise _bad("the address has a port that does not exist")
    if url.userinfo:
        raise _bad("an address with a user or password in it is not fetched")
    if len(str(url)) > LONGEST_ADDRESS:
        raise _bad(f"an address of more than {LONGEST_ADDRESS:,} characters is not fetched")
    return url.copy_with(fragment=None)


def _bad(reason: str) -> Unfetchable:
    return Unfetchable("bad_address", reason)

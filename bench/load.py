"""A load generator with little overhead: keep-alive connections over raw sockets, requests made beforehand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Load:
    """Answered requests per second, and latencies in milliseconds, over one period."""

    connections: int
    per_second: float
    p50: float
    p99: float
    errors: int


async def run(host: str, port: int, request: Callable[[int], bytes], connections: int, seconds: float) -> Load:
    """Keep `connections` busy for `seconds`; `request(n)` returns the nth request as bytes of HTTP/1.1."""
    latencies: list[float] = []
    errors = 0
    counter = iter(range(1_000_000_000))
    until = perf_counter() + seconds

    async def client() -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection(host, port)
        while perf_counter() < until:
            began = perf_counter()
            writer.write(request(next(counter)))
            status = await _answer(reader)
            latencies.append(perf_counter() - began)
            errors += status >= 400
        writer.close()

    began = perf_counter()
    await asyncio.gather(*(client() for _ in range(connections)))
    took = perf_counter() - began
    latencies.sort()
    return Load(connections, len(latencies) / took, _at(latencies, 0.5), _at(latencies, 0.99), errors)


async def each(host: str, port: int, requests: Sequence[bytes], connections: int = 16) -> None:
    """Send every request once; raises RuntimeError for an answer other than 2xx."""
    left = iter(requests)

    async def client() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        for request in left:
            writer.write(request)
            if (status := await _answer(reader)) >= 300:
                raise RuntimeError(f"answered with {status}")
        writer.close()

    await asyncio.gather(*(client() for _ in range(connections)))


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    lowered = head.lower()
    start = lowered.index(b"content-length:") + 15
    await reader.readexactly(int(head[start : head.index(b"\r", start)]))
    return int(head[9:12])


def _at(latencies: list[float], part: float) -> float:
    return latencies[min(len(latencies) - 1, int(len(latencies) * part))] * 1_000 if latencies else 0.0


def post(path: str, token: str, body: bytes, host: str = "127.0.0.1") -> bytes:
    """A POST with a bearer token and a JSON body."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body

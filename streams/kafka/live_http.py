"""HTTP endpoints `/live` (windows and alerts as JSON, or as server-sent events) and `/health`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from streams.kafka.live import Live

STREAM = "text/event-stream"
Protocol = type[asyncio.Protocol] | Literal["auto"]
"""The protocol of a connection; `auto` has no bounds."""


def live_app(live: Live) -> Starlette:
    """ASGI app of `/live` and `/health`; `Accept: text/event-stream` gets a report after every change."""

    async def show(request: Request) -> Response:
        if STREAM in request.headers.get("accept", ""):
            return StreamingResponse(events(live), media_type=STREAM, headers={"Cache-Control": "no-store"})
        return Response(live.report(), media_type="application/json")

    async def health(_request: Request) -> Response:
        return Response(b'{"status":"healthy","role":"live"}', media_type="application/json")

    return Starlette(routes=[Route("/live", show), Route("/health", health)])


async def events(live: Live) -> AsyncIterator[bytes]:
    """Frame the reports as server-sent events."""
    async for report in live.reports():
        yield b"data: " + report + b"\n\n"


async def serve_live(live: Live, host: str, port: int, protocol: Protocol = "auto") -> None:
    """Count and serve until either ends, and raise its error, so that the process exits instead of lingering."""
    config = uvicorn.Config(
        live_app(live),
        host,
        port,
        http=protocol,
        proxy_headers=False,
        log_config=None,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    tasks = [asyncio.create_task(live.run()), asyncio.create_task(server.serve())]
    done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for task in done:
        task.result()

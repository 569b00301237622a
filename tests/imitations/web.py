"""An imitation of web servers, the hostile ones among them.

`publish` sets what a path answers. Besides: `/loop` redirects to itself, `/chain/n` through n redirects, `/endless`
never stops to send, `/drip` sends byte by byte, `/bomb` has a gigabyte in a megabyte, `/silent` never answers.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Sequence
from functools import cache

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from tests.imitations import Imitation, Received, hanging, main, suffer

PAGE = b"<html><head><title>A page</title></head><body><p>It has text.</p></body></html>"


class WebImitation(Imitation):
    """Serves what was published; every request is recorded under its path."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.published: dict[str, Response] = {}

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/loop", _loop),
            Route("/chain/{length:int}", _chain),
            Route("/endless", _endless),
            Route("/drip", _drip),
            Route("/bomb", _bomb),
            Route("/silent", _silent),
            Route("/{path:path}", self._serve),
        ]

    def publish(
        self, path: str, body: bytes | str, content_type: str | None = "text/html", status: int = 200, **headers: str
    ) -> str:
        """Set what a path answers; returns its address."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        response = Response(body, status, headers=named)
        if content_type is not None:
            response.headers["content-type"] = content_type
        self.published[path] = response
        return f"{self.url}{path}"

    def redirect(self, path: str, location: str, status: int = 302) -> str:
        """Redirect a path to an address; returns its own."""
        return self.publish(path, b"", status=status, location=location)

    async def _serve(self, request: Request) -> Response:
        path = request.url.path
        behaviour = self.journal.following(path)
        self.journal.record(Received(to=path, content={}, headers=dict(request.headers)))
        await suffer(request, behaviour)
        if behaviour.status is not None:
            return Response(behaviour.text, behaviour.status, headers=behaviour.headers)
        return self.published.get(path, Response("nothing is here", 404))


async def _loop(_: Request) -> Response:
    return RedirectResponse("/loop")


async def _chain(request: Request) -> Response:
    left = int(request.path_params["length"])
    return RedirectResponse(f"/chain/{left - 1}") if left else Response(PAGE, media_type="text/html")


async def _endless(_: Request) -> Response:
    async def more() -> AsyncIterator[bytes]:
        while True:
            yield b"<p>and so on</p>" * 1_000
            await asyncio.sleep(0)  # so that the server notices that the caller has left

    return StreamingResponse(more(), media_type="text/html")


async def _drip(_: Request) -> Response:
    async def drops() -> AsyncIterator[bytes]:
        while True:
            yield b"."
            await asyncio.sleep(0.02)

    return StreamingResponse(drops(), media_type="text/html")


async def _bomb(_: Request) -> Response:
    return Response(_gigabyte(), media_type="text/html", headers={"Content-Encoding": "gzip"})


async def _silent(request: Request) -> Response:
    await suffer(request, hanging())
    return Response()


@cache
def _gigabyte() -> bytes:
    zeros = gzip.compress(bytes(2**24))
    return zeros * 64  # members follow each other


if __name__ == "__main__":
    main(WebImitation)

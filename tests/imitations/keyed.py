"""What the imitations of our own formats share: a bearer key, and answers that are remembered by idempotency key."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.imitations import Behaviour, Imitation, Received, Stage, suffer

API_KEY = "imitated-api-key"


class KeyedImitation(Imitation):
    """Takes each write once per key and answers a repeat with the first answer. A refused one uses no key up.

    `keys` counts the writes that came under each key.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.keys: Counter[str] = Counter()
        self._answers: dict[str, dict[str, Any]] = {}
        self._in_progress: set[str] = set()

    def begin_anew(self) -> None:
        super().begin_anew()
        self.keys, self._answers, self._in_progress = Counter(), {}, set()

    async def write(
        self, request: Request, to: Callable[[Any], str], answer: Callable[[Any], dict[str, Any]], status: int = 201
    ) -> Response:
        """What becomes of one write."""
        key = request.headers.get("idempotency-key", "")
        if not authorized(request):
            return error(401, "unauthorized", "The API key is not valid")
        if not key:
            return error(400, "validation_error", "An Idempotency-Key is required")
        self.keys[key] += 1
        if key in self._in_progress:
            return error(409, "in_progress", "The first request under this key is still being answered")
        if key in self._answers:
            return JSONResponse(self._answers[key], status)
        content = json.loads(await request.body())
        in_progress = self._in_progress
        in_progress.add(key)
        try:
            return await self._take(request, key, to(content), content, answer(content), status)
        finally:
            in_progress.discard(key)

    async def _take(
        self, request: Request, key: str, to: str, content: Any, answer: dict[str, Any], status: int
    ) -> Response:
        behaviour = self.journal.following(to)
        if behaviour.recorded:
            self.journal.record(Received(to=to, content=content, headers=dict(request.headers)))
            self._answers[key] = answer
        await suffer(request, behaviour)
        return failed(behaviour) if behaviour.status else JSONResponse(answer, status)

    async def read(self, request: Request, answer: Callable[[], Any]) -> Response:
        """What becomes of one reading."""
        if not authorized(request):
            return error(401, "unauthorized", "The API key is not valid")
        behaviour = self.journal.following("", Stage.LIST)
        await suffer(request, behaviour)
        return failed(behaviour) if behaviour.status else JSONResponse(answer())

    async def health(self, request: Request) -> Response:
        """`GET /health`, which fails as readings do."""
        behaviour = self.journal.following("", Stage.LIST)
        await suffer(request, behaviour)
        return failed(behaviour) if behaviour.status else JSONResponse({"status": "healthy"})


def authorized(request: Request) -> bool:
    return request.headers.get("authorization") == f"Bearer {API_KEY}"


def failed(behaviour: Behaviour) -> Response:
    return error(behaviour.status or 500, behaviour.code or "failed", behaviour.text, behaviour.headers)


def error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": code, "message": message}, status, headers=headers)

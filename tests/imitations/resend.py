"""An imitation of Resend's `POST /emails`.

JSON, bearer key, idempotency keys, rate-limit headers on every answer, named errors.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tests.imitations import Behaviour, Imitation, Received, main, suffer

API_KEY = "re_imitated"

_RATE_LIMIT = {"ratelimit-limit": "2", "ratelimit-remaining": "1", "ratelimit-reset": "1"}
_NAMES = {
    401: "missing_api_key",
    403: "invalid_api_key",
    422: "validation_error",
    429: "rate_limit_exceeded",
    500: "application_error",
}


class ResendImitation(Imitation):
    """Takes e-mail with API_KEY; each that goes out is recorded under its first address.

    A key is remembered with its body and answer. The same key while the first request is still being answered, or with
    another body, is a 409, as documented.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self._answers: dict[str, tuple[bytes, dict[str, str]]] = {}
        self._in_progress: set[str] = set()

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/emails", self._create, methods=["POST"])]

    async def _create(self, request: Request) -> Response:
        raw = await request.body()
        if refusal := _refusal(request, raw):
            return refusal
        key = request.headers.get("idempotency-key")
        if key and (known := self._known(key, raw)):
            return known
        self._in_progress.update({key} if key else ())
        try:
            return await self._take(request, raw, key)
        finally:
            self._in_progress.discard(key or "")

    def _known(self, key: str, raw: bytes) -> Response | None:
        if key in self._in_progress:
            message = "Same idempotency key used while original request is still in progress."
            return _error(409, "concurrent_idempotent_requests", message)
        if key not in self._answers:
            return None
        first, answer = self._answers[key]
        if first != raw:
            message = "Same idempotency key used with a different request payload."
            return _error(409, "invalid_idempotent_request", message)
        return JSONResponse(answer, headers=_RATE_LIMIT)

    async def _take(self, request: Request, raw: bytes, key: str | None) -> Response:
        content = json.loads(raw)
        to = content["to"][0] if isinstance(content["to"], list) else content["to"]
        answer = {"id": str(uuid4())}
        behaviour = self.journal.following(to)
        if behaviour.recorded:
            self.journal.record(Received(to=to, content=content, headers=dict(request.headers)))
            self._answers.update({key: (raw, answer)} if key else {})
        await suffer(request, behaviour)
        return _failure(behaviour) if behaviour.status else JSONResponse(answer, headers=_RATE_LIMIT)


def _refusal(request: Request, raw: bytes) -> Response | None:
    if "authorization" not in request.headers:
        return _error(401, "missing_api_key", "Missing API key in the authorization header.")
    if request.headers["authorization"] != f"Bearer {API_KEY}":
        return _error(403, "invalid_api_key", "API key is invalid.")
    if not request.headers.get("user-agent"):
        return _error(403, "validation_error", "A User-Agent is required.")
    if not 1 <= len(request.headers.get("idempotency-key", "none")) <= 256:
        return _error(400, "invalid_idempotency_key", "The key must be between 1-256 chars.")
    return _unfit(json.loads(raw))


def _unfit(content: dict[str, Any]) -> Response | None:
    missing = [field for field in ("from", "to", "subject") if not content.get(field)]
    if missing or not (content.get("html") or content.get("text")):
        return _error(422, "missing_required_field", f"Missing `{', '.join(missing) or 'html` or `text'}` field.")
    unfit = [address for address in content["to"] if "@" not in address]
    if unfit:
        return _error(422, "validation_error", f"Invalid `to` field: {unfit[0]}")
    return None


def _failure(behaviour: Behaviour) -> Response:
    status = behaviour.status or 500
    name = behaviour.code or _NAMES.get(status, "application_error")
    return _error(status, name, behaviour.text, behaviour.headers)


def _error(status: int, name: str, message: str, headers: dict[str, str] | None = None) -> Response:
    body = {"statusCode": status, "name": name, "message": message}
    return JSONResponse(body, status, headers=_RATE_LIMIT | (headers or {}))


if __name__ == "__main__":
    main(ResendImitation)

"""A receiver of webhooks, at any path: checks both signatures as its documents tell it to, and records what it gets.

`SECRET` signs. A request whose signatures don't hold is answered 401 and not recorded. A failing behaviour's `headers`
may hold a `Location`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from streams.calls.signatures import webhook_valid
from tests.imitations import Imitation, Received, main, suffer

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class WebhookSink(Imitation):
    """Takes webhooks; each is recorded under its path, `content` being the JSON that came."""

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/{path:path}", self._take, methods=["POST"])]

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        if not _signed(request, body):
            return Response("the signature does not hold", 401)
        path = request.url.path
        behaviour = self.journal.following(path)
        if behaviour.recorded:
            self.journal.record(Received(to=path, content=json.loads(body), headers=dict(request.headers)))
        await suffer(request, behaviour)
        return Response(status_code=behaviour.status or 204, headers=behaviour.headers)


def _signed(request: Request, body: bytes) -> bool:
    headers = request.headers
    documented = f"sha256={hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}"
    return headers.get("x-webhook-signature") == documented and webhook_valid(
        SECRET,
        headers.get("webhook-id", ""),
        headers.get("webhook-timestamp", ""),
        body,
        headers.get("webhook-signature", ""),
        time.time(),
    )


if __name__ == "__main__":
    main(WebhookSink)

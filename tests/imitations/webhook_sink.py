"""A webhook receiver at any path: checks both signatures as its documentation says, and records valid requests.

`SECRET` is the signing secret, except for paths listed in `secrets`. A request with an invalid signature gets 401 and
is not recorded. A failing behaviour's `headers` may hold a `Location`.
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

from connectors.signatures import webhook_valid
from tests.imitations import Imitation, Received, main, suffer

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class WebhookSink(Imitation):
    """Takes webhooks; each is recorded under its path, `content` being the JSON that came."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.secrets: dict[str, str] = {}

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/{path:path}", self._take, methods=["POST"])]

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        path = request.url.path
        if not _signed(request, body, self.secrets.get(path, SECRET)):
            return Response("the signature does not hold", 401)
        behaviour = self.journal.following(path)
        if behaviour.recorded:
            self.journal.record(Received(to=path, content=json.loads(body), headers=dict(request.headers)))
        await suffer(request, behaviour)
        return Response(status_code=behaviour.status or 204, headers=behaviour.headers)


def _signed(request: Request, body: bytes, secret: str) -> bool:
    headers = request.headers
    documented = f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
    return headers.get("x-webhook-signature") == documented and webhook_valid(
        secret,
        headers.get("webhook-id", ""),
        headers.get("webhook-timestamp", ""),
        body,
        headers.get("webhook-signature", ""),
        time.time(),
    )


if __name__ == "__main__":
    main(WebhookSink)

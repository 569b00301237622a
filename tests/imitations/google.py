"""An imitation of Google's Docs and Drive APIs and of its token endpoint.

Documents are what `documents.get` answers, by their id. A request is admitted by ACCESS_TOKEN, by API_KEY in the
header `X-Goog-Api-Key`, or by a token that the service account got.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tests.imitations import Behaviour, Imitation, Received, main, suffer

ACCESS_TOKEN = "ya29.imitated"
API_KEY = "AIza-imitated"
ACCOUNT = "reader@imitated.iam.gserviceaccount.com"
AUDIENCE = "https://oauth2.googleapis.com/token"
KEY_ID = "key-1"

_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class GoogleImitation(Imitation):
    """Serves documents; each request is recorded under its path, `content` being its query or form.

    A behaviour's `to` is a path, `code` a reason in the error's details, and `headers["retryDelay"]` its RetryInfo.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.documents: dict[str, dict[str, Any]] = {}
        self.modified: dict[str, str] = {}
        self.expires_in: object = 3599
        self.tokens: set[str] = set()
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/v1/documents/{id}", self._document, methods=["GET"]),
            Route("/drive/v3/files/{id}", self._file, methods=["GET"]),
            Route("/token", self._token, methods=["POST"]),
        ]

    def service_account(self, directory: Path, **changes: Any) -> Path:
        """Write the account's key file, with some of its fields changed."""
        pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        fields = {
            "type": "service_account",
            "client_email": ACCOUNT,
            "private_key": pem,
            "private_key_id": KEY_ID,
            "token_uri": AUDIENCE,
        }
        file = directory / "service-account.json"
        file.write_text(json.dumps(fields | changes))
        return file

    async def _document(self, request: Request) -> Response:
        if failure := await self._failure(request, dict(request.query_params)):
            return failure
        found = self.documents.get(request.path_params["id"])
        return JSONResponse(found) if found is not None else _error(404, "Requested entity was not found.")

    async def _file(self, request: Request) -> Response:
        if failure := await self._failure(request, dict(request.query_params)):
            return failure
        found = self.modified.get(request.path_params["id"])
        return JSONResponse({"modifiedTime": found}) if found is not None else _error(404, "File not found.")

    async def _token(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        if failure := await self._failure(request, form, admitted=True):
            return failure
        try:
            claims = jwt.decode(form["assertion"], self.key.public_key(), algorithms=["RS256"], audience=AUDIENCE)
        except jwt.PyJWTError as error:
            return JSONResponse({"error": "invalid_grant", "error_description": str(error)}, 400)
        if claims["iss"] != ACCOUNT or form["grant_type"] != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return JSONResponse({"error": "invalid_grant"}, 400)
        token = f"ya29.service-{len(self.tokens) + 1}"
        self.tokens.add(token)
        return JSONResponse({"access_token": token, "expires_in": self.expires_in, "token_type": "Bearer"})

    async def _failure(self, request: Request, content: dict[str, str], *, admitted: bool = False) -> Response | None:
        path = request.url.path
        behaviour = self.journal.following(path)
        self.journal.record(Received(to=path, content=content, headers=dict(request.headers)))
        await suffer(request, behaviour)
        if behaviour.status is not None:
            return _failing(behaviour)
        return None if admitted or self._admits(request) else _error(401, "Request had invalid credentials.")

    def _admits(self, request: Request) -> bool:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        return request.headers.get("x-goog-api-key") == API_KEY or bearer in {ACCESS_TOKEN, *self.tokens}


def _failing(behaviour: Behaviour) -> Response:
    details: list[dict[str, str]] = []
    headers = dict(behaviour.headers)
    if delay := headers.pop("retryDelay", ""):
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay})
    if behaviour.code:
        details.append({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": behaviour.code})
    return _error(behaviour.status or 500, behaviour.text, details, headers)


def _error(
    status: int, message: str, details: Sequence[dict[str, str]] = (), headers: dict[str, str] | None = None
) -> Response:
    error = {"code": status, "message": message, "status": _STATUSES.get(status, "UNKNOWN"), "details": list(details)}
    return JSONResponse({"error": error}, status, headers=headers)


if __name__ == "__main__":
    main(GoogleImitation)

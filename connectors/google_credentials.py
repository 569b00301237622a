"""Credentials for Google's APIs, as headers: an access token, a service account's tokens, or an API key."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import jwt

from connectors.document_http import Answer, Failed, JsonClient
from connectors.provider_json import Fields, count_in, text_in
from streams.core.calls import Deferred, Rejected

TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
AUDIENCE = TOKEN_URL
"""The audience of an assertion, also where the token endpoint is another (a proxy, say)."""

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPES = "https://www.googleapis.com/auth/documents.readonly https://www.googleapis.com/auth/drive.metadata.readonly"
LIFETIME = 3600
EARLY = 60.0
"""Seconds before a token ends at which it is not used any more."""


class GoogleCredentials(Protocol):
    """Source of the headers that admit a request."""

    async def headers(self) -> Mapping[str, str]:
        """The headers of a request; raises document_http's Failed if there are none to be had."""

    def discard(self) -> bool:
        """Drop what was refused; returns whether there may be other headers now."""

    async def close(self) -> None: ...


class StaticCredentials:
    """Credentials that are a setting and never change."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    async def headers(self) -> Mapping[str, str]:
        return self._headers

    def discard(self) -> bool:
        return False

    async def close(self) -> None:
        """Nothing to close."""


def access_token(token: str) -> GoogleCredentials:
    return StaticCredentials({"Authorization": f"Bearer {token}"})


def api_key(key: str) -> GoogleCredentials:
    """A key opens only what everybody may read. It goes into a header, as addresses are logged."""
    return StaticCredentials({"X-Goog-Api-Key": key})


class ServiceAccount:
    """A service account's tokens, each got with an assertion signed by its key and used until it ends.

    The file is read for every token, so that a new key needs no restart.
    """

    def __init__(self, file: Path, token_url: str = TOKEN_URL, timeout_seconds: float = 10.0) -> None:
        self._file = file
        self._token_url = token_url
        self._client = JsonClient("", timeout_seconds)
        self._token = ""
        self._ends = 0.0
        self._turn = asyncio.Lock()

    async def headers(self) -> Mapping[str, str]:
        async with self._turn:
            if not self._token or time.monotonic() >= self._ends:
                await self._renew()
            return {"Authorization": f"Bearer {self._token}"}

    def discard(self) -> bool:
        self._token = ""
        return True

    async def close(self) -> None:
        await self._client.close()

    async def _renew(self) -> None:
        asked = time.monotonic()
        answer = await self._client.post(
            self._token_url, {"grant_type": GRANT, "assertion": _assertion(_key(self._file), int(time.time()))}
        )
        token = text_in(answer.fields, "access_token")
        if not answer.is_success or not _is_header(token):
            raise Failed(_refused(answer))
        self._token = token
        self._ends = asked + max((count_in(answer.fields, "expires_in") or LIFETIME) - EARLY, 0.0)


def _key(file: Path) -> Fields:
    try:
        key = json.loads(file.read_bytes())
    except (OSError, ValueError):
        raise _unusable("the service account's file cannot be read, or is no JSON") from None
    return key if isinstance(key, dict) else {}


def _assertion(key: Fields, now: int) -> str:
    claims = {
        "iss": text_in(key, "client_email"),
        "scope": SCOPES,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + LIFETIME,
    }
    try:
        return jwt.encode(
            claims, text_in(key, "private_key"), algorithm="RS256", headers={"kid": text_in(key, "private_key_id")}
        )
    except (jwt.PyJWTError, ValueError, TypeError):
        raise _unusable("the service account's file holds no private key that signs") from None


def _refused(answer: Answer) -> Deferred | Rejected:
    if answer.is_success or answer.is_passing:
        return Deferred("credentials", f"Google gave no token now ({answer.status})", answer.wait())
    error = text_in(answer.fields, "error")[:100]
    return Rejected("credentials", f"Google gave the service account no token ({answer.status} {error})")


def _unusable(reason: str) -> Failed:
    return Failed(Rejected("credentials", reason))


def _is_header(token: str) -> bool:
    return bool(token) and token.isascii() and token.isprintable() and " " not in token

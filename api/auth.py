"""Authentication by bearer tokens that this installation signs; a verified token is cached until it expires."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import time
from typing import Any, Protocol

import jwt
from starlette.requests import Request

from api.errors import ApiError

ALGORITHM = "HS256"
ISSUER = "headwater"
MOST_VERIFIED = 10_000
LIMIT = re.compile(r"^(?P<class>[a-z_]+)=(?P<count>\d+)/(?P<unit>s|sec|second|min|minute|h|hour|d|day)$")


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller: its subject, its scopes, and the limits that its token raises (class → "N/unit")."""

    subject: str
    scopes: frozenset[str]
    limits: Mapping[str, str] = field(default_factory=dict)

    @property
    def actor(self) -> str:
        return f"client:{self.subject}"


class Verifier(Protocol):
    """The verification of a token."""

    def verify(self, token: str) -> Caller | Awaitable[Caller]:
        """The caller behind a token; raises ApiError 401, or 503 while tokens cannot be verified."""
        ...


class Tokens:
    """The tokens of one surface: issued and verified with one secret."""

    def __init__(self, secret: bytes, surface: str) -> None:
        self._secret = secret
        self._surface = surface
        self._verified: dict[str, tuple[Caller, float]] = {}

    def issue(
        self, subject: str, scopes: Sequence[str], now: datetime, lifetime: timedelta, limits: Mapping[str, str]
    ) -> str:
        """A signed token; `limits` maps a limit class to `N/unit`."""
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": self._surface,
            "sub": subject,
            "scope": " ".join(scopes),
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
        }
        if limits:
            claims["limits"] = dict(limits)
        return jwt.encode(claims, self._secret, ALGORITHM)

    def verify(self, token: str) -> Caller:
        """The caller behind a token; raises ApiError 401 with a reason that helps no attacker."""
        known = self._verified.get(token)
        if known is not None and known[1] > time():
            return known[0]
        caller, expires = self._decode(token)
        if len(self._verified) >= MOST_VERIFIED:
            self._verified.clear()
        self._verified[token] = (caller, expires)
        return caller

    def _decode(self, token: str) -> tuple[Caller, float]:
        try:
            claims = jwt.decode(
                token,
                self._secret,
                [ALGORITHM],
                audience=self._surface,
                issuer=ISSUER,
                options={"require": ["exp", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise unauthorized("The token has expired") from None
        except jwt.PyJWTError:
            raise unauthorized("The token is not valid") from None
        scopes = frozenset(str(claims.get("scope", "")).split())
        return Caller(claims["sub"], scopes, claims.get("limits", {})), float(claims["exp"])


def unauthorized(sentence: str) -> ApiError:
    """A 401 with its `WWW-Authenticate` challenge."""
    return ApiError(401, sentence, kind="Unauthorized", headers={"WWW-Authenticate": "Bearer"})


def bearer(request: Request) -> str:
    """The bearer token of a request; raises ApiError 401 without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise unauthorized("Authentication required: send Authorization: Bearer <token>")
    return token.strip()


def parse_limit(text: str) -> tuple[str, str]:
    """`class=N/min` as (class, "N/minute"); raises ValueError."""
    found = LIMIT.match(text)
    if found is None or int(found["count"]) < 1:
        raise ValueError(f"a limit reads CLASS=N/min (or /s, /hour, /day), not {text!r}")
    unit = {"s": "second", "m": "minute", "h": "hour", "d": "day"}[found["unit"][0]]
    return found["class"], f"{found['count']}/{unit}"

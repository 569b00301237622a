"""Authentication by Supabase's tokens or, where Supabase is not configured, by this installation's tokens.

The configuration decides how a token may be checked. With `SUPABASE_JWT_SECRET` it is HS256 with that secret; with
`SUPABASE_URL` it is ES256 or RS256 with the keys that Supabase publishes; with both, either, as the tokens of a project
that moves from one to the other are signed in both ways for a while. The token's header then chooses the key, and each
key is used with its own algorithms only. With neither it is a token of `headwater keys issue gccp`: signed with the
installation's secret, issued by `headwater` for `gccp`, and invalid as soon as one of the two is set.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any
from uuid import UUID

import httpx2
import jwt

from api.auth import Caller, Revocations, Tokens, Verifier, unauthorized
from api.errors import ApiError
from api.gccp.access import AUTHENTICATED

log = logging.getLogger(__name__)

LEEWAY_SECONDS = 10
COOL_DOWN_SECONDS = 30.0
MAX_AGE_SECONDS = 600.0
FETCH_SECONDS = 5.0
KEYS_PATH = "/.well-known/jwks.json"


class SupabaseSecret:
    """The verification of tokens that are signed with the project's shared secret."""

    def __init__(self, secret: str, issuer: str | None, revocations: Revocations) -> None:
        self._secret = secret
        self._issuer = issuer
        self._revocations = revocations

    def verify(self, token: str) -> Caller:
        caller = _caller(_claims(token, self._secret, ("HS256",), self._issuer))
        self._revocations.check(caller)
        return caller


class SupabaseKeys:
    """The verification of tokens that are signed with one of the issuer's published keys.

    Keys are fetched at first use, when they are older than `max_age_seconds`, and when a token names an unknown key;
    at most once in `cool_down_seconds` over all requests. Old keys stay valid while the issuer is unreachable.
    """

    def __init__(
        self,
        issuer: str,
        revocations: Revocations,
        cool_down_seconds: float = COOL_DOWN_SECONDS,
        max_age_seconds: float = MAX_AGE_SECONDS,
    ) -> None:
        self._issuer = issuer
        self._revocations = revocations
        self._cool_down = cool_down_seconds
        self._max_age = max_age_seconds
        self._client = httpx2.AsyncClient(timeout=FETCH_SECONDS)
        self._fetching = asyncio.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._tried_at: float | None = None
        self._reached = False

    async def verify(self, token: str) -> Caller:
        key = await self._key(str(_header(token).get("kid")))
        caller = _caller(_claims(token, key, ("ES256", "RS256"), self._issuer))
        self._revocations.check(caller)
        return caller

    async def close(self) -> None:
        await self._client.aclose()

    async def _key(self, name: str) -> jwt.PyJWK:
        if self._wanting(name) or (name not in self._keys and self._fetching.locked()):
            async with self._fetching:
                if self._wanting(name):
                    await self._fetch()
        if name in self._keys:
            return self._keys[name]
        if not self._reached:
            raise ApiError(
                503,
                "Service unavailable",
                kind="Unavailable",
                headers={"Retry-After": "5"},
                details="the keys that tokens are checked with cannot be fetched",
            )
        raise _invalid()

    def _wanting(self, name: str) -> bool:
        if self._tried_at is None:
            return True
        age = monotonic() - self._tried_at
        return age >= self._cool_down and (name not in self._keys or age >= self._max_age or not self._reached)

    async def _fetch(self) -> None:
        self._tried_at = monotonic()
        try:
            answer = await self._client.get(self._issuer + KEYS_PATH)
            self._keys = _usable(answer.raise_for_status().json())
            self._reached = True
        except (httpx2.HTTPError, ValueError, jwt.PyJWTError) as error:
            self._reached = False
            log.warning("the keys of %s could not be fetched: %s", self._issuer, type(error).__name__)


class SupabaseMove:
    """The verification of tokens of a project that moves from its shared secret to published keys."""

    def __init__(self, secret: SupabaseSecret, keys: SupabaseKeys) -> None:
        self._secret = secret
        self._keys = keys

    async def verify(self, token: str) -> Caller:
        if _header(token).get("alg") == "HS256":
            return self._secret.verify(token)
        return await self._keys.verify(token)

    async def close(self) -> None:
        await self._keys.close()


def verifier(secret: str | None, issuer: str | None, tokens: Tokens) -> Verifier:
    """The configured verifier: Supabase's shared secret, its issuer's published keys, or both; else our tokens."""
    if secret is not None and issuer is not None:
        secrets = SupabaseSecret(secret, issuer, tokens.revocations)
        return SupabaseMove(secrets, SupabaseKeys(issuer, tokens.revocations))
    if secret is not None:
        return SupabaseSecret(secret, issuer, tokens.revocations)
    if issuer is not None:
        return SupabaseKeys(issuer, tokens.revocations)
    log.warning("gccp: Supabase is not configured, so the tokens of `headwater keys issue gccp` are taken instead")
    return tokens


def _header(token: str) -> dict[str, Any]:
    try:
        return jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise _invalid() from None


def _usable(published: Any) -> dict[str, jwt.PyJWK]:
    keys = published.get("keys", ()) if isinstance(published, Mapping) else ()
    asymmetric = [key for key in keys if isinstance(key, Mapping) and key.get("kty") in ("EC", "RSA")]
    return {key.key_id: key for key in jwt.PyJWKSet.from_dict({"keys": asymmetric}).keys if key.key_id is not None}


def _claims(token: str, key: str | jwt.PyJWK, algorithms: Sequence[str], issuer: str | None) -> dict[str, Any]:
    required = ["exp", "sub", "aud", *(["iss"] if issuer else [])]
    try:
        return jwt.decode(
            token,
            key,
            list(algorithms),
            audience=AUTHENTICATED,
            issuer=issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": required},
        )
    except jwt.ExpiredSignatureError:
        raise unauthorized("The token has expired") from None
    except jwt.PyJWTError:
        raise _invalid() from None


def _caller(claims: Mapping[str, Any]) -> Caller:
    if claims.get("role") != AUTHENTICATED:
        raise unauthorized("The token is not a signed-in user's")
    try:
        subject = UUID(claims["sub"])
    except ValueError:
        raise _invalid() from None
    token_id = str(claims.get("jti", ""))
    return Caller(str(subject), frozenset({AUTHENTICATED}), token_id=token_id, issued_at=_issued(claims))


def _issued(claims: Mapping[str, Any]) -> float:
    """PyJWT has checked that it is a number; 0, the earliest, where it is missing."""
    return float(claims.get("iat", 0))


def _invalid() -> ApiError:
    return unauthorized("The token is not valid")

"""Authentication by tokens that this installation signs; a verified token is cached until its keys change.

Two keys may be valid at once. A token names its key by `kid`; one without `kid` was signed by the first key.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Annotated, NamedTuple, Protocol
from uuid import uuid4

import jwt
from jwt.types import Options
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.requests import HTTPConnection

from api.errors import ApiError

ALGORITHM = "HS256"
ISSUER = "headwater"
MOST_VERIFIED = 10_000
LIMIT = re.compile(r"^(?P<class>[a-z_]+)=(?P<count>\d{1,9})/(?P<unit>s|sec|second|min|minute|h|hour|d|day)$")
UNITS = {"s": "second", "m": "minute", "h": "hour", "d": "day"}
DEFAULT_TENANT = "default"
"""The tenant of a caller whose token names none, which is every caller of a surface without tenants."""

TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

REFRESH = ":refresh"
"""The end of the audience of refresh tokens. No surface's name has a colon, so neither kind passes for the other."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller: its subject, its scopes, and the limits that its token raises (class → "N/unit").

    `token_id` and `issued_at` (epoch seconds) are those of the token; empty and 0 where it has none. `tenant` matters
    where a surface has tenants, `tier` where it has tiers.
    """

    subject: str
    scopes: frozenset[str]
    limits: Mapping[str, str] = field(default_factory=dict)
    token_id: str = field(default="", compare=False)
    issued_at: float = field(default=0.0, compare=False)
    tenant: str = DEFAULT_TENANT
    tier: str = ""

    @property
    def actor(self) -> str:
        """The caller in the log. A tenant's name has no colon, so no subject reads like another tenant's."""
        tenant = "" if self.tenant == DEFAULT_TENANT else f"@{self.tenant}"
        return f"client{tenant}:{self.subject}"

    @property
    def identity(self) -> str:
        """The key of what belongs to the caller alone; a subject holds no separator, so tenants are kept apart."""
        return self.subject if self.tenant == DEFAULT_TENANT else f"tenant\x1f{self.tenant}\x1f{self.subject}"


class Verifier(Protocol):
    """The verification of a token."""

    def verify(self, token: str) -> Caller | Awaitable[Caller]:
        """The caller behind a token; raises ApiError 401, or 503 while tokens cannot be verified."""
        ...


class SigningKey(NamedTuple):
    """A key that signs tokens. Its id, the `kid`, derives from it and gives nothing of it away."""

    id: str
    secret: bytes

    @classmethod
    def of(cls, secret: bytes) -> SigningKey:
        return cls(hmac.digest(secret, b"kid", sha256).hex()[:16], secret)


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The valid keys. With a second key, new tokens are signed by that one."""

    first: SigningKey
    second: SigningKey | None = None

    @classmethod
    def of(cls, first: bytes, second: bytes | None = None) -> SigningKeys:
        return cls(SigningKey.of(first), None if second is None else SigningKey.of(second))

    @property
    def signing(self) -> SigningKey:
        """The key that signs new tokens."""
        return self.second or self.first

    def named(self, id_: str | None) -> SigningKey | None:
        """The valid key with this id; the first key for a token that names none."""
        if id_ is None or id_ == self.first.id:
            return self.first
        return self.second if self.second is not None and id_ == self.second.id else None


class Grant(NamedTuple):
    """The content of a token. `limits` maps a limit class to `N/unit`; `tenant` and `tier` are empty for none."""

    token_id: str
    holder: str
    scopes: tuple[str, ...]
    limits: Mapping[str, str]
    issued_at: datetime
    expires_at: datetime
    tenant: str = ""
    tier: str = ""


class Revocations:
    """The revoked tokens of a surface: ids, and for a holder the time up to which every issued token is void."""

    def __init__(self) -> None:
        self._ids: frozenset[str] = frozenset()
        self._holders: Mapping[str, float] = {}

    def learn(self, ids: frozenset[str], holders: Mapping[str, datetime]) -> None:
        """Replace what is known."""
        self._ids, self._holders = ids, {holder: at.timestamp() for holder, at in holders.items()}

    def check(self, caller: Caller) -> None:
        """Raise ApiError 401 for a caller whose token has been revoked."""
        if caller.token_id in self._ids or caller.issued_at <= self._holders.get(caller.subject, -1.0):
            raise unauthorized("The token has been revoked")


class _Claims(BaseModel):
    """The claims of a token of ours; whatever else was signed is no token."""

    model_config = ConfigDict(strict=True)

    sub: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f]*$")]
    exp: Annotated[float, Field(ge=0, le=1e11)]
    iat: Annotated[float, Field(ge=0, le=1e11)] = 0.0
    jti: str = ""
    scope: str = ""
    limits: dict[str, Annotated[str, StringConstraints(pattern=r"^[1-9]\d{0,8}/(second|minute|hour|day)$")]] = {}
    tenant: Annotated[str, StringConstraints(pattern=f"^{TENANT.pattern}$")] = DEFAULT_TENANT
    tier: str = ""

    @property
    def caller(self) -> Caller:
        scopes = frozenset(self.scope.split())
        return Caller(self.sub, scopes, self.limits, self.jti, self.iat, self.tenant, self.tier)


def _system_now() -> datetime:
    return datetime.now(UTC)


class Tokens:
    """The tokens of one surface. `keys` gives the keys that are valid now; `now` is the engine's clock."""

    def __init__(
        self,
        keys: Callable[[], SigningKeys],
        surface: str,
        revocations: Revocations | None = None,
        now: Callable[[], datetime] = _system_now,
    ) -> None:
        self._keys = keys
        self._surface = surface
        self._now = now
        self.revocations = revocations or Revocations()
        self._verified: dict[str, tuple[Caller, float]] = {}
        self._verified_by: SigningKeys | None = None

    def issue(
        self,
        subject: str,
        scopes: Sequence[str],
        now: datetime,
        lifetime: timedelta,
        limits: Mapping[str, str],
        tenant: str = "",
        tier: str = "",
    ) -> str:
        """A signed token with a new id; `limits` maps a limit class to `N/unit`."""
        return self.sign(Grant(str(uuid4()), subject, tuple(scopes), limits, now, now + lifetime, tenant, tier))

    def sign(self, grant: Grant) -> str:
        """The token of a grant. `iat` has fractions, so that a token issued after a revocation counts as later."""
        claims: dict[str, object] = {
            "iss": ISSUER,
            "aud": self._surface,
            "jti": grant.token_id,
            "sub": grant.holder,
            "scope": " ".join(grant.scopes),
            "iat": grant.issued_at.timestamp(),
            "exp": int(grant.expires_at.timestamp()),
        }
        if grant.limits:
            claims["limits"] = dict(grant.limits)
        claims |= {name: value for name, value in (("tenant", grant.tenant), ("tier", grant.tier)) if value}
        key = self._keys().signing
        return jwt.encode(claims, key.secret, ALGORITHM, headers={"kid": key.id})

    def renewed(self, holder: Caller, now: datetime, lifetime: timedelta) -> str:
        """An access token with the rights of a refresh token's holder. It depends on no record."""
        scopes, tenant = tuple(sorted(holder.scopes)), "" if holder.tenant == DEFAULT_TENANT else holder.tenant
        return self.issue(holder.subject, scopes, now, lifetime, holder.limits, tenant, holder.tier)

    def verify(self, token: str) -> Caller:
        """The caller behind a token; raises ApiError 401 with a reason that helps no attacker."""
        keys = self._keys()
        if keys is not self._verified_by or len(self._verified) >= MOST_VERIFIED:
            self._verified.clear()
            self._verified_by = keys
        known = self._verified.get(token)
        if known is None:
            known = self._verified[token] = self._decode(token, keys)
        caller, expires = known
        if expires <= self._now().timestamp():
            raise unauthorized("The token has expired")
        self.revocations.check(caller)
        return caller

    def _decode(self, token: str, keys: SigningKeys) -> tuple[Caller, float]:
        try:
            key = keys.named(jwt.get_unverified_header(token).get("kid"))
            if key is None:
                raise unauthorized("The token is not valid")
            claims = _Claims.model_validate(self._claims(token, key))
        except (jwt.PyJWTError, ValidationError, RecursionError):
            raise unauthorized("The token is not valid") from None
        return claims.caller, claims.exp

    def _claims(self, token: str, key: SigningKey) -> dict[str, object]:
        """The times are left to the engine's clock."""
        options: Options = {"require": ["exp", "sub"], "verify_exp": False, "verify_iat": False}
        return jwt.decode(token, key.secret, [ALGORITHM], options, audience=self._surface, issuer=ISSUER)


def refresh_audience(surface: str) -> str:
    """The audience of a surface's refresh tokens."""
    return f"{surface}{REFRESH}"


def unauthorized(sentence: str, challenge: str = "Bearer") -> ApiError:
    """A 401 with its `WWW-Authenticate` challenge, which a surface replaces by that of its credential."""
    return ApiError(401, sentence, kind="Unauthorized", headers={"WWW-Authenticate": challenge})


@dataclass(frozen=True, slots=True)
class Credential:
    """The place where a surface's callers present their token: a header, and for sockets a parameter of the query.

    `scheme` stands before the token in the header. `described` is the security scheme of the OpenAPI, under `name`.
    """

    name: str
    header: str
    scheme: str
    challenge: str
    described: Mapping[str, str]
    parameter: str | None = None

    def token_in(self, connection: HTTPConnection) -> str | None:
        """The token that a request or a socket presents; None without one."""
        given = connection.headers.get(self.header, "")
        if self.scheme:
            scheme, _, given = given.partition(" ")
            given = given if scheme.lower() == self.scheme.lower() else ""
        if not given.strip() and self.parameter is not None and connection.scope["type"] == "websocket":
            given = connection.query_params.get(self.parameter, "")
        return given.strip() or None

    @property
    def missing(self) -> ApiError:
        """The 401 for a request without a token."""
        form = f"{self.scheme} <token>".strip()
        return unauthorized(f"Authentication required: send {self.header}: {form}", self.challenge)


BEARER = Credential(
    name="bearer",
    header="Authorization",
    scheme="Bearer",
    challenge="Bearer",
    described={"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
)
API_KEY = Credential(
    name="api_key",
    header="X-API-Key",
    scheme="",
    challenge="ApiKey",
    described={"type": "apiKey", "in": "header", "name": "X-API-Key"},
    parameter="api_key",
)
"""A token as an API key. Browsers give sockets no headers, so those may carry it in the query."""


def widened(scopes: frozenset[str], includes: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """The scopes with all that they include, directly or by way of others."""
    found, left = set(scopes), list(scopes)
    while left:
        new = set(includes.get(left.pop(), ())) - found
        found |= new
        left += new
    return frozenset(found)


def parse_limit(text: str) -> tuple[str, str]:
    """`class=N/min` as (class, "N/minute"); raises ValueError."""
    found = LIMIT.match(text)
    if found is None or int(found["count"]) < 1:
        raise ValueError(f"a limit reads CLASS=N/min (or /s, /hour, /day), not {text!r}")
    return found["class"], f"{int(found['count'])}/{UNITS[found['unit'][0]]}"

"""Tokens of callers on record: issued, and revoked by id or by holder. Every context may use them.

A holder is the `sub` of a token: the name of a client, or the id of a user. A token's secret part, its signature, is
nowhere in the log.
"""

from __future__ import annotations

from typing import Annotated, assert_never

from pydantic import BaseModel, ConfigDict, Field

from domain.messages import Event, Instant


def _is_empty(value: str) -> bool:
    return not value


OptionalText = Annotated[str, Field(exclude_if=_is_empty)]
"""What only some surfaces' tokens say, empty for nothing: then it is not stored, as before there was any."""


class OfToken(Event):
    """An event of one token. `token_id` is its `jti`."""

    token_id: str


class TokenIssued(OfToken, name="tokens.token.issued.v1"):
    """A token was made. `key_id` is the `kid` of the key that signed it; `limits` are those that it raises.

    `tenant` and `tier` are empty where the token names none.
    """

    holder: str
    scopes: tuple[str, ...]
    limits: dict[str, str]
    key_id: str
    issued_at: Instant
    expires_at: Instant
    tenant: OptionalText = ""
    tier: OptionalText = ""


class TokenRevoked(OfToken, name="tokens.token.revoked.v1"):
    """The token is void from here on, also when its issue is not on record."""


class HolderRevoked(Event, name="tokens.token_holder.revoked.v1"):
    """Every token of this holder that was issued up to `at` is void, on record or not."""

    holder: str


TokenEvent = TokenIssued | TokenRevoked


class Token(BaseModel):
    """The state of one token."""

    model_config = ConfigDict(frozen=True)

    issued: bool = False
    revoked: bool = False


class TokenHolder(BaseModel):
    """The state of one holder: the time up to which their tokens are void."""

    model_config = ConfigDict(frozen=True)

    revoked_at: Instant | None = None


def evolve(token: Token, event: TokenEvent) -> Token:
    match event:
        case TokenIssued():
            return token.model_copy(update={"issued": True})
        case TokenRevoked():
            return token.model_copy(update={"revoked": True})
        case _:
            assert_never(event)


def evolve_holder(_holder: TokenHolder, event: HolderRevoked) -> TokenHolder:
    return TokenHolder(revoked_at=event.at)

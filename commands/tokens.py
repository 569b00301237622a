"""The issue and the revocation of tokens, for the context of the surface that they are for."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from domain.messages import Command, Instant
from domain.tokens import (
    HolderRevoked,
    OptionalText,
    Token,
    TokenEvent,
    TokenHolder,
    TokenIssued,
    TokenRevoked,
    evolve,
    evolve_holder,
)
from streams.core.wiring import Handler, Stream


class RecordToken(Command, name="tokens.token.record.v1", key="token_id"):
    """Put an issued token on record; a repetition changes nothing."""

    token_id: str
    holder: str
    scopes: tuple[str, ...]
    limits: dict[str, str]
    key_id: str
    issued_at: Instant
    expires_at: Instant
    tenant: OptionalText = ""
    tier: OptionalText = ""


class RevokeToken(Command, name="tokens.token.revoke.v1", key="token_id"):
    """Make a token void. One whose issue is not on record can be revoked all the same."""

    token_id: str


class RevokeHolder(Command, name="tokens.token_holder.revoke.v1", key="holder"):
    """Make void every token of a holder that was issued up to now."""

    holder: str


def record(command: RecordToken, token: Token) -> Sequence[TokenEvent]:
    return [] if token.issued else [TokenIssued(**command.model_dump())]


def revoke(command: RevokeToken, token: Token) -> Sequence[TokenEvent]:
    return [] if token.revoked else [TokenRevoked(at=command.at, token_id=command.token_id)]


def revoke_holder(command: RevokeHolder, _holder: TokenHolder) -> Sequence[HolderRevoked]:
    return [HolderRevoked(at=command.at, holder=command.holder)]


TOKEN = Stream("token", Token(), evolve, id_of=attrgetter("token_id"))
TOKEN_HOLDER = Stream("token_holder", TokenHolder(), evolve_holder, id_of=attrgetter("holder"))

TOKEN_EVENTS = (TokenIssued, TokenRevoked, HolderRevoked)
TOKEN_HANDLERS = (
    Handler(RecordToken, decide=record, writes=TOKEN),
    Handler(RevokeToken, decide=revoke, writes=TOKEN),
    Handler(RevokeHolder, decide=revoke_holder, writes=TOKEN_HOLDER),
)
"""The handlers that every context with a surface adds to its own."""

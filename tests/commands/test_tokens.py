"""Tokens on record: issued once, revoked by id or by holder."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from commands.tokens import TOKEN_EVENTS, TOKEN_HANDLERS, RecordToken, RevokeHolder, RevokeToken
from domain.tokens import HolderRevoked, TokenIssued, TokenRevoked
from streams.core.wiring import Context
from streams.testing import Scenario
from tests.commands.contexts import contexts

NOW = datetime(2026, 1, 30, 21, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
TOKENS = Scenario(Context("any", events=TOKEN_EVENTS, handlers=TOKEN_HANDLERS))

CONTENT: dict[str, Any] = {
    "token_id": "t1",
    "holder": "ana",
    "scopes": ("communication:send",),
    "limits": {"general": "600/minute"},
    "key_id": "k1",
    "issued_at": NOW,
    "expires_at": NOW + timedelta(days=90),
}


def test_a_token_is_recorded_with_all_that_it_grants_and_only_once() -> None:
    recorded = TOKENS.when(RecordToken(at=LATER, **CONTENT)).then(TokenIssued(at=LATER, **CONTENT))
    recorded.when(RecordToken(at=LATER, **CONTENT)).then_nothing()


def test_a_token_is_revoked_once_whether_its_issue_is_on_record_or_not() -> None:
    revoke, revoked = RevokeToken(at=LATER, token_id="t1"), TokenRevoked(at=LATER, token_id="t1")
    for before in (TOKENS, TOKENS.given(TokenIssued(at=NOW, **CONTENT))):
        before.when(revoke).then(revoked).when(revoke).then_nothing()


def test_every_revocation_of_a_holder_counts_as_it_reaches_later_tokens() -> None:
    first = TOKENS.when(RevokeHolder(at=NOW, holder="ana")).then(HolderRevoked(at=NOW, holder="ana"))
    first.when(RevokeHolder(at=LATER, holder="ana")).then(HolderRevoked(at=LATER, holder="ana"))


def test_every_context_keeps_the_tokens_of_its_surface_on_record() -> None:
    for context in contexts().values():
        assert [handler for handler in context.handlers if handler in TOKEN_HANDLERS] == [*TOKEN_HANDLERS], context.name
        assert set(TOKEN_EVENTS) <= set(context.events), context.name


def test_a_token_without_a_tenant_and_a_tier_is_stored_as_before_there_were_any() -> None:
    plain = TokenIssued(at=LATER, **CONTENT)
    assert plain.model_dump().keys() == {"at", *CONTENT}
    of_both = TokenIssued(at=LATER, **CONTENT, tenant="acme", tier="basic")
    assert of_both.model_dump().keys() == {"at", *CONTENT, "tenant", "tier"}

"""A creator's account: the hour's AI allowance, as the last token said, and refreshed sessions."""

from __future__ import annotations

from typing import assert_never

from pydantic import BaseModel, ConfigDict

from domain.creator_hub.kinds import OfCreator

DEFAULT_AI_INTERACTIONS = 100
"""AI replies an hour, as the document has it."""


class LimitsSet(OfCreator, name="creator_hub.account.limits_set.v1"):
    """The AI interactions that the creator may have in a clock hour from here on."""

    ai_interactions: int


class SessionRefreshed(OfCreator, name="creator_hub.account.session_refreshed.v1"):
    """An access token was made for a refresh token. `token_id` is the refresh token's `jti`."""

    token_id: str


AccountEvent = LimitsSet | SessionRefreshed


class Account(BaseModel):
    model_config = ConfigDict(frozen=True)

    ai_interactions: int = DEFAULT_AI_INTERACTIONS


def evolve(account: Account, event: AccountEvent) -> Account:
    match event:
        case LimitsSet():
            return Account(ai_interactions=event.ai_interactions)
        case SessionRefreshed():
            return account
        case _:
            assert_never(event)

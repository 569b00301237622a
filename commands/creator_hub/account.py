"""A creator's account: the limits of the token that acted last, and refreshed sessions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from domain.creator_hub.account import Account, AccountEvent, LimitsSet, SessionRefreshed
from domain.messages import Command, Instant


class NoteRefresh(Command, name="creator_hub.account.note_refresh.v1", key="creator_id"):
    """Put on record that an access token was made. `ai_interactions` is the limit an hour that the token carries."""

    creator_id: str
    token_id: str
    ai_interactions: int


def note_refresh(command: NoteRefresh, account: Account) -> Sequence[AccountEvent]:
    refreshed = SessionRefreshed(at=command.at, creator_id=command.creator_id, token_id=command.token_id)
    return [refreshed, *limits(command.at, command.creator_id, command.ai_interactions, account)]


def limits(at: Instant, creator_id: str, ai_interactions: int, account: Account) -> Iterator[LimitsSet]:
    """The change of the account's limits by what a token carries; none where they are the same."""
    if ai_interactions != account.ai_interactions:
        yield LimitsSet(at=at, creator_id=creator_id, ai_interactions=ai_interactions)

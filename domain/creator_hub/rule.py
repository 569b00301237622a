"""A proactive rule: after so many hours without a message it acts, once in each spell of inactivity.

A timer per rule, not per member: a sweep finds who is inactive, and is repeated when the next member may be.
"""

from __future__ import annotations

from typing import assert_never

from pydantic import BaseModel, ConfigDict, JsonValue

from domain.creator_hub.kinds import OfCreator
from domain.messages import Instant


class Due(BaseModel):
    """A member who has been inactive for long enough, as a read model shows it; the member's decider has the word."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user_id: str
    channel_id: str
    spell: Instant


class OfRule(OfCreator):
    rule_id: str


class RuleCreated(OfRule, name="creator_hub.rule.created.v1"):
    """`threshold_seconds` is None for a rule that never fires; `status_reason` then says why. `since` bounds spells.

    A rule begins with members whose last message came at `since` or later; None takes all.
    """

    rule_name: str
    description: str
    trigger_conditions: dict[str, JsonValue]
    actions: tuple[dict[str, JsonValue], ...]
    is_active: bool
    threshold_seconds: float | None
    applies_to: str
    since: Instant | None
    status_reason: str | None


class SweepStarted(OfRule, name="creator_hub.rule.sweep_started.v1"):
    """A search for inactive members, as they are at `began`. Sweeps count from 1."""

    sweep: int
    began: Instant
    threshold_seconds: float
    applies_to: str
    since: Instant | None


class MembersFound(OfRule, name="creator_hub.rule.found.v1"):
    """One page of a sweep. `cursor` leads to the next one; None after the last."""

    sweep: int
    began: Instant
    page: int
    due: tuple[Due, ...]
    cursor: str | None
    threshold_seconds: float
    applies_to: str
    since: Instant | None


class Swept(OfRule, name="creator_hub.rule.swept.v1"):
    """The end of a sweep; the next one begins at `next_at`."""

    sweep: int
    next_at: Instant


RuleEvent = RuleCreated | SweepStarted | MembersFound | Swept


class Rule(BaseModel):
    """The state. `sweep` is the number of the last sweep; `page` of it the last page that was recorded."""

    model_config = ConfigDict(frozen=True)

    created: RuleCreated | None = None
    sweep: int = 0
    page: int = 0
    sweeping: bool = False


def evolve(rule: Rule, event: RuleEvent) -> Rule:
    match event:
        case RuleCreated():
            return Rule(created=event)
        case SweepStarted():
            return rule.model_copy(update={"sweep": event.sweep, "page": 0, "sweeping": True})
        case MembersFound():
            return rule.model_copy(update={"page": event.page})
        case Swept():
            return rule.model_copy(update={"sweeping": False})
        case _:
            assert_never(event)

"""Rules: creation, and sweeps that find who has been inactive."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from domain.creator_hub.rule import Due, MembersFound, Rule, RuleCreated, RuleEvent, SweepStarted, Swept
from domain.messages import Command, Instant, Reply, Result

DORMANT = timedelta(days=30)
"""A new rule begins with members who have written within this time, unless it says otherwise."""

SOON = timedelta(seconds=1)
"""The least time between the end of a sweep and the next one."""

LATER = timedelta(minutes=5)
"""The time until the next sweep after one whose search has failed."""


class CreateRule(Command, name="creator_hub.rule.create.v1", key="creator_id"):
    """Make a rule. `threshold_seconds` is None where it never fires, which `status_reason` explains."""

    creator_id: str
    rule_id: str
    rule_name: str
    description: str
    trigger_conditions: dict[str, JsonValue]
    actions: tuple[dict[str, JsonValue], ...]
    is_active: bool
    threshold_seconds: float | None
    applies_to: str
    include_dormant: bool
    status_reason: str | None


class Sweep(Command, name="creator_hub.rule.sweep.v1", key="creator_id"):
    """Begin the sweep of this number."""

    creator_id: str
    rule_id: str
    sweep: int


class RecordFound(Reply, name="creator_hub.rule.record_found.v1", key="creator_id"):
    """One page of a sweep that began at `began`."""

    creator_id: str
    rule_id: str
    sweep: int
    page: int
    began: Instant


class _Found(BaseModel):
    """The output of a search: see the effect FindInactive."""

    model_config = ConfigDict(frozen=True)

    due: tuple[Due, ...]
    next: str | None
    next_due: Instant | None


def create(command: CreateRule, _rule: Rule) -> Sequence[RuleEvent]:
    since = None if command.include_dormant else command.at - DORMANT
    return [RuleCreated(**command.model_dump(exclude={"include_dormant"}), since=since)]


def sweep(command: Sweep, rule: Rule) -> Sequence[RuleEvent]:
    created = rule.created
    if created is None or created.threshold_seconds is None or not created.is_active:
        return []
    if rule.sweeping or command.sweep != rule.sweep + 1:
        return []
    about = created.model_dump(include={"creator_id", "rule_id", "threshold_seconds", "applies_to", "since"})
    return [SweepStarted(at=command.at, sweep=command.sweep, began=command.at, **about)]


def record_found(command: RecordFound, rule: Rule) -> Sequence[RuleEvent]:
    attempt, created = command.attempt, rule.created
    if attempt is None or attempt.result is Result.DEFERRED or created is None or created.threshold_seconds is None:
        return []
    if not rule.sweeping or command.sweep != rule.sweep or command.page != rule.page + 1:
        return []
    try:
        found = _Found.model_validate(attempt.output)
    except ValidationError:
        return [_swept(command, command.at + LATER)]
    about = created.model_dump(include={"creator_id", "rule_id", "threshold_seconds", "applies_to", "since"})
    page = MembersFound(
        at=command.at,
        sweep=command.sweep,
        began=command.began,
        page=command.page,
        due=found.due,
        cursor=found.next,
        **about,
    )
    if found.next is not None:
        return [page]
    return [page, _swept(command, _next_sweep(command, created.threshold_seconds, found.next_due))]


def _next_sweep(command: RecordFound, threshold_seconds: float, next_due: datetime | None) -> datetime:
    """When the next member may be due: the earliest of the rest, or somebody who writes just after this sweep began."""
    anybody = command.began + timedelta(seconds=threshold_seconds)
    return max(min(anybody, next_due or anybody), command.at + SOON)


def _swept(command: RecordFound, next_at: datetime) -> Swept:
    return Swept(
        at=command.at, creator_id=command.creator_id, rule_id=command.rule_id, sweep=command.sweep, next_at=next_at
    )

"""One row per time that a rule acted for a member or was skipped, and whether the member came back."""

from __future__ import annotations

from collections.abc import Iterator

from domain.creator_hub.events import CreatorHubEvent
from domain.creator_hub.trigger import EngagementSucceeded, RuleSkipped, RuleTriggered
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, change, put


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    match event.fact:
        case RuleTriggered() as fact:
            yield put(fact.trigger_id, **_columns(fact), delays=list(fact.delays))
        case RuleSkipped() as fact:
            yield put(fact.trigger_id, **_columns(fact), skip_reason=fact.reason)
        case EngagementSucceeded() as fact:
            yield change(fact.trigger_id, succeeded_at=fact.at)


def _columns(fact: RuleTriggered | RuleSkipped) -> dict[str, object]:
    of = {"creator_id": fact.creator_id, "rule_id": fact.rule_id, "user_id": fact.user_id}
    return of | {"at": fact.at, "spell": fact.spell}


TRIGGERS = ReadModel(
    "creator_hub_triggers",
    version=1,
    key=("trigger_id",),
    project=project,
    ddl="""
    create table {table} (
        trigger_id      text primary key,
        creator_id      text not null,
        rule_id         text not null,
        user_id         text not null,
        at              timestamptz not null,
        spell           timestamptz not null,
        delays          jsonb,
        skip_reason     text,
        succeeded_at    timestamptz
    );
    create index on {table} (user_id, at);
""",
)

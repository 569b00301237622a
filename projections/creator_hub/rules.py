"""One row per proactive rule, with its last sweep."""

from __future__ import annotations

from collections.abc import Iterator

from domain.creator_hub.events import CreatorHubEvent
from domain.creator_hub.rule import RuleCreated, SweepStarted, Swept
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, change, put


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    match event.fact:
        case RuleCreated() as fact:
            yield put(fact.rule_id, **_created(fact))
        case SweepStarted() as fact:
            yield change(fact.rule_id, sweep=fact.sweep, swept_at=fact.at, next_sweep_at=None)
        case Swept() as fact:
            yield change(fact.rule_id, next_sweep_at=fact.next_at)


def _created(fact: RuleCreated) -> dict[str, object]:
    return {
        "creator_id": fact.creator_id,
        "rule_name": fact.rule_name,
        "description": fact.description,
        "trigger_conditions": fact.trigger_conditions,
        "actions": list(fact.actions),
        "is_active": fact.is_active,
        "status_reason": fact.status_reason,
        "created_at": fact.at,
    }


RULES = ReadModel(
    "creator_hub_rules",
    version=1,
    key=("rule_id",),
    project=project,
    ddl="""
    create table {table} (
        rule_id         text primary key,
        creator_id      text not null,
        rule_name       text not null,
        description     text not null,
        trigger_conditions json not null,
        actions         json not null,
        is_active       boolean not null,
        status_reason   text,
        created_at      timestamptz not null,
        sweep           int not null default 0,
        swept_at        timestamptz,
        next_sweep_at   timestamptz
    );
    create index on {table} (creator_id, created_at);
""",
)

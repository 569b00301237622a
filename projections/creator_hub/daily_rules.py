"""Counters per creator, rule and UTC day of the trigger: how often the rule acted, and how soon members came back."""

from __future__ import annotations

from collections.abc import Iterator

from domain.creator_hub.events import CreatorHubEvent
from domain.creator_hub.trigger import EngagementSucceeded, RuleTriggered
from projections.creator_hub.interactions import microseconds
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, add


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    match event.fact:
        case RuleTriggered() as fact:
            yield add(fact.creator_id, fact.rule_id, fact.at.date(), triggers=1)
        case EngagementSucceeded() as fact:
            waited = microseconds(fact.triggered_at, fact.at)
            yield add(fact.creator_id, fact.rule_id, fact.triggered_at.date(), successes=1, microseconds=waited)


DAILY_RULES = ReadModel(
    "creator_hub_daily_rules",
    version=1,
    key=("creator_id", "rule_id", "day"),
    project=project,
    ddl="""
    create table {table} (
        creator_id      text not null,
        rule_id         text not null,
        day             date not null,
        triggers        bigint not null default 0,
        successes       bigint not null default 0,
        microseconds    bigint not null default 0,
        primary key (creator_id, rule_id, day)
    );
""",
)

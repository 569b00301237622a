"""One row per rule and member: the last spell of inactivity in which the rule acted or was skipped."""

from __future__ import annotations

from collections.abc import Iterator

from domain.creator_hub.events import CreatorHubEvent
from domain.creator_hub.trigger import RuleSkipped, RuleTriggered
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, put


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    match event.fact:
        case RuleTriggered() | RuleSkipped() as fact:
            yield put(fact.rule_id, fact.user_id, spell=fact.spell)


SPELLS = ReadModel(
    "creator_hub_spells",
    version=1,
    key=("rule_id", "user_id"),
    project=project,
    ddl="""
    create table {table} (
        rule_id         text not null,
        user_id         text not null,
        spell           timestamptz not null,
        primary key (rule_id, user_id)
    );
""",
)

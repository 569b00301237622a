"""One row per action of a trigger that was skipped: the message that it did not send, and the reason."""

from __future__ import annotations

from collections.abc import Iterator

from domain.creator_hub.events import CreatorHubEvent
from domain.creator_hub.trigger import ActionSkipped, action_message_id
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, put


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    match event.fact:
        case ActionSkipped() as fact:
            of = {"creator_id": fact.creator_id, "user_id": fact.user_id}
            message_id = action_message_id(fact.trigger_id, fact.action)
            skipped = {"skip_reason": fact.reason, "skipped_at": fact.at}
            yield put(fact.trigger_id, fact.action, message_id=message_id, **skipped, **of)


TRIGGER_ACTIONS = ReadModel(
    "creator_hub_trigger_actions",
    version=1,
    key=("trigger_id", "action"),
    project=project,
    ddl="""
    create table {table} (
        trigger_id      text not null,
        action          int not null,
        creator_id      text not null,
        user_id         text not null,
        message_id      text not null,
        skip_reason     text not null,
        skipped_at      timestamptz not null,
        primary key (trigger_id, action)
    );
    create index on {table} (message_id);
""",
)

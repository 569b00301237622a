"""Counters per creator, UTC day, channel and member: who had interactions on a day."""

from __future__ import annotations

from collections.abc import Iterator

from domain.creator_hub.events import CreatorHubEvent
from projections.creator_hub.interactions import interaction_of
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, add


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    one = interaction_of(event.fact)
    if one is not None:
        yield add(one.creator_id, one.day, one.channel_id, one.user_id, **one.counts)


DAILY_MEMBERS = ReadModel(
    "creator_hub_daily_members",
    version=1,
    key=("creator_id", "day", "channel_id", "user_id"),
    project=project,
    ddl="""
    create table {table} (
        creator_id      text not null,
        day             date not null,
        channel_id      text not null,
        user_id         text not null,
        received        bigint not null default 0,
        sent            bigint not null default 0,
        primary key (creator_id, day, channel_id, user_id)
    );
    create index on {table} (channel_id, day);
""",
)

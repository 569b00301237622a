"""Counters per creator, UTC day and channel: the base of the figures of any period.

Escalations know the type of a channel alone, and stand in rows whose `channel_id` is empty. A response is a reply sent
to a member's message; the time is that between the two.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.creator_hub.events import CreatorHubEvent
from domain.creator_hub.member import Escalated, MemberRegistered, MessageReceived
from projections.creator_hub.interactions import Interaction, interaction_of
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, add

ANY_CHANNEL = ""
"""The channel of what is counted by the type alone."""


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    interaction = interaction_of(event.fact)
    if interaction is not None:
        counts = interaction.counts | _waited(interaction) | _received(event.fact)
        yield add(*_key(interaction), **counts)
    match event.fact:
        case MemberRegistered() as fact:
            yield add(fact.creator_id, fact.at.date(), fact.channel_type.value, fact.channel_id, registered=1)
        case Escalated() as fact:
            yield add(fact.creator_id, fact.at.date(), fact.channel_type.value, ANY_CHANNEL, escalations=1)


def _key(interaction: Interaction) -> tuple[object, ...]:
    return interaction.creator_id, interaction.day, interaction.channel_type.value, interaction.channel_id


def _waited(interaction: Interaction) -> dict[str, int]:
    ai = {"ai": 1} if interaction.ai else {}
    if interaction.waited_microseconds is None:
        return ai
    return ai | {"responses": 1, "response_microseconds": interaction.waited_microseconds}


def _received(fact: object) -> dict[str, int]:
    if not isinstance(fact, MessageReceived):
        return {}
    rated = {} if fact.rating is None else {"ratings": 1, "rating_sum": fact.rating}
    return rated | ({"new_users": 1} if fact.first_on_channel else {})


DAILY = ReadModel(
    "creator_hub_daily",
    version=1,
    key=("creator_id", "day", "channel_type", "channel_id"),
    project=project,
    ddl="""
    create table {table} (
        creator_id      text not null,
        day             date not null,
        channel_type    text not null,
        channel_id      text not null,
        registered      bigint not null default 0,
        received        bigint not null default 0,
        sent            bigint not null default 0,
        ai              bigint not null default 0,
        new_users       bigint not null default 0,
        responses       bigint not null default 0,
        response_microseconds bigint not null default 0,
        ratings         bigint not null default 0,
        rating_sum      bigint not null default 0,
        escalations     bigint not null default 0,
        primary key (creator_id, day, channel_type, channel_id)
    );
    create index on {table} (channel_id, day);
""",
)

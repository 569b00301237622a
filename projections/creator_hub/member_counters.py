"""One row per member with what is counted of them. It stays when the member is erased."""

from __future__ import annotations

from collections.abc import Iterator

from domain.creator_hub.enrollment import Enrolled
from domain.creator_hub.events import CreatorHubEvent
from projections.creator_hub.interactions import interaction_of
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, add


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    interaction = interaction_of(event.fact)
    if interaction is not None:
        yield add(interaction.user_id, **interaction.counts)
    elif isinstance(event.fact, Enrolled):
        yield add(event.fact.user_id, enrollments=1)


MEMBER_COUNTERS = ReadModel(
    "creator_hub_member_counters",
    version=1,
    key=("user_id",),
    project=project,
    ddl="""
    create table {table} (
        user_id         text primary key,
        received        bigint not null default 0,
        sent            bigint not null default 0,
        enrollments     bigint not null default 0
    );
""",
)

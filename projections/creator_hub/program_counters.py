"""One row per program: its enrolments, completions, and the time these took."""

from __future__ import annotations

from collections.abc import Iterator

from domain.creator_hub.enrollment import Completed, Enrolled
from domain.creator_hub.events import CreatorHubEvent
from projections.creator_hub.interactions import microseconds
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, add


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    match event.fact:
        case Enrolled() as fact:
            yield add(fact.program_id, enrolled=1)
        case Completed() as fact:
            yield add(fact.program_id, completed=1, microseconds=microseconds(fact.enrolled_at, fact.at))


PROGRAM_COUNTERS = ReadModel(
    "creator_hub_program_counters",
    version=1,
    key=("program_id",),
    project=project,
    ddl="""
    create table {table} (
        program_id      text primary key,
        enrolled        bigint not null default 0,
        completed       bigint not null default 0,
        microseconds    bigint not null default 0
    );
""",
)

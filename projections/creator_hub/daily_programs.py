"""Counters per creator, UTC day and program. What belongs to no program stands in rows whose `program_id` is empty.

`completed` counts on the day of the completion, `completed_of` on that of the enrolment: the completions of those who
enrolled on a day. A registration belongs to the first program that enrols the newcomer by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.creator_hub.enrollment import Completed, Enrolled
from domain.creator_hub.events import CreatorHubEvent
from domain.creator_hub.member import MemberRegistered
from projections.creator_hub.interactions import NO_PROGRAM, interaction_of
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, add


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    one = interaction_of(event.fact)
    if one is not None:
        yield add(one.creator_id, one.day, one.program_id, **one.counts)
    match event.fact:
        case MemberRegistered() as fact:
            program = fact.programs[0] if fact.programs else NO_PROGRAM
            yield add(fact.creator_id, fact.at.date(), program, registered=1)
        case Enrolled() as fact:
            yield add(fact.creator_id, fact.at.date(), fact.program_id, enrolled=1)
        case Completed() as fact:
            yield add(fact.creator_id, fact.at.date(), fact.program_id, completed=1)
            yield add(fact.creator_id, fact.enrolled_at.date(), fact.program_id, completed_of=1)


DAILY_PROGRAMS = ReadModel(
    "creator_hub_daily_programs",
    version=1,
    key=("creator_id", "day", "program_id"),
    project=project,
    ddl="""
    create table {table} (
        creator_id      text not null,
        day             date not null,
        program_id      text not null,
        registered      bigint not null default 0,
        received        bigint not null default 0,
        sent            bigint not null default 0,
        enrolled        bigint not null default 0,
        completed       bigint not null default 0,
        completed_of    bigint not null default 0,
        primary key (creator_id, day, program_id)
    );
""",
)

"""One row per enrolment: the version that it is pinned to, where the member stands in it, and its end."""

from __future__ import annotations

from collections.abc import Iterator

from domain.creator_hub.enrollment import Completed, Enrolled, StepScheduled
from domain.creator_hub.events import CreatorHubEvent
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, change, put


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    match event.fact:
        case Enrolled() as fact:
            yield put(fact.enrollment_id, sequence=event.position.sequence, **_enrolled(fact))
        case StepScheduled() as fact:
            yield change(fact.enrollment_id, n=fact.n, node=fact.node)
        case Completed() as fact:
            yield change(fact.enrollment_id, completed_at=fact.at, passed=list(fact.passed))


def _enrolled(fact: Enrolled) -> dict[str, object]:
    return {
        "creator_id": fact.creator_id,
        "user_id": fact.user_id,
        "program_id": fact.program_id,
        "flow_id": fact.flow_id,
        "flow_version": fact.version,
        "enrolled_by": fact.by.value,
        "enrolled_at": fact.at,
    }


ENROLLMENTS = ReadModel(
    "creator_hub_enrollments",
    version=1,
    key=("enrollment_id",),
    project=project,
    ddl="""
    create table {table} (
        enrollment_id   text primary key,
        creator_id      text not null,
        user_id         text not null,
        program_id      text not null,
        flow_id         text not null,
        flow_version    int not null,
        enrolled_by     text not null,
        enrolled_at     timestamptz not null,
        sequence        bigint not null,
        n               int not null default 0,
        node            text,
        completed_at    timestamptz,
        passed          jsonb not null default '[]'
    );
    create index on {table} (user_id);
    create index on {table} (program_id, user_id);
    create index on {table} (flow_id);
    create index on {table} (creator_id, enrolled_at);
""",
)

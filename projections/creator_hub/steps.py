"""One row per step of an enrolment: when it was due, and how it was settled or what it waits for."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import assert_never

from domain.creator_hub.enrollment import (
    StepAnswered,
    StepAwaiting,
    StepBegun,
    StepDelivered,
    StepFailed,
    StepHeld,
    StepScheduled,
    StepSettled,
    StepSkipped,
    step_message_id,
)
from domain.creator_hub.events import CreatorHubEvent
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, change, put


class StepStatus(StrEnum):
    """The open ones first. UNANSWERED: the time for a reply ran out."""

    SCHEDULED = "scheduled"
    BEGUN = "begun"
    HELD = "held"
    AWAITING = "awaiting"
    DELIVERED = "delivered"
    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    SKIPPED = "skipped"
    FAILED = "failed"


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    match event.fact:
        case StepScheduled() as fact:
            yield put(fact.enrollment_id, fact.n, **_scheduled(fact))
        case StepBegun() | StepHeld() | StepAwaiting() as fact:
            yield change(fact.enrollment_id, fact.n, **_open(fact))
        case StepDelivered() | StepAnswered() | StepSkipped() | StepFailed() as fact:
            yield change(fact.enrollment_id, fact.n, **_settled(fact))


def _scheduled(fact: StepScheduled) -> dict[str, object]:
    """A step that was held is scheduled again."""
    return {
        "creator_id": fact.creator_id,
        "user_id": fact.user_id,
        "program_id": fact.program_id,
        "message_id": step_message_id(fact.enrollment_id, fact.n, fact.attempt),
        "node": fact.node,
        "kind": fact.kind,
        "passed": list(fact.passed),
        "status": StepStatus.SCHEDULED.value,
        "scheduled_at": fact.at,
        "due_at": fact.due_at,
        "reason": None,
        "until": None,
    }


def _open(fact: StepBegun | StepHeld | StepAwaiting) -> dict[str, object]:
    match fact:
        case StepBegun():
            return {"status": StepStatus.BEGUN.value, "message_id": fact.message_id}
        case StepHeld():
            return {"status": StepStatus.HELD.value, "reason": fact.reason, "until": fact.until}
        case StepAwaiting():
            return {"status": StepStatus.AWAITING.value, "until": fact.until}
        case _:
            assert_never(fact)


def _settled(fact: StepSettled) -> dict[str, object]:
    return {"settled_at": fact.at, "progress": fact.progress, **_settlement(fact)}


def _settlement(fact: StepSettled) -> dict[str, object]:
    match fact:
        case StepDelivered():
            return {"status": StepStatus.DELIVERED.value}
        case StepAnswered():
            return {"status": (StepStatus.ANSWERED if fact.replied else StepStatus.UNANSWERED).value}
        case StepSkipped():
            return {"status": StepStatus.SKIPPED.value, "reason": fact.reason}
        case StepFailed():
            return {"status": StepStatus.FAILED.value, "reason": fact.code}
        case _:
            assert_never(fact)


STEPS = ReadModel(
    "creator_hub_steps",
    version=1,
    key=("enrollment_id", "n"),
    project=project,
    ddl="""
    create table {table} (
        enrollment_id   text not null,
        n               int not null,
        creator_id      text not null,
        user_id         text not null,
        program_id      text not null,
        message_id      text not null,
        node            text not null,
        kind            text not null,
        passed          jsonb not null,
        status          text not null,
        reason          text,
        scheduled_at    timestamptz not null,
        due_at          timestamptz not null,
        until           timestamptz,
        settled_at      timestamptz,
        progress        double precision,
        primary key (enrollment_id, n)
    );
    create index on {table} (program_id);
    create index on {table} (message_id);
""",
)

"""One row per member: who it is, the last message, and what may be sent. What is counted stands in a table beside it.

`engagement` is the logarithm, to base 2, of the member's activity as it would have been at the epoch: activity halves
every seven days, so that it orders members at any time, and the score of any time follows from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from math import log2
from typing import assert_never

from domain.creator_hub.events import CreatorHubEvent
from domain.creator_hub.member import (
    Escalated,
    EscalationResolved,
    MemberRegistered,
    MessageReceived,
    OptedIn,
    OptedOut,
    OptOutSource,
    ProfileUpdated,
    WindowClosed,
)
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, change, put

HALF_LIFE_SECONDS = 7 * 86_400


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    match event.fact:
        case MemberRegistered() as fact:
            yield put(fact.user_id, **_registered(fact))
        case MessageReceived() as fact:
            yield change(fact.user_id, last_sequence=event.position.sequence, **_received(fact))
        case ProfileUpdated() as fact:
            about = {"time_zone": fact.time_zone, "language": fact.language}
            yield change(fact.user_id, profile=fact.profile, **about)
        case OptedOut() | OptedIn() | WindowClosed() | Escalated() | EscalationResolved() as fact:
            yield change(fact.user_id, **_changed(fact))


def _registered(fact: MemberRegistered) -> dict[str, object]:
    """A registered member has an address: without one, the person has been erased."""
    profile = {"name": fact.member_name} if fact.member_name else {}
    return {
        "creator_id": fact.creator_id,
        "channel_type": fact.channel_type.value,
        "channel_id": fact.channel_id,
        "external_id": fact.address,
        "profile": None if fact.address is None else profile,
        "language": fact.language,
        "registered_at": fact.at,
    }


def _received(fact: MessageReceived) -> dict[str, object]:
    last = {"channel_id": fact.channel_id, "last_active_at": fact.at, "engagement": engagement(fact.activity, fact.at)}
    return last | {"blocked": False, "window_open": True}


def engagement(activity: float, at: datetime) -> float:
    """The logarithm of an activity at that time, as at the epoch."""
    return log2(activity) + at.timestamp() / HALF_LIFE_SECONDS


def _changed(fact: OptedOut | OptedIn | WindowClosed | Escalated | EscalationResolved) -> dict[str, object]:
    match fact:
        case OptedOut(source=OptOutSource.BLOCKED):
            return {"blocked": True}
        case OptedOut():
            return {"opted_out": True}
        case OptedIn():
            return {"opted_out": False, "blocked": False}
        case WindowClosed():
            return {"window_open": False}
        case Escalated():
            return {"escalated": True}
        case EscalationResolved():
            return {"escalated": False}
        case _:
            assert_never(fact)


MEMBERS = ReadModel(
    "creator_hub_members",
    version=1,
    key=("user_id",),
    project=project,
    subject="user_id",
    personal=("external_id", "profile"),
    ddl="""
    create table {table} (
        user_id         text primary key,
        creator_id      text not null,
        channel_type    text not null,
        channel_id      text not null,
        external_id     text,
        profile         json,
        time_zone       text not null default 'UTC',
        language        text not null,
        registered_at   timestamptz not null,
        last_active_at  timestamptz,
        last_sequence   bigint,
        engagement      double precision,
        opted_out       boolean not null default false,
        blocked         boolean not null default false,
        window_open     boolean not null default false,
        escalated       boolean not null default false
    );
    create index on {table} (creator_id, registered_at);
    create index on {table} (creator_id, last_active_at, user_id);
""",
)

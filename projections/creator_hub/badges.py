"""One row per badge that a member has earned."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from psycopg import AsyncConnection

from domain.creator_hub.events import CreatorHubEvent
from domain.creator_hub.member import BadgeEarned
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, put


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    match event.fact:
        case BadgeEarned() as fact:
            about = {"badge_name": fact.badge_name, "program_id": fact.program_id, "earned_at": fact.at}
            yield put(fact.user_id, fact.badge_id, creator_id=fact.creator_id, **about)


BADGES = ReadModel(
    "creator_hub_badges",
    version=1,
    key=("user_id", "badge_id"),
    project=project,
    ddl="""
    create table {table} (
        user_id         text not null,
        badge_id        text not null,
        creator_id      text not null,
        badge_name      text not null,
        program_id      text not null,
        earned_at       timestamptz not null,
        primary key (user_id, badge_id)
    );
""",
)


class BadgeRow(NamedTuple):
    badge_id: str
    badge_name: str
    earned_at: datetime


async def badges_of(connection: AsyncConnection[Row], creator_id: str, user_id: str) -> list[BadgeRow]:
    """The badges of the creator's member, the newest first."""
    sql = f"""
        select {", ".join(BadgeRow._fields)} from creator_hub_badges
         where creator_id = %s and user_id = %s order by earned_at desc, badge_id
    """
    return [BadgeRow(*row) for row in await (await connection.execute(sql, (creator_id, user_id))).fetchall()]

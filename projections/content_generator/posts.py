"""One row per post to a social network."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, assert_never

from psycopg import AsyncConnection

from domain.calls.social_post import Network
from domain.content_generator.events import ContentGeneratorEvent
from domain.content_generator.post import (
    OfPost,
    PostEvent,
    PostFailed,
    PostLookRequested,
    PostNotSeen,
    PostPhase,
    PostPublished,
    PostRequested,
    PostResolved,
    PostRetried,
    PostUnanswered,
    PostUnconfirmed,
)
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, put


def project(event: Recorded[ContentGeneratorEvent]) -> Iterator[Change]:
    match event.fact:
        case OfPost() as fact:
            columns = _columns(fact)
            if columns:
                about = {"tenant": fact.tenant, "root": fact.root, "run": fact.run, "network": fact.network.value}
                yield put(fact.post_id, **about, **columns)


def _columns(fact: PostEvent) -> dict[str, object]:
    match fact:
        case PostRequested() | PostRetried():
            called = {"attempts": fact.attempt, "called_at": fact.at, "code": None, "reason": None}
            return {"phase": PostPhase.CALLING.value, **called}
        case PostUnanswered():
            return {"phase": PostPhase.LOOKING.value, "reason": fact.reason}
        case PostPublished():
            known = {"provider_id": fact.provider_id, "url": fact.url, "code": None, "reason": None}
            return {"phase": PostPhase.PUBLISHED.value, "ended_at": fact.at, **known}
        case PostFailed():
            return {"phase": PostPhase.FAILED.value, "ended_at": fact.at, "code": fact.code, "reason": fact.reason}
        case PostUnconfirmed():
            return {"phase": PostPhase.UNCONFIRMED.value, "ended_at": fact.at, "reason": fact.reason}
        case PostResolved():
            phase = PostPhase.PUBLISHED if fact.delivered else PostPhase.FAILED
            return {"phase": phase.value, "ended_at": fact.at, "url": fact.url, "resolved_by": fact.resolved_by}
        case PostLookRequested() | PostNotSeen():
            return {}
        case _:
            assert_never(fact)


POSTS = ReadModel(
    "content_generator_posts",
    version=1,
    key=("post_id",),
    project=project,
    ddl="""
    create table {table} (
        post_id         text primary key,
        tenant          text not null,
        root            text not null,
        run             int not null,
        network         text not null,
        phase           text not null,
        attempts        int,
        called_at       timestamptz,
        ended_at        timestamptz,
        code            text,
        reason          text,
        provider_id     text,
        url             text,
        resolved_by     text
    );
""",
)


class PostRow(NamedTuple):
    """A post. `resolved_by` has looked and said what became of it."""

    post_id: str
    tenant: str
    root: str
    run: int
    network: Network
    phase: PostPhase
    attempts: int | None
    called_at: datetime | None
    ended_at: datetime | None
    code: str | None
    reason: str | None
    provider_id: str | None
    url: str | None
    resolved_by: str | None


async def post_by_id(connection: AsyncConnection[Row], tenant: str, post_id: str) -> PostRow | None:
    """The tenant's post; None if there is none."""
    sql = f"select {', '.join(PostRow._fields)} from content_generator_posts where post_id = %s and tenant = %s"
    row = await (await connection.execute(sql, (post_id, tenant))).fetchone()
    if row is None:
        return None
    found = PostRow(*row)
    return found._replace(network=Network(found.network), phase=PostPhase(found.phase))

"""One row per reply that a model was asked for: what it is to, what it rests on, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import assert_never

from domain.creator_hub.events import CreatorHubEvent
from domain.creator_hub.reply import ReplyComposed, ReplyDiscarded, ReplyRequested, ReplySkipped
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, change, put


class ReplyStatus(StrEnum):
    REQUESTED = "requested"
    COMPOSED = "composed"
    SKIPPED = "skipped"
    DISCARDED = "discarded"


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    match event.fact:
        case ReplyRequested() as fact:
            yield put(fact.reply_id, **_requested(fact))
        case ReplyComposed() | ReplySkipped() | ReplyDiscarded() as fact if fact.reply_id is not None:
            yield change(fact.reply_id, ended_at=fact.at, **_end(fact))


def _requested(fact: ReplyRequested) -> dict[str, object]:
    return {
        "creator_id": fact.creator_id,
        "user_id": fact.user_id,
        "channel_id": fact.channel_id,
        "cause": fact.cause.model_dump(mode="json"),
        "status": ReplyStatus.REQUESTED.value,
        "requested_at": fact.at,
        "knowledge_base_ids": list(fact.knowledge_base_ids),
    }


def _end(fact: ReplyComposed | ReplySkipped | ReplyDiscarded) -> dict[str, object]:
    match fact:
        case ReplyComposed():
            return {"status": ReplyStatus.COMPOSED.value, **_composed(fact)}
        case ReplySkipped():
            return {"status": ReplyStatus.SKIPPED.value, "reason": fact.reason.value}
        case ReplyDiscarded():
            why = {"reason": fact.reason.value, "model": fact.model, "usage": fact.usage.model_dump()}
            return {"status": ReplyStatus.DISCARDED.value, **why}
        case _:
            assert_never(fact)


def _composed(fact: ReplyComposed) -> dict[str, object]:
    return {
        "message_id": fact.message_id,
        "citations": [one.model_dump() for one in fact.citations],
        "prompt_version": fact.prompt_version,
        "model": fact.model,
        "usage": fact.usage.model_dump(),
    }


REPLIES = ReadModel(
    "creator_hub_replies",
    version=1,
    key=("reply_id",),
    project=project,
    ddl="""
    create table {table} (
        reply_id        text primary key,
        creator_id      text not null,
        user_id         text not null,
        channel_id      text not null,
        cause           jsonb not null,
        status          text not null,
        reason          text,
        requested_at    timestamptz not null,
        ended_at        timestamptz,
        knowledge_base_ids jsonb not null,
        message_id      text,
        citations       jsonb not null default '[]',
        prompt_version  text,
        model           text,
        usage           jsonb
    );
""",
)

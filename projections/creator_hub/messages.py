"""One row per message of a member or to one, with its text and what became of it.

`interaction` is the sequence of the event that makes it an interaction (see `interactions`): it orders a member's
conversation as it became known, and is the cursor of whoever follows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, assert_never

from psycopg import AsyncConnection

from domain.creator_hub.events import CreatorHubEvent
from domain.creator_hub.member import MessageReceived
from domain.creator_hub.message import (
    MessageDelivered,
    MessageEvent,
    MessageFailed,
    MessagePhase,
    MessagePutOff,
    MessageQueued,
    MessageRead,
    MessageResumed,
    MessageSent,
    MessageUnconfirmed,
    OfMessage,
    PartSent,
)
from domain.creator_hub.reply import ReplyComposed, ReplyDiscarded, ReplyRequested, ReplySkipped
from projections.creator_hub.interactions import interaction_of
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, change, put


class InteractionType(StrEnum):
    """The document's types of interactions: `message_sent` is one by the hub."""

    SENT = "message_sent"
    RECEIVED = "message_received"


RECEIVED = "received"
"""The phase of a message of a member."""


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    interaction = interaction_of(event.fact)
    since = {} if interaction is None else {"interaction": event.position.sequence, "interaction_at": interaction.at}
    match event.fact:
        case MessageReceived() as fact:
            yield put(fact.message_id, **_received(fact), **since)
        case MessageQueued() as fact:
            yield put(fact.message_id, **_queued(fact))
        case OfMessage() as fact:
            columns = _columns(fact) | since
            if columns:
                yield change(fact.message_id, **columns)
        case ReplyRequested() | ReplySkipped() | ReplyComposed() | ReplyDiscarded() as fact:
            for message_id in fact.cause.message_ids:
                yield change(message_id, **_answer(fact))


def _received(fact: MessageReceived) -> dict[str, object]:
    return {
        "creator_id": fact.creator_id,
        "user_id": fact.user_id,
        "channel_id": fact.channel_id,
        "channel_type": fact.channel_type.value,
        "type": InteractionType.RECEIVED.value,
        "phase": RECEIVED,
        "at": fact.at,
        "text": fact.text,
        "content": fact.content,
        "rating": fact.rating,
    }


def _queued(fact: MessageQueued) -> dict[str, object]:
    return {
        "creator_id": fact.creator_id,
        "user_id": fact.user_id,
        "channel_id": fact.channel_id,
        "channel_type": fact.channel_type.value,
        "type": InteractionType.SENT.value,
        "phase": MessagePhase.SENDING.value,
        "at": fact.at,
        "text": fact.text,
        "content": "text",
        "cause": fact.cause.model_dump(mode="json"),
        "template": None if fact.template is None else fact.template.name,
    }


def _columns(fact: MessageEvent) -> dict[str, object]:
    match fact:
        case MessageSent():
            return {"phase": MessagePhase.SENT.value, "code": None, "resume_at": None}
        case MessageUnconfirmed():
            return {"phase": MessagePhase.UNCONFIRMED.value, "reason": fact.reason, "resume_at": None}
        case MessageFailed():
            why = {"code": fact.code, "reason": fact.reason}
            return {"phase": MessagePhase.FAILED.value, "resume_at": None, **why}
        case MessagePutOff():
            return {"phase": MessagePhase.PUT_OFF.value, "code": fact.code, "resume_at": fact.resume_at}
        case MessageResumed():
            return {"phase": MessagePhase.SENDING.value, "resume_at": None}
        case MessageDelivered():
            return {"phase": MessagePhase.DELIVERED.value, "delivered_at": fact.at}
        case MessageRead():
            return {"phase": MessagePhase.READ.value, "read_at": fact.at}
        case PartSent() | MessageQueued():
            return {}
        case _:
            assert_never(fact)


def _answer(fact: ReplyRequested | ReplySkipped | ReplyComposed | ReplyDiscarded) -> dict[str, object]:
    """What was done about a member's message: the reply, or the reason that there is none."""
    match fact:
        case ReplyRequested() | ReplyComposed():
            return {"reply_id": fact.reply_id, "unanswered": None}
        case ReplySkipped() | ReplyDiscarded():
            return {"reply_id": fact.reply_id, "unanswered": fact.reason.value}
        case _:
            assert_never(fact)


MESSAGES = ReadModel(
    "creator_hub_messages",
    version=1,
    key=("message_id",),
    project=project,
    subject="user_id",
    personal=("text", "reason"),
    ddl="""
    create table {table} (
        message_id      text primary key,
        creator_id      text not null,
        user_id         text not null,
        channel_id      text not null,
        channel_type    text not null,
        type            text not null,
        phase           text not null,
        at              timestamptz not null,
        text            text,
        content         text not null,
        rating          int,
        cause           jsonb,
        template        text,
        code            text,
        reason          text,
        resume_at       timestamptz,
        delivered_at    timestamptz,
        read_at         timestamptz,
        reply_id        text,
        unanswered      text,
        interaction     bigint,
        interaction_at  timestamptz
    );
    create index on {table} (user_id, interaction) where interaction is not null;
""",
)


class InteractionRow(NamedTuple):
    """An interaction, as a list shows it."""

    message_id: str
    type: InteractionType
    interaction_at: datetime
    channel_type: str


async def recent_interactions(
    connection: AsyncConnection[Row], creator_id: str, user_id: str, limit: int = 20
) -> list[InteractionRow]:
    """The last interactions of the creator's member, the newest first."""
    sql = f"""
        select {", ".join(InteractionRow._fields)} from creator_hub_messages
         where creator_id = %s and user_id = %s and interaction is not null order by interaction desc limit %s
    """
    rows = await (await connection.execute(sql, (creator_id, user_id, limit))).fetchall()
    found = (InteractionRow(*row) for row in rows)
    return [one._replace(type=InteractionType(one.type)) for one in found]


class SpokenMessage(NamedTuple):
    """A message of a conversation. `number` grows with each; `text` is None for what is none."""

    number: int
    message_id: str
    type: InteractionType
    text: str | None
    content: str
    at: datetime


SPOKEN = """
    select interaction, message_id, type, text, content, interaction_at from creator_hub_messages
     where creator_id = %s and user_id = %s and interaction is not null
"""


async def conversation(
    connection: AsyncConnection[Row], creator_id: str, user_id: str, limit: int = 20
) -> list[SpokenMessage]:
    """The last messages between the creator's member and the hub that have a text, the oldest first."""
    sql = f"{SPOKEN} and text <> '' order by interaction desc limit %s"
    rows = await (await connection.execute(sql, (creator_id, user_id, limit))).fetchall()
    return [_spoken(row) for row in reversed(rows)]


async def messages_after(
    connection: AsyncConnection[Row],
    creator_id: str,
    user_id: str,
    channel_id: str,
    number: int = 0,
    limit: int = 100,
) -> list[SpokenMessage]:
    """The messages on one channel after this number, in order: what a widget shows to its visitor."""
    sql = f"{SPOKEN} and channel_id = %s and interaction > %s order by interaction limit %s"
    values = (creator_id, user_id, channel_id, number, limit)
    return [_spoken(row) for row in await (await connection.execute(sql, values)).fetchall()]


async def last_number(connection: AsyncConnection[Row], creator_id: str, user_id: str) -> int:
    """The number of the member's last message, either way; 0 without any."""
    sql = "select coalesce(max(interaction), 0) from creator_hub_messages where creator_id = %s and user_id = %s"
    ((number,),) = await (await connection.execute(sql, (creator_id, user_id))).fetchall()
    return int(number)


async def member_of_message(connection: AsyncConnection[Row], creator_id: str, message_id: str) -> str | None:
    """The member whose message this is, either way; None if the creator has no such message."""
    sql = "select user_id from creator_hub_messages where message_id = %s and creator_id = %s"
    row = await (await connection.execute(sql, (message_id, creator_id))).fetchone()
    return None if row is None else str(row[0])


def _spoken(row: Row) -> SpokenMessage:
    found = SpokenMessage(*row)
    return found._replace(type=InteractionType(found.type))

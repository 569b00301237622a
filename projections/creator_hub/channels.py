"""One row per channel: how members reach it, whether it is in use, and what it is configured to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, assert_never

from psycopg import AsyncConnection
from pydantic import JsonValue

from domain.creator_hub.channel import (
    ChannelCreated,
    ChannelDeactivated,
    ChannelEvent,
    ChannelStatus,
    ChannelUpdated,
    ChannelVerified,
    NumberLearnt,
    OfChannel,
)
from domain.creator_hub.events import CreatorHubEvent
from domain.creator_hub.kinds import ChannelType
from projections.creator_hub.interactions import interaction_of
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, change, put


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    interaction = interaction_of(event.fact)
    if interaction is not None:
        yield change(interaction.channel_id, last_activity_at=interaction.at)
    match event.fact:
        case ChannelCreated() as fact:
            yield put(fact.channel_id, creator_id=fact.creator_id, created_at=fact.at, **_columns(fact))
        case OfChannel() as fact:
            yield change(fact.channel_id, **_columns(fact))


def _columns(fact: ChannelEvent) -> dict[str, object]:
    match fact:
        case ChannelCreated() | ChannelUpdated():
            return _configured(fact)
        case ChannelVerified():
            return {"status": ChannelStatus.ACTIVE.value, "code": None}
        case ChannelDeactivated():
            return {"status": ChannelStatus.INACTIVE.value, "code": fact.code}
        case NumberLearnt():
            return {"phone_number_id": fact.phone_number_id}
        case _:
            assert_never(fact)


def _configured(fact: ChannelCreated | ChannelUpdated) -> dict[str, object]:
    """A channel that its update leaves inactive is so for the reason that it was."""
    columns: dict[str, object] = {
        "channel_type": fact.channel_type.value,
        "channel_name": fact.channel_name,
        "configuration": fact.configuration,
        "credentials": list(fact.credentials),
        "vault": fact.vault,
        "status": fact.status.value,
        "updated_at": fact.at,
    }
    return columns if fact.status is ChannelStatus.INACTIVE else columns | {"code": None}


CHANNELS = ReadModel(
    "creator_hub_channels",
    version=1,
    key=("channel_id",),
    project=project,
    ddl="""
    create table {table} (
        channel_id      text primary key,
        creator_id      text not null,
        channel_type    text not null,
        channel_name    text not null,
        configuration   json not null,
        credentials     jsonb not null,
        vault           text,
        status          text not null,
        code            text,
        phone_number_id text,
        created_at      timestamptz not null,
        updated_at      timestamptz not null,
        last_activity_at timestamptz
    );
    create index on {table} (creator_id, created_at);
""",
)


class ChannelRow(NamedTuple):
    """A channel. `credentials` names what is in the vault; `code` says why it is inactive.

    `phone_number_id` is the one that was learnt.
    """

    channel_id: str
    creator_id: str
    channel_type: ChannelType
    channel_name: str
    configuration: dict[str, JsonValue]
    credentials: list[str]
    vault: str | None
    status: ChannelStatus
    code: str | None
    phone_number_id: str | None
    created_at: datetime
    updated_at: datetime


CHANNEL = f"select {', '.join(ChannelRow._fields)} from creator_hub_channels where channel_id = %s"


async def channel_by_id(connection: AsyncConnection[Row], channel_id: str) -> ChannelRow | None:
    """The channel of an inbound or a widget's call, which knows no creator; None if there is none."""
    row = await (await connection.execute(CHANNEL, (channel_id,))).fetchone()
    return None if row is None else channel_of(row)


async def channel_of_creator(connection: AsyncConnection[Row], creator_id: str, channel_id: str) -> ChannelRow | None:
    """The creator's channel; None if there is none."""
    row = await (await connection.execute(f"{CHANNEL} and creator_id = %s", (channel_id, creator_id))).fetchone()
    return None if row is None else channel_of(row)


def channel_of(row: Row) -> ChannelRow:
    """The channel in a row."""
    found = ChannelRow(*row)
    return found._replace(channel_type=ChannelType(found.channel_type), status=ChannelStatus(found.status))

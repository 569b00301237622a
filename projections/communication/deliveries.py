"""One row per message and channel: the delivery, with the provider's reports and the recipient's actions.

`number` is unique for every row, `part` the DeliveryStatus, `day` the UTC day it counts for in every
statistic, `cost` the microcents owed for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from domain.communication.delivery import (
    ActionTaken,
    AnyDeliveryEvent,
    DeliveryEvent,
    DeliveryStatus,
    MessageClicked,
    MessageDelivered,
    MessageOpened,
    MessageRejected,
    MessageRetried,
    MessageSent,
    MessageUnconfirmed,
    MessageUndelivered,
    ProviderEvent,
    status_after,
)
from domain.communication.events import CommunicationEvent
from domain.communication.message import MessageDispatched
from streams.core.envelope import Position, Recorded
from streams.core.read_models import Change, ReadModel, change, put

PARTITIONS = 1024
"""More partitions than a context will ever have: the factor that packs a position into one integer."""


def project(event: Recorded[CommunicationEvent]) -> Iterator[Change]:
    match event.fact:
        case MessageDispatched() as out:
            yield put(
                out.message_id,
                out.channel.value,
                number=number(event.position),
                user_id=out.user_id,
                trigger_type=out.trigger_type.value,
                part=DeliveryStatus.STARTED.value,
                fallback=out.fallback,
                address=out.to,
                template=out.template,
                segments=out.segments,
                cost=out.cost,
                day=out.day,
                started_at=out.at,
            )
        case DeliveryEvent() as fact:
            yield change(fact.message_id, fact.channel.value, **_columns(fact))


def number(position: Position) -> int:
    """The position as one integer: unique, and the same after every rebuild."""
    return position.sequence * PARTITIONS + position.partition


def _columns(fact: AnyDeliveryEvent) -> dict[str, object]:
    match fact:
        case MessageOpened():
            return {"opened_at": fact.at}
        case MessageClicked():
            return {"clicked_at": fact.at}
        case ActionTaken():
            return {"action": fact.action, "acted_at": fact.at}
        case _:
            return {"part": status_after(fact).value, "provider": fact.provider, **_progress(fact)}


def _progress(fact: ProviderEvent) -> dict[str, object]:
    match fact:
        case MessageSent():
            return {"provider_id": fact.provider_id, "sent_at": fact.at, "code": None, "reason": None}
        case MessageDelivered():
            return {"provider_id": fact.provider_id, "delivered_at": fact.at, "code": None, "reason": None}
        case MessageUndelivered():
            why = {"code": fact.code, "reason": fact.reason}
            return {"provider_id": fact.provider_id, "failed_at": fact.at, **why}
        case MessageRejected():
            return {"failed_at": fact.at, "code": fact.code, "reason": fact.reason, "cost": 0}
        case MessageUnconfirmed():
            return {"failed_at": fact.at, "reason": fact.reason}
        case MessageRetried():
            return {"code": fact.code, "reason": fact.reason, "retry_at": fact.retry_at}
        case _:
            assert_never(fact)


DELIVERIES = ReadModel(
    "communication_deliveries",
    version=1,
    key=("message_id", "channel"),
    project=project,
    subject="user_id",
    personal=("address", "reason", "action"),
    ddl="""
    create table {table} (
        message_id      uuid not null,
        channel         text not null,
        number          bigint not null,
        user_id         bigint not null,
        trigger_type    text not null,
        part            text not null,
        fallback        boolean not null,
        address         text,
        template        text not null,
        segments        int not null,
        cost            bigint not null,
        day             date not null,
        provider        text,
        provider_id     text,
        code            text,
        reason          text,
        started_at      timestamptz not null,
        retry_at        timestamptz,
        sent_at         timestamptz,
        delivered_at    timestamptz,
        failed_at       timestamptz,
        opened_at       timestamptz,
        clicked_at      timestamptz,
        acted_at        timestamptz,
        action          text,
        primary key (message_id, channel)
    );
    create index on {table} (provider_id) where provider_id is not null;
    create index on {table} (user_id, number desc);
    create index on {table} (address, number desc) where part in ('started', 'retrying', 'unconfirmed');
""",
)

"""Counters per UTC day, channel and trigger type: the base of every analysis and report.

A delivery counts for the day of its dispatch. So all rates of a day cover the same messages, and a late receipt
corrects the day it belongs to.

- dispatched: handed to a provider. sent: accepted by it. delivered: reported as arrived (implied by an open or click).
- opened, clicked, acted: at least once, counted once. acted is what reports call engaged.
- failed: rejected, or accepted and then reported undelivered. unconfirmed: without an answer.
- cost: microcents owed for dispatched messages, less those that a provider rejected. The texts with verification codes
  have rows of the type `verification`, with a cost alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.communication.consent import SmsConsentRequested, VerificationCodeFailed
from domain.communication.delivery import (
    ActionTaken,
    AnyDeliveryEvent,
    DeliveryEvent,
    DeliveryStatus,
    MessageClicked,
    MessageOpened,
    MessageRejected,
    status_after,
)
from domain.communication.events import CommunicationEvent
from domain.communication.kinds import Channel
from domain.communication.message import MessageDispatched
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, add

TALLIES: dict[DeliveryStatus, dict[str, int]] = {
    DeliveryStatus.STARTED: {},
    DeliveryStatus.RETRYING: {},
    DeliveryStatus.UNCONFIRMED: {"unconfirmed": 1},
    DeliveryStatus.REJECTED: {"failed": 1},
    DeliveryStatus.SENT: {"sent": 1},
    DeliveryStatus.UNDELIVERED: {"sent": 1, "failed": 1},
    DeliveryStatus.DELIVERED: {"sent": 1, "delivered": 1},
}
"""The counters of a delivery, by its status."""


VERIFICATION = "verification"


def project(event: Recorded[CommunicationEvent]) -> Iterator[Change]:
    match event.fact:
        case MessageDispatched() as out:
            yield add(out.day, out.channel.value, out.trigger_type.value, dispatched=1, cost=out.cost)
        case DeliveryEvent() as fact:
            counts = _counts(fact)
            if counts:
                yield add(fact.day, fact.channel.value, fact.trigger_type.value, **counts)
        case SmsConsentRequested() as asked if asked.cost:
            yield add(asked.at.date(), Channel.SMS.value, VERIFICATION, cost=asked.cost)
        case VerificationCodeFailed(day=day) as failed if day is not None and failed.refund:
            yield add(day, Channel.SMS.value, VERIFICATION, cost=-failed.refund)


def _counts(fact: AnyDeliveryEvent) -> dict[str, int]:
    match fact:
        case MessageOpened():
            return {"opened": 1}
        case MessageClicked():
            return {"clicked": 1}
        case ActionTaken():
            return {"acted": 1}
        case MessageRejected():
            return moved(fact.was, DeliveryStatus.REJECTED) | {"cost": -fact.refund}
        case _:
            return moved(fact.was, status_after(fact))


def moved(before: DeliveryStatus, after: DeliveryStatus) -> dict[str, int]:
    """The changes of the counters when a delivery's status changes."""
    was, is_ = TALLIES[before], TALLIES[after]
    counts = {name: is_.get(name, 0) - was.get(name, 0) for name in {**was, **is_}}
    return {name: count for name, count in counts.items() if count}


DAILY = ReadModel(
    "communication_daily",
    version=1,
    key=("day", "channel", "trigger_type"),
    project=project,
    ddl="""
    create table {table} (
        day             date not null,
        channel         text not null,
        trigger_type    text not null,
        dispatched      bigint not null default 0,
        sent            bigint not null default 0,
        delivered       bigint not null default 0,
        opened          bigint not null default 0,
        clicked         bigint not null default 0,
        acted           bigint not null default 0,
        failed          bigint not null default 0,
        unconfirmed     bigint not null default 0,
        cost            bigint not null default 0,
        primary key (day, channel, trigger_type)
    );
""",
)

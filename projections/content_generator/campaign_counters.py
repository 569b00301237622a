"""Counters of a campaign's reports, so that a look at a large one counts no recipients.

`openers`, `clickers` and `unsubscribed` are people, `opens` and `clicks` events. An open by a machine counts apart, and
proves a delivery as any other.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.content_generator.events import ContentGeneratorEvent
from domain.content_generator.recipient import (
    RecipientBounced,
    RecipientComplained,
    RecipientDelivered,
    RecipientLinkClicked,
    RecipientOpened,
    RecipientUnsubscribed,
)
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, add


def project(event: Recorded[ContentGeneratorEvent]) -> Iterator[Change]:
    match event.fact:
        case RecipientDelivered() as fact:
            yield add(fact.campaign_id, delivered=int(fact.delivers))
        case RecipientOpened(machine=True) as fact:
            yield add(fact.campaign_id, delivered=int(fact.delivers), machine_opens=1)
        case RecipientOpened() as fact:
            yield add(fact.campaign_id, delivered=int(fact.delivers), opens=1, openers=int(fact.first))
        case RecipientLinkClicked() as fact:
            yield add(fact.campaign_id, delivered=int(fact.delivers), clicks=1, clickers=int(fact.first))
        case RecipientBounced() as fact:
            yield add(fact.campaign_id, bounces=1)
        case RecipientComplained() as fact:
            yield add(fact.campaign_id, complaints=1)
        case RecipientUnsubscribed(campaign_id=str(campaign_id), first=True):
            yield add(campaign_id, unsubscribed=1)


CAMPAIGN_COUNTERS = ReadModel(
    "content_generator_campaign_counters",
    version=1,
    key=("campaign_id",),
    project=project,
    ddl="""
    create table {table} (
        campaign_id     text primary key,
        delivered       bigint not null default 0,
        opens           bigint not null default 0,
        openers         bigint not null default 0,
        machine_opens   bigint not null default 0,
        clicks          bigint not null default 0,
        clickers        bigint not null default 0,
        unsubscribed    bigint not null default 0,
        bounces         bigint not null default 0,
        complaints      bigint not null default 0
    );
""",
)

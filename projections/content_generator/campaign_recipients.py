"""One row per campaign and recipient: the address and batch by the campaign, and by reports what the recipient did.

The two come from different keys, in any order, so each sets columns that the other leaves alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.content_generator.campaign import RecipientAddressed
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
from streams.core.read_models import Change, ReadModel, put

Reported = RecipientDelivered | RecipientOpened | RecipientLinkClicked | RecipientBounced | RecipientComplained


def project(event: Recorded[ContentGeneratorEvent]) -> Iterator[Change]:
    match event.fact:
        case RecipientAddressed() as fact:
            person = {"address": fact.address, "recipient_name": fact.recipient_name}
            yield put(fact.campaign_id, fact.mark, batch=fact.batch, round=fact.round, **person)
        case (
            RecipientDelivered()
            | RecipientOpened()
            | RecipientLinkClicked()
            | RecipientBounced()
            | RecipientComplained() as fact
        ):
            yield put(fact.campaign_id, fact.mark, **_columns(fact))
        case RecipientUnsubscribed(campaign_id=str(campaign_id)) as fact:
            yield put(campaign_id, fact.mark, unsubscribed_at=fact.at)


def _columns(fact: Reported) -> dict[str, object]:
    delivered: dict[str, object] = {"delivered_at": fact.at} if fact.delivers else {}
    match fact:
        case RecipientDelivered():
            return delivered
        case RecipientOpened():
            return delivered | ({} if fact.machine else {"opened_at": fact.at})
        case RecipientLinkClicked():
            return delivered | {"clicked_at": fact.at}
        case RecipientBounced():
            return {"bounced_at": fact.at}
        case RecipientComplained():
            return {"complained_at": fact.at}


CAMPAIGN_RECIPIENTS = ReadModel(
    "content_generator_campaign_recipients",
    version=1,
    key=("campaign_id", "mark"),
    project=project,
    subject="mark",
    personal=("address", "recipient_name"),
    ddl="""
    create table {table} (
        campaign_id     text not null,
        mark            text not null,
        round           int,
        batch           int,
        address         text,
        recipient_name  text,
        delivered_at    timestamptz,
        opened_at       timestamptz,
        clicked_at      timestamptz,
        unsubscribed_at timestamptz,
        bounced_at      timestamptz,
        complained_at   timestamptz,
        primary key (campaign_id, mark)
    );
    create index on {table} (mark);
    create index on {table} (campaign_id, round, batch);
""",
)

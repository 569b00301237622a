"""The status of a message's task, and the search for a delivery by a provider's id."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from domain.communication.consent import VerificationCodeSent
from domain.communication.delivery import DeliveryStatus
from domain.communication.kinds import Channel
from domain.communication.message import MessagePhase, Status, status_of
from projections.communication.queries.journal import CONTEXT
from streams.core.read_models import Row


class DeliveryRow(NamedTuple):
    """The delivery of a message on one channel."""

    channel: Channel
    status: DeliveryStatus
    fallback: bool
    provider: str | None
    provider_id: str | None
    code: str | None
    reason: str | None
    started_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    failed_at: datetime | None
    opened_at: datetime | None
    clicked_at: datetime | None
    action: str | None


class MessageRow(NamedTuple):
    """A message with its deliveries, the best one first."""

    message_id: UUID
    user_id: int
    trigger_type: str
    priority: str
    wish: str
    fallback: bool
    phase: MessagePhase
    reason: str | None
    created_at: datetime
    due_at: datetime
    held_until: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    deliveries: Sequence[DeliveryRow]

    @property
    def status(self) -> Status:
        """See `domain.communication.message`."""
        if self.phase is MessagePhase.REVOKED:
            return Status.REVOKED
        if not self.deliveries:
            return Status.PENDING
        return status_of({delivery.channel: delivery.status for delivery in self.deliveries})

    @property
    def delivered_at(self) -> datetime | None:
        """The time of the first arrival on any channel."""
        return min((d.delivered_at for d in self.deliveries if d.delivered_at is not None), default=None)

    @property
    def succeeded_at(self) -> datetime | None:
        """The time of the first acceptance by a provider; None unless the status is SUCCESS."""
        if self.status is not Status.SUCCESS:
            return None
        return min((when for d in self.deliveries if (when := d.sent_at or d.delivered_at) is not None), default=None)

    @property
    def unconfirmed(self) -> bool:
        """Whether it failed, but may have gone out."""
        return self.status is Status.FAILURE and any(d.status is DeliveryStatus.UNCONFIRMED for d in self.deliveries)


BY_ID = """
    select m.message_id, m.user_id, m.trigger_type, m.priority, m.wish, m.fallback, m.phase, m.reason, m.created_at,
           m.due_at, m.held_until, m.started_at, m.ended_at,
           d.channel, d.part, d.fallback, d.provider, d.provider_id, d.code, d.reason, d.started_at, d.sent_at,
           d.delivered_at, d.failed_at, d.opened_at, d.clicked_at, d.action
      from communication_messages m left join communication_deliveries d using (message_id)
     where m.message_id = %s
"""


async def message_by_id(connection: AsyncConnection[Row], message_id: UUID) -> MessageRow | None:
    """The message; None if there is none."""
    rows = await (await connection.execute(BY_ID, (message_id,))).fetchall()
    return message_of(rows) if rows else None


def message_of(rows: Sequence[Row]) -> MessageRow:
    """One message from its joined rows: each has the message's columns, then those of a delivery or nulls."""
    width = len(MessageRow._fields) - 1
    deliveries = [_delivery(row[width:]) for row in rows if row[width] is not None]
    deliveries.sort(key=lambda delivery: delivery.status.certainty, reverse=True)
    message = MessageRow._make((*rows[0][:width], deliveries))
    return message._replace(phase=MessagePhase(message.phase))


def _delivery(row: Row) -> DeliveryRow:
    channel, status, *others = row
    return DeliveryRow(Channel(channel), DeliveryStatus(status), *others)


class FoundDelivery(NamedTuple):
    """The message, recipient and channel of a delivery."""

    message_id: UUID
    user_id: int
    channel: Channel


async def delivery_by_provider_id(connection: AsyncConnection[Row], provider_id: str) -> FoundDelivery | None:
    """The delivery with this provider's id; None if there is none."""
    sql = "select message_id, user_id, channel from communication_deliveries where provider_id = %s limit 1"
    return _found(await (await connection.execute(sql, (provider_id,))).fetchall())


SETTLED = """
    select coalesce(provider_id, '') from communication_deliveries
     where message_id = %s and channel = %s and part in ('sent', 'delivered', 'undelivered')
"""


async def settled_id(connection: AsyncConnection[Row], message_id: UUID, channel: Channel) -> str | None:
    """The provider's id of a delivery that has gone out for certain, "" for an unknown id; None for any other."""
    row = await (await connection.execute(SETTLED, (message_id, channel.value))).fetchone()
    return None if row is None else str(row[0])


async def recorded_ids(connection: AsyncConnection[Row], provider_ids: Sequence[str]) -> set[str]:
    """Those of a provider's ids that are on record for deliveries."""
    sql = "select provider_id from communication_deliveries where provider_id = any(%s)"
    return {id_ for (id_,) in await (await connection.execute(sql, (list(provider_ids),))).fetchall()}


async def delivery_of(connection: AsyncConnection[Row], channel: Channel, reference: str) -> FoundDelivery | None:
    """The delivery with this reference; None if there is none, as for the text of a verification code."""
    try:
        message_id = UUID(reference)
    except ValueError:
        return None
    sql = "select message_id, user_id, channel from communication_deliveries where message_id = %s and channel = %s"
    return _found(await (await connection.execute(sql, (message_id, channel.value))).fetchall())


UNANSWERED = f"""
    select message_id, user_id, channel from communication_deliveries
     where address = %(address)s and channel = %(channel)s and part in ('started', 'retrying', 'unconfirmed')
       and not exists (select from communication_recipients where pending_phone = %(address)s)
       and not exists (
           select from communication_recipients r
             join headwater.journal j on j.context = %(context)s and j.stream = 'recipient/' || r.user_id
            where r.phone = %(address)s and j.name = '{VerificationCodeSent.name}'
              and convert_from(j.data, 'UTF8')::json ->> 'provider_id' = %(provider_id)s)
     limit 2
"""


async def unanswered_to(
    connection: AsyncConnection[Row], channel: Channel, address: str, provider_id: str
) -> FoundDelivery | None:
    """The only delivery to this address without a provider's answer; None if there are none or several.

    It matches a report without a reference that overtook the provider's answer, or that is the only answer to come
    (unconfirmed). None, too, if the report may be about a verification code: one is pending for this number, or was
    sent under this id.
    """
    values = {"address": address, "channel": channel.value, "context": CONTEXT, "provider_id": provider_id}
    rows = await (await connection.execute(UNANSWERED, values)).fetchall()
    return _found(rows) if len(rows) == 1 else None


def _found(rows: Sequence[Row]) -> FoundDelivery | None:
    if not rows:
        return None
    message_id, user_id, channel = rows[0]
    return FoundDelivery(message_id, user_id, Channel(channel))

"""The delivery of a dispatched message: providers' reports, and the recipient's actions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TypedDict
from uuid import UUID

from commands.communication.address_report import address_reported
from commands.communication.message import UnknownMessage, recount
from commands.communication.receipt_kinds import ReceiptKind
from domain.communication.consent import AddressReported
from domain.communication.delivery import (
    ActionTaken,
    Delivery,
    DeliveryStatus,
    MessageClicked,
    MessageDelivered,
    MessageOpened,
    MessageSent,
    MessageUndelivered,
    ProviderEvent,
    ReceiptNoted,
    status_after,
)
from domain.communication.kinds import Channel, TriggerType
from domain.communication.message import Message
from domain.communication.permanent_codes import AddressFact, fact_of
from domain.communication.recipient import Recipient
from domain.messages import Command, Event, Refused, Remark


class NotOut(Refused, name="communication.not_out", formerly="NotOut"):
    """The message has not gone out on that channel."""


class RecordReceipt(Command, name="communication.message.record_receipt.v1", key="user_id", subject="user_id"):
    """Record a provider's report (a status webhook). The command id derives from the report's id, so it counts once.

    `word` is the provider's own word. BOUNCED is a permanent bounce and suppresses the message's address, if it is
    still the person's; UNDELIVERED is any other failure to deliver, after which a permanent `code` acts as it does in
    the answer to the call. Reports may come in any order. Raises UnknownMessage.
    """

    message_id: UUID
    user_id: int
    channel: Channel
    provider: str
    provider_id: str | None
    kind: ReceiptKind
    word: str
    code: str | None = None
    reason: Remark = ""


class RecordAction(Command, name="communication.message.record_action.v1", key="user_id", subject="user_id"):
    """Record that the recipient took the action of the message (`viewed_forecast`). Raises UnknownMessage or NotOut.

    Without `channel` it counts for the channel with the most certain status.
    """

    message_id: UUID
    user_id: int
    channel: Channel | None = None
    action: Remark


class DeliveryFields(TypedDict):
    """The fields that every delivery event shares."""

    at: datetime
    message_id: UUID
    user_id: int
    channel: Channel
    trigger_type: TriggerType
    day: date
    was: DeliveryStatus


def delivery_fields(at: datetime, message: Message, channel: Channel) -> DeliveryFields:
    delivery, requested = message.deliveries[channel], message.requested
    assert requested is not None
    return {
        "at": at,
        "message_id": requested.message_id,
        "user_id": requested.user_id,
        "channel": channel,
        "trigger_type": requested.trigger_type,
        "day": delivery.day,
        "was": delivery.status,
    }


def if_further(delivery: Delivery, event: ProviderEvent) -> list[Event]:
    """The event, if its status is more certain than the known one; a further retry is always recorded."""
    status = status_after(event)
    again = status is DeliveryStatus.RETRYING and delivery.status is DeliveryStatus.RETRYING
    return [event] if status.certainty > delivery.status.certainty or again else []


def record_receipt(command: RecordReceipt, message: Message, recipient: Recipient) -> Sequence[Event]:
    if command.channel not in message.deliveries:
        raise UnknownMessage("there is no such message on this channel")
    told = _receipt(command, message)
    about_address = _address_events(command, message, recipient, news=bool(told))
    events = [*told, *about_address, *recount(command.at, message, told)]
    return events or [
        ReceiptNoted(
            at=command.at,
            message_id=command.message_id,
            user_id=command.user_id,
            channel=command.channel,
            provider=command.provider,
            provider_id=command.provider_id,
            kind=command.word,
        )
    ]


def _receipt(command: RecordReceipt, message: Message) -> list[Event]:
    delivery, fields = message.deliveries[command.channel], delivery_fields(command.at, message, command.channel)
    provider, id_ = command.provider, command.provider_id
    match command.kind:
        case ReceiptKind.ACCEPTED:
            return if_further(delivery, MessageSent(**fields, provider=provider, provider_id=id_, attempt=0))
        case ReceiptKind.DELIVERED:
            return if_further(delivery, MessageDelivered(**fields, provider=provider, provider_id=id_))
        case ReceiptKind.UNDELIVERED | ReceiptKind.BOUNCED:
            why, reason = command.code, command.reason
            event = MessageUndelivered(**fields, provider=provider, provider_id=id_, code=why, reason=reason)
            return if_further(delivery, event)
        case ReceiptKind.OPENED | ReceiptKind.CLICKED | ReceiptKind.COMPLAINED:
            return _engagement(command, message)
        case ReceiptKind.OTHER:
            return []


def _engagement(command: RecordReceipt, message: Message) -> list[Event]:
    """Record an open, click or complaint: each implies the delivery, and a click implies an open."""
    delivery = message.deliveries[command.channel]
    fields = delivery_fields(command.at, message, command.channel)
    events = if_further(
        delivery, MessageDelivered(**fields, provider=command.provider, provider_id=command.provider_id, implied=True)
    )
    fields["was"] = DeliveryStatus.DELIVERED
    if not delivery.opened and command.kind is not ReceiptKind.COMPLAINED:
        events.append(MessageOpened(**fields))
    if not delivery.clicked and command.kind is ReceiptKind.CLICKED:
        events.append(MessageClicked(**fields))
    return events


def _address_events(command: RecordReceipt, message: Message, recipient: Recipient, news: bool) -> list[Event]:
    fact, channel = _fact_of(command), command.channel
    if fact is None:
        return []
    to = message.deliveries[channel].to
    report = AddressReported(at=command.at, user_id=command.user_id, channel=channel, address=to, fact=fact)
    return address_reported(recipient, report, command.reason, news=news or fact is AddressFact.COMPLAINED)


def _fact_of(command: RecordReceipt) -> AddressFact | None:
    """What the report says about the address of the message."""
    match command.kind:
        case ReceiptKind.BOUNCED:
            return AddressFact.DEAD
        case ReceiptKind.COMPLAINED:
            return AddressFact.COMPLAINED
        case ReceiptKind.UNDELIVERED:
            return fact_of(command.channel, command.code)
    return None


def record_action(command: RecordAction, message: Message) -> Sequence[Event]:
    if message.requested is None:
        raise UnknownMessage("there is no such message")
    if command.channel is not None and command.channel not in message.deliveries:
        raise NotOut(f"the message has not gone out by {command.channel}")
    if not message.deliveries:
        raise NotOut("the message has not gone out")
    furthest = max(message.deliveries, key=lambda channel: message.deliveries[channel].status.certainty)
    channel = command.channel or furthest
    if message.deliveries[channel].acted:
        return []
    return [ActionTaken(**delivery_fields(command.at, message, channel), action=command.action)]

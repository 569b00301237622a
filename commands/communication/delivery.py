"""What became of a message that was handed over: the provider's answer, its receipts, and what the recipient did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import TypedDict
from uuid import UUID

from commands.communication.effects import NOT_ALLOWED
from commands.communication.message import UnknownMessage, dispatches
from commands.communication.rules import AS_ASKED, REACHABLE, Case, decide
from domain.communication.budget import BudgetUsage
from domain.communication.decision import Decision, DecisionStep, trail_of
from domain.communication.delivery import (
    ActionTaken,
    Delivery,
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
    ReceiptNoted,
    status_after,
)
from domain.communication.kinds import ALL_TYPES, Channel, TriggerType, Wish
from domain.communication.message import Message, MessageDispatched
from domain.communication.recipient import AddressSuppressed, ConsentStatus, OptedOut, OptOutSource, Recipient
from domain.messages import Attempt, Command, Event, Instant, Refused, Reply, Result

SANDBOX = "sandbox"
"""The provider that sends no receipts: what it accepts is delivered at that moment."""

UNSUBSCRIBED = "21610"
"""Twilio's code for a number that has sent STOP."""

ERASED = "erased"
"""A connector's code for a message whose personal values are gone."""


class NotOut(Refused, name="communication.not_out", formerly="NotOut"):
    """The message has not gone out on that channel."""


class RecordAttempt(Reply, name="communication.message.record_attempt.v1", key="user_id", subject="user_id"):
    """What the provider answered to a dispatch."""

    message_id: UUID
    user_id: int
    channel: Channel


class ReceiptKind(StrEnum):
    """What a provider reports of a message, whatever its own word for it is."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    OPENED = "opened"
    CLICKED = "clicked"
    OTHER = "other"


class RecordReceipt(Command, name="communication.message.record_receipt.v1", key="user_id", subject="user_id"):
    """A provider's report (a status webhook); its command id derives from the report's own id, so that it counts once.

    `word` is the provider's own word. BOUNCED is a permanent bounce and suppresses the address it went to, if that is
    still the person's; UNDELIVERED is any other failure to deliver. Reports may come in any order. Raises
    UnknownMessage.
    """

    message_id: UUID
    user_id: int
    channel: Channel
    provider: str
    provider_id: str | None
    kind: ReceiptKind
    word: str
    code: str | None = None
    reason: str = ""


class RecordAction(Command, name="communication.message.record_action.v1", key="user_id", subject="user_id"):
    """The recipient did what the message was about (`viewed_forecast`). Raises UnknownMessage or NotOut.

    Without `channel` it counts for the channel on which the message has come furthest.
    """

    message_id: UUID
    user_id: int
    channel: Channel | None = None
    action: str


TWILIO_KINDS = {
    "accepted": ReceiptKind.ACCEPTED,
    "queued": ReceiptKind.ACCEPTED,
    "sending": ReceiptKind.ACCEPTED,
    "sent": ReceiptKind.ACCEPTED,
    "delivered": ReceiptKind.DELIVERED,
    "read": ReceiptKind.OPENED,
    "undelivered": ReceiptKind.UNDELIVERED,
    "failed": ReceiptKind.UNDELIVERED,
    "canceled": ReceiptKind.UNDELIVERED,
}
"""Twilio's MessageStatus; what is not listed is OTHER."""

RESEND_KINDS = {
    "email.sent": ReceiptKind.ACCEPTED,
    "email.scheduled": ReceiptKind.ACCEPTED,
    "email.delivery_delayed": ReceiptKind.ACCEPTED,
    "email.delivered": ReceiptKind.DELIVERED,
    "email.bounced": ReceiptKind.BOUNCED,
    "email.suppressed": ReceiptKind.BOUNCED,
    "email.failed": ReceiptKind.UNDELIVERED,
    "email.complained": ReceiptKind.COMPLAINED,
    "email.opened": ReceiptKind.OPENED,
    "email.clicked": ReceiptKind.CLICKED,
}
"""Resend's event types; what is not listed is OTHER. A bounce of type Transient is UNDELIVERED: see `resend_kind`."""


def twilio_kind(status: str) -> ReceiptKind:
    """What Twilio's MessageStatus means."""
    return TWILIO_KINDS.get(status, ReceiptKind.OTHER)


def resend_kind(type_: str, bounce_type: str | None = None) -> ReceiptKind:
    """What a Resend event means; `bounce_type` is `data.bounce.type` ("Permanent", "Transient", "Undetermined")."""
    if type_ == "email.bounced" and bounce_type is not None and bounce_type != "Permanent":
        return ReceiptKind.UNDELIVERED
    return RESEND_KINDS.get(type_, ReceiptKind.OTHER)


def record_attempt(command: RecordAttempt, message: Message, recipient: Recipient) -> Sequence[Event]:
    attempt, delivery = command.attempt, message.deliveries.get(command.channel)
    if attempt is None or delivery is None:
        return []
    match attempt.result:
        case Result.ACCEPTED:
            return _accepted(command, attempt, message)
        case Result.DEFERRED:
            return _retried(command, attempt, message)
        case Result.UNCONFIRMED:
            return _unconfirmed(command, attempt, message)
        case Result.REJECTED:
            return _rejected(command, attempt, message, recipient)


class _DeliveryFields(TypedDict):
    """The fields that every delivery event shares."""

    at: datetime
    message_id: UUID
    user_id: int
    channel: Channel
    trigger_type: TriggerType
    day: date
    was: DeliveryStatus


def _fields(
    command: RecordAttempt | RecordReceipt | RecordAction, message: Message, channel: Channel
) -> _DeliveryFields:
    delivery, requested = message.deliveries[channel], message.requested
    assert requested is not None
    return {
        "at": command.at,
        "message_id": command.message_id,
        "user_id": command.user_id,
        "channel": channel,
        "trigger_type": requested.trigger_type,
        "day": delivery.day,
        "was": delivery.status,
    }


def _if_further(delivery: Delivery, event: ProviderEvent) -> list[Event]:
    """The event, if it says something more certain than what is known (a further retry is always told)."""
    status = status_after(event)
    again = status is DeliveryStatus.RETRYING and delivery.status is DeliveryStatus.RETRYING
    return [event] if status.certainty > delivery.status.certainty or again else []


def _accepted(command: RecordAttempt, attempt: Attempt, message: Message) -> Sequence[Event]:
    delivery, fields = message.deliveries[command.channel], _fields(command, message, command.channel)
    provider, id_ = attempt.provider, attempt.provider_id
    sent = _if_further(delivery, MessageSent(**fields, provider=provider, provider_id=id_, attempt=attempt.number))
    if not sent or provider != SANDBOX:
        return sent
    fields["was"] = DeliveryStatus.SENT
    return [*sent, MessageDelivered(**fields, provider=provider, provider_id=id_)]


def _retried(command: RecordAttempt, attempt: Attempt, message: Message) -> Sequence[Event]:
    retried = MessageRetried(
        **_fields(command, message, command.channel),
        provider=attempt.provider,
        code=attempt.code,
        reason=attempt.reason,
        attempt=attempt.number,
        retry_at=attempt.retry_at,
    )
    return _if_further(message.deliveries[command.channel], retried)


def _unconfirmed(command: RecordAttempt, attempt: Attempt, message: Message) -> Sequence[Event]:
    unconfirmed = MessageUnconfirmed(
        **_fields(command, message, command.channel),
        provider=attempt.provider,
        reason=attempt.reason,
        attempt=attempt.number,
    )
    return _if_further(message.deliveries[command.channel], unconfirmed)


def _rejected(command: RecordAttempt, attempt: Attempt, message: Message, recipient: Recipient) -> Sequence[Event]:
    delivery = message.deliveries[command.channel]
    if attempt.code == NOT_ALLOWED and delivery.perhaps_out:
        return _unconfirmed(command, attempt, message)
    event = MessageRejected(
        **_fields(command, message, command.channel),
        provider=attempt.provider,
        code=attempt.code,
        reason=attempt.reason,
        attempt=attempt.number,
        refund=delivery.cost,
    )
    rejected = _if_further(delivery, event)
    if not rejected or attempt.code == ERASED:
        return rejected
    return [*rejected, *_unsubscribed(command, attempt, recipient), *fall_back(command, attempt, message, recipient)]


def _unsubscribed(command: RecordAttempt, attempt: Attempt, recipient: Recipient) -> list[Event]:
    if attempt.code != UNSUBSCRIBED or command.channel is not Channel.SMS:
        return []
    return opt_out_of_channel(
        recipient, command.at, command.user_id, Channel.SMS, OptOutSource.PROVIDER, "stopped at the provider"
    )


def opt_out_of_channel(
    recipient: Recipient, at: Instant, user_id: int, channel: Channel, source: OptOutSource, reason: str
) -> list[Event]:
    """Opting out of everything on a channel; nothing if that is how it stands already."""
    standings = [recipient.consent(channel, type_, at).status for type_ in ALL_TYPES]
    if all(status is ConsentStatus.OPTED_OUT for status in standings):
        return []
    return [OptedOut(at=at, user_id=user_id, channel=channel, message_types=ALL_TYPES, reason=reason, source=source)]


def fall_back(
    command: RecordAttempt, attempt: Attempt, message: Message, recipient: Recipient
) -> list[MessageDispatched]:
    """The other channel, after a provider refused this one: if the message is not there yet and may go there.

    Cap and quiet hours have let the message pass already. The budget is not asked again: what was refused is given
    back, and what the other channel costs is counted.
    """
    requested, other = message.requested, command.channel.other
    if requested is None or requested.wish is Wish.BOTH or other in message.deliveries:
        return []
    case = Case(
        recipient,
        requested.trigger_type,
        requested.priority,
        Wish(other),
        requested.segments,
        command.at,
        requested.limits,
    )
    decision = decide(case, REACHABLE)
    if decision.channels != (other,):
        return []
    usage = BudgetUsage(day=command.at.date())
    rejected = DecisionStep(
        "provider", 1, "refuse", command.channel, "rejected", {"provider": attempt.provider, "code": attempt.code}
    )
    redirect = DecisionStep("channel", 1, "redirect", other, "rejected", AS_ASKED[requested.wish].inputs)
    return dispatches(command.at, requested, recipient, _redirected(decision, rejected, redirect), usage, reserved=0)


def _redirected(decision: Decision, rejected: DecisionStep, redirect: DecisionStep) -> Decision:
    steps = (rejected, *decision.steps[:-1], redirect)
    return decision.model_copy(update={"fallback": True, "trail": trail_of(steps)})


def record_receipt(command: RecordReceipt, message: Message, recipient: Recipient) -> Sequence[Event]:
    if command.channel not in message.deliveries:
        raise UnknownMessage("there is no such message on this channel")
    events = [*_receipt(command, message), *_consequences(command, message, recipient)]
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
    delivery, fields = message.deliveries[command.channel], _fields(command, message, command.channel)
    provider, id_ = command.provider, command.provider_id
    match command.kind:
        case ReceiptKind.ACCEPTED:
            return _if_further(delivery, MessageSent(**fields, provider=provider, provider_id=id_, attempt=0))
        case ReceiptKind.DELIVERED:
            return _if_further(delivery, MessageDelivered(**fields, provider=provider, provider_id=id_))
        case ReceiptKind.UNDELIVERED | ReceiptKind.BOUNCED:
            why, reason = command.code, command.reason
            event = MessageUndelivered(**fields, provider=provider, provider_id=id_, code=why, reason=reason)
            return _if_further(delivery, event)
        case ReceiptKind.OPENED | ReceiptKind.CLICKED | ReceiptKind.COMPLAINED:
            return _engagement(command, message)
        case ReceiptKind.OTHER:
            return []


def _engagement(command: RecordReceipt, message: Message) -> list[Event]:
    """Who opens, clicks or complains has received it; who clicks has opened it."""
    delivery = message.deliveries[command.channel]
    fields = _fields(command, message, command.channel)
    events = _if_further(
        delivery, MessageDelivered(**fields, provider=command.provider, provider_id=command.provider_id, implied=True)
    )
    fields["was"] = DeliveryStatus.DELIVERED
    if not delivery.opened and command.kind is not ReceiptKind.COMPLAINED:
        events.append(MessageOpened(**fields))
    if not delivery.clicked and command.kind is ReceiptKind.CLICKED:
        events.append(MessageClicked(**fields))
    return events


def _consequences(command: RecordReceipt, message: Message, recipient: Recipient) -> list[Event]:
    reach, went_to = recipient.reach(command.channel), message.deliveries[command.channel].to
    match command.kind:
        case ReceiptKind.BOUNCED if went_to == reach.address and not reach.suppressed:
            reason = command.reason or "permanent bounce"
            return [AddressSuppressed(at=command.at, user_id=command.user_id, channel=command.channel, reason=reason)]
        case ReceiptKind.COMPLAINED:
            return opt_out_of_channel(
                recipient, command.at, command.user_id, command.channel, OptOutSource.COMPLAINT, "complaint"
            )
    return []


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
    return [ActionTaken(**_fields(command, message, channel), action=command.action)]

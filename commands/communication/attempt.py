"""The provider's answer to a dispatch: accepted, deferred, unknown or refused. After a refusal, the other channel."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from commands.communication.address_report import address_reported
from commands.communication.delivery import delivery_fields, if_further
from commands.communication.effects import NOT_ALLOWED
from commands.communication.message import case_of, dispatches, recount
from commands.communication.rules import AS_ASKED, REACHABLE, decide
from domain.communication.budget import BudgetUsage
from domain.communication.consent import AddressReported
from domain.communication.decision import Decision, DecisionStep, trail_of
from domain.communication.delivery import (
    DeliveryStatus,
    MessageDelivered,
    MessageRejected,
    MessageRetried,
    MessageSent,
    MessageUnconfirmed,
)
from domain.communication.kinds import Channel, Wish
from domain.communication.message import Message, MessageDispatched
from domain.communication.permanent_codes import fact_of
from domain.communication.recipient import Recipient
from domain.messages import Attempt, Event, ReplyAboutPerson, Result

SANDBOX = "sandbox"
"""The provider without receipts: an accepted message is delivered at once."""


ERASED = "erased"
"""The code of a connector for a message whose personal values were erased."""


class RecordAttempt(ReplyAboutPerson, name="communication.message.record_attempt.v1", key="user_id", subject="user_id"):
    """Record the provider's answer to a dispatch."""

    message_id: UUID
    user_id: int
    channel: Channel


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


def _accepted(command: RecordAttempt, attempt: Attempt, message: Message) -> Sequence[Event]:
    delivery, fields = message.deliveries[command.channel], delivery_fields(command.at, message, command.channel)
    provider, id_ = attempt.provider, attempt.provider_id
    sent = if_further(delivery, MessageSent(**fields, provider=provider, provider_id=id_, attempt=attempt.number))
    if not sent or provider != SANDBOX:
        return sent
    fields["was"] = DeliveryStatus.SENT
    return [*sent, MessageDelivered(**fields, provider=provider, provider_id=id_)]


def _retried(command: RecordAttempt, attempt: Attempt, message: Message) -> Sequence[Event]:
    retried = MessageRetried(
        **delivery_fields(command.at, message, command.channel),
        provider=attempt.provider,
        code=attempt.code,
        reason=command.reason,
        attempt=attempt.number,
        retry_at=attempt.retry_at,
    )
    return if_further(message.deliveries[command.channel], retried)


def _unconfirmed(command: RecordAttempt, attempt: Attempt, message: Message) -> Sequence[Event]:
    unconfirmed = MessageUnconfirmed(
        **delivery_fields(command.at, message, command.channel),
        provider=attempt.provider,
        reason=command.reason,
        attempt=attempt.number,
    )
    return if_further(message.deliveries[command.channel], unconfirmed)


def _rejected(command: RecordAttempt, attempt: Attempt, message: Message, recipient: Recipient) -> Sequence[Event]:
    delivery = message.deliveries[command.channel]
    if attempt.code == NOT_ALLOWED and delivery.perhaps_out:
        return _unconfirmed(command, attempt, message)
    event = MessageRejected(
        **delivery_fields(command.at, message, command.channel),
        provider=attempt.provider,
        code=attempt.code,
        reason=command.reason,
        attempt=attempt.number,
        refund=delivery.cost,
    )
    rejected = if_further(delivery, event)
    if not rejected:
        return []
    if attempt.code != ERASED:
        rejected += _address_events(command, attempt, message, recipient)
        rejected += fall_back(command, attempt, message, recipient)
    return [*rejected, *recount(command.at, message, rejected)]


def _address_events(
    command: RecordAttempt, attempt: Attempt, message: Message, recipient: Recipient
) -> Sequence[Event]:
    """What a permanent code says about the address of the message."""
    channel = command.channel
    fact = fact_of(channel, attempt.code)
    if fact is None:
        return []
    to = message.deliveries[channel].to
    report = AddressReported(at=command.at, user_id=command.user_id, channel=channel, address=to, fact=fact)
    return address_reported(recipient, report, command.reason)


def fall_back(
    command: RecordAttempt, attempt: Attempt, message: Message, recipient: Recipient
) -> list[MessageDispatched]:
    """The dispatch on the other channel after a refusal, if the message is not there yet and may go there.

    Cap and quiet hours have let the message pass already. The budget is not checked again: the refused cost is given
    back, and the other channel's cost is counted.
    """
    requested, other = message.requested, command.channel.other
    if requested is None or requested.wish is Wish.BOTH or other in message.deliveries:
        return []
    decision = decide(case_of(requested, recipient, Wish(other), command.at), REACHABLE)
    if decision.channels != (other,):
        return []
    usage = BudgetUsage(day=command.at.date())
    answer = {"provider": attempt.provider, "code": attempt.code}
    rejected = DecisionStep("provider", 1, "refuse", command.channel, "rejected", answer)
    redirect = DecisionStep("channel", 1, "redirect", other, "rejected", AS_ASKED[requested.wish].inputs)
    return dispatches(command.at, requested, recipient, _redirected(decision, rejected, redirect), usage, reserved=0)


def _redirected(decision: Decision, rejected: DecisionStep, redirect: DecisionStep) -> Decision:
    steps = (rejected, *decision.steps[:-1], redirect)
    return decision.model_copy(update={"fallback": True, "trail": trail_of(steps)})

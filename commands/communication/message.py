"""A message: its request, its dispatch at the due time, and its cancellation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from typing import Any
from uuid import UUID

from commands.communication.rules import ALL, REACHABLE, Case, cost_of, decide
from domain.communication.budget import BudgetUsage, Limits
from domain.communication.decision import Decision
from domain.communication.explanation import refusals
from domain.communication.kinds import TEMPLATE_VERSION, Priority, TriggerType, Wish
from domain.communication.message import (
    Message,
    MessageBlocked,
    MessageCancelled,
    MessageDispatched,
    MessageEvent,
    MessageHeld,
    MessagePhase,
    MessageRequested,
    ReservationReturned,
    evolve,
)
from domain.communication.prices import price
from domain.communication.recipient import ContactWithdrawn, Recipient, RecipientContacted
from domain.messages import Command, Event, Instant, Personal, Refused
from domain.money import Microcents


class NotSendable(Refused, name="communication.not_sendable", formerly="NotSendable"):
    """A rule refuses the message. Details: `reason`, and `decision` as in `domain.communication.decision.Decision`."""


class AlreadyOut(Refused, name="communication.already_out", formerly="AlreadyOut"):
    """A dispatched message cannot be cancelled."""


class AlreadyCancelled(Refused, name="communication.already_cancelled", formerly="AlreadyCancelled"):
    """The message was cancelled before."""


class UnknownMessage(Refused, name="communication.unknown_message", formerly="UnknownMessage"):
    """No message has this id."""


class RequestMessage(Command, name="communication.message.request.v1", key="user_id", subject="user_id"):
    """Request a message. `message_id` derives from the command's id; without a future `due_at` it is sent now.

    `segments` are those of its text message as rendered by the edge (they set the price of an SMS). `usage` is the
    spending as read by the edge: it spans all users, so it may lag behind commands that are decided at the same time.
    `counted_to` gives, for each partition, the sequence up to which it was counted. Answers MessageRequested; raises
    NotSendable if the rules leave no way.
    """

    message_id: UUID
    user_id: int
    trigger_type: TriggerType
    data: Personal[dict[str, Any]]
    wish: Wish
    priority: Priority
    due_at: Instant | None = None
    segments: int = 1
    limits: Limits = Limits()
    usage: BudgetUsage
    counted_to: dict[str, int] | None = None
    batch_id: UUID | None = None


class DispatchMessage(Command, name="communication.message.dispatch.v1", key="user_id", subject="user_id"):
    """Send a due message, if every rule still allows it.

    `reserved` is the reserved amount, `reservation` the version of the reserving event in the budget's stream of the
    month (0 in commands from before it was noted).
    """

    message_id: UUID
    user_id: int
    usage: BudgetUsage
    reserved: Microcents
    reservation: int = 0


class CancelMessage(Command, name="communication.message.cancel.v1", key="user_id", subject="user_id"):
    """Cancel a waiting message. Raises UnknownMessage, AlreadyOut or AlreadyCancelled."""

    message_id: UUID
    user_id: int


def request(command: RequestMessage, message: Message, recipient: Recipient) -> Sequence[Event]:
    if message.phase is not MessagePhase.ABSENT:
        return []
    later = command.due_at is not None and command.due_at > command.at
    decision = decide(_case(command, recipient, later), REACHABLE if later else ALL)
    if decision.verdict == "refuse":
        raise NotSendable(
            f"Message to user {command.user_id} not sent: {refusals(decision)}",
            reason=decision.reason,
            decision=decision.model_dump(mode="json"),
        )
    requested = _requested(command, decision, later)
    if later:
        return [requested]
    return [requested, *_sent_or_held(command.at, requested, recipient, decision, command.usage, reserved=0)]


def _case(command: RequestMessage, recipient: Recipient, later: bool) -> Case:
    return Case(
        recipient,
        command.trigger_type,
        command.priority,
        command.wish,
        command.segments,
        command.at,
        command.limits,
        usage=None if later else command.usage,
        counted={"counted_to": command.counted_to} if command.counted_to else None,
    )


def _requested(command: RequestMessage, decision: Decision, later: bool) -> MessageRequested:
    channels = decision.channels or command.wish.channels
    return MessageRequested(
        at=command.at,
        message_id=command.message_id,
        user_id=command.user_id,
        trigger_type=command.trigger_type,
        priority=command.priority,
        wish=command.wish,
        channels=channels,
        fallback=decision.fallback,
        due_at=command.due_at if later and command.due_at else command.at,
        data=command.data,
        segments=command.segments,
        cost=cost_of(channels, command.segments),
        limits=command.limits,
        batch_id=command.batch_id,
        decision=decision if later else None,
    )


def _sent_or_held(
    at: Instant,
    requested: MessageRequested,
    recipient: Recipient,
    decision: Decision,
    usage: BudgetUsage,
    reserved: Microcents,
) -> Sequence[Event]:
    if decision.until is not None:
        return [
            MessageHeld(
                at=at,
                message_id=requested.message_id,
                user_id=requested.user_id,
                until=decision.until,
                decision=decision,
                cost=requested.cost,
                limits=requested.limits,
                reserved=reserved,
                day=usage.day,
            )
        ]
    return [*dispatches(at, requested, recipient, decision, usage, reserved), *contacts(at, requested)]


def dispatches(
    at: Instant,
    requested: MessageRequested,
    recipient: Recipient,
    decision: Decision,
    usage: BudgetUsage,
    reserved: Microcents,
) -> list[MessageDispatched]:
    """One dispatch per channel of the decision; the first carries the reservation for all of them."""
    return [
        MessageDispatched(
            at=at,
            message_id=requested.message_id,
            user_id=requested.user_id,
            channel=channel,
            fallback=decision.fallback,
            trigger_type=requested.trigger_type,
            priority=requested.priority,
            to=recipient.reach(channel).address,
            data=requested.data,
            template=f"{requested.trigger_type}/{TEMPLATE_VERSION[requested.trigger_type]}",
            segments=requested.segments,
            cost=price(channel, requested.segments),
            day=usage.day,
            limits=requested.limits,
            reserved=reserved if number == 0 else 0,
            decision=decision,
        )
        for number, channel in enumerate(decision.channels)
    ]


def contacts(at: Instant, requested: MessageRequested) -> list[RecipientContacted]:
    """The contacts that count against the frequency cap: one per message that is not critical."""
    if requested.priority is Priority.CRITICAL:
        return []
    return [RecipientContacted(at=at, user_id=requested.user_id, message_id=requested.message_id)]


def recount(at: Instant, before: Message, events: Sequence[Event]) -> list[Event]:
    """The change to the frequency cap's count that follows from events of a message: only what may arrive counts."""
    requested, after = before.requested, reduce(evolve, (e for e in events if isinstance(e, MessageEvent)), before)
    if requested is None or before.may_have_arrived == after.may_have_arrived:
        return []
    if after.may_have_arrived:
        return [*contacts(at, requested)]
    if requested.priority is Priority.CRITICAL:
        return []
    return [ContactWithdrawn(at=at, user_id=requested.user_id, message_id=requested.message_id)]


def dispatch(command: DispatchMessage, message: Message, recipient: Recipient) -> Sequence[Event]:
    requested = message.requested
    if message.phase is not MessagePhase.WAITING or requested is None:
        return _returned(command)
    counted = {"reservation": command.reservation} if command.reservation else None
    case = case_of(requested, recipient, requested.wish, command.at)
    decision = decide(replace(case, usage=command.usage, counted=counted))
    if decision.verdict == "refuse":
        return [_blocked(command, decision)]
    return _sent_or_held(command.at, requested, recipient, decision, command.usage, command.reserved)


def case_of(requested: MessageRequested, recipient: Recipient, wish: Wish, at: Instant) -> Case:
    """The case of a message that was requested before, without the spending."""
    return Case(recipient, requested.trigger_type, requested.priority, wish, requested.segments, at, requested.limits)


def _blocked(command: DispatchMessage, decision: Decision) -> MessageBlocked:
    return MessageBlocked(
        at=command.at,
        message_id=command.message_id,
        user_id=command.user_id,
        reason=decision.reason,
        decision=decision,
        reserved=command.reserved,
        day=command.usage.day,
    )


def _returned(command: DispatchMessage) -> Sequence[Event]:
    if not command.reserved:
        return []
    return [
        ReservationReturned(
            at=command.at,
            message_id=command.message_id,
            user_id=command.user_id,
            reserved=command.reserved,
            day=command.usage.day,
        )
    ]


def cancel(command: CancelMessage, message: Message) -> Sequence[Event]:
    match message.phase:
        case MessagePhase.WAITING:
            return [MessageCancelled(at=command.at, message_id=command.message_id, user_id=command.user_id)]
        case MessagePhase.DISPATCHED:
            raise AlreadyOut("the message has been sent and cannot be cancelled")
        case MessagePhase.REVOKED:
            raise AlreadyCancelled("the message was called off before")
        case MessagePhase.ABSENT:
            raise UnknownMessage("there is no such message")

"""Explanations of messages: a sentence for each event (sent, held, redirected, not sent), from the event alone."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from domain.communication.decision import Decision, DecisionStep
from domain.communication.delivery import (
    ActionTaken,
    AnyDeliveryEvent,
    DeliveryEvent,
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
)
from domain.communication.failure_reasons import reason_of
from domain.communication.kinds import Channel
from domain.communication.message import (
    MessageBlocked,
    MessageCancelled,
    MessageDispatched,
    MessageEvent,
    MessageHeld,
    MessageRequested,
    ReservationReturned,
)

NAMES = {Channel.SMS: "SMS", Channel.EMAIL: "e-mail"}

BECAUSE = {
    "suppressed": "a provider reported its address as dead",
    "no_address": "there is no address to send to",
    "no_consent": "there is no consent for it",
    "pending_verification": "the phone number is not verified yet",
    "revoked": "consent for it was revoked",
    "opted_out": "the recipient has opted out of it",
    "preference_disabled": "the recipient's preferences switch it off",
    "frequency_cap": "as many messages as the recipient wants for now have reached them or are on their way",
    "quiet_hours": "it is outside the hours the recipient wants to be written to",
    "daily_budget_exceeded": "the daily budget is used up",
    "monthly_budget_exceeded": "the monthly budget is used up",
    "rejected": "the provider refused it there",
    "cancelled": "it was cancelled",
}
"""The reasons of rules, as the second half of a sentence."""


def refusals(decision: Decision) -> str:
    """The refusals of a decision, channel by channel, as half a sentence."""
    steps = [step for step in decision.steps if step.verdict == "refuse" and step.rule != "channel"]
    return " and ".join(dict.fromkeys(_refusal(step) for step in steps))


def _refusal(step: DecisionStep) -> str:
    because = BECAUSE[step.reason]
    return because if step.channel is None else f"by {NAMES[step.channel]} {because}"


def describe(event: MessageEvent) -> str | None:
    """The event as a sentence; None for an event without meaning for the message's fate."""
    match event:
        case MessageRequested():
            return _requested(event)
        case MessageHeld():
            return f"Held until {_moment(event.until)}: {BECAUSE[event.decision.reason]}."
        case MessageDispatched():
            return _dispatched(event)
        case MessageBlocked():
            return f"Not sent: {refusals(event.decision)}."
        case MessageCancelled():
            return "Not sent: it was cancelled."
        case ReservationReturned() | ReceiptNoted():
            return None
        case DeliveryEvent():
            return _delivery(event)
        case _:
            assert_never(event)


def _requested(event: MessageRequested) -> str:
    asked = f"Asked for as {event.trigger_type} by {event.wish} with {event.priority} priority"
    if event.decision is None:
        return f"{asked}, to be sent at once."
    return f"{asked}, to be sent at {_moment(event.due_at)}; everything is decided again then."


def _dispatched(event: MessageDispatched) -> str:
    sent = f"Sent by {NAMES[event.channel]}"
    if event.fallback:
        redirect = next((step for step in event.decision.steps if step.verdict == "redirect"), None)
        because = BECAUSE[redirect.reason] if redirect is not None else "the other channel was closed"
        return f"{sent} instead of {NAMES[event.channel.other]}, because {because}."
    return f"{sent}: the recipient agreed to it, and no rule stood in the way."


def _delivery(event: AnyDeliveryEvent) -> str:
    match event:
        case MessageOpened():
            return f"The {NAMES[event.channel]} was opened."
        case MessageClicked():
            return f"A link in the {NAMES[event.channel]} was followed."
        case ActionTaken():
            return "The recipient acted on it" + (f": {event.action}." if event.action else ".")
        case _:
            return _answer(event)


def _answer(event: ProviderEvent) -> str:
    name = NAMES[event.channel]
    match event:
        case MessageSent():
            return f"{event.provider} accepted the {name}."
        case MessageDelivered():
            return f"The {name} arrived."
        case MessageRejected():
            return f"{event.provider} refused the {name}: {reason_of(event.code, event.reason)}."
        case MessageUndelivered():
            return f"The {name} did not arrive: {reason_of(event.code, event.reason)}."
        case MessageRetried():
            why = "" if event.reason is None else f": {event.reason}"
            return f"{event.provider} put the {name} off{why}. It is tried again."
        case MessageUnconfirmed():
            why = "" if event.reason is None else f" ({event.reason})"
            return f"The {name} may have gone out: {event.provider} did not answer{why}."
        case _:
            assert_never(event)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"

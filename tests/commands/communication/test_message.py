"""Asking for a message, sending it later, calling it off."""

from __future__ import annotations

import pytest

from commands.communication.message import AlreadyCancelled, AlreadyOut, NotSendable, UnknownMessage
from domain.communication.budget import BudgetUsage, Limits
from domain.communication.kinds import Channel, Wish
from domain.communication.message import (
    MessageBlocked,
    MessageCancelled,
    MessageDispatched,
    MessageHeld,
    MessageRequested,
    ReservationReturned,
)
from domain.communication.recipient import RecipientContacted
from tests.commands.communication.people import (
    ADA,
    ADDRESS,
    DAY,
    HOUR,
    MESSAGE,
    NOW,
    PHONE,
    STORY,
    agreed,
    ask,
    cancel,
    dispatched,
    due,
    opted_out,
    requested,
    wants,
)

SMS, EMAIL = Channel.SMS, Channel.EMAIL
CANCELLED = MessageCancelled(at=NOW, message_id=MESSAGE, user_id=ADA)


@pytest.mark.parametrize("when", [None, NOW, NOW - DAY])
def test_a_message_without_a_time_or_with_a_past_one_goes_out_at_once(when: object) -> None:
    story = STORY.given(agreed(SMS)).when(ask(due_at=when)).then_kinds(MessageRequested, MessageDispatched)
    assert story.produced[0].due_at == NOW  # type: ignore[attr-defined]


def test_a_message_for_later_costs_one_event_and_waits() -> None:
    story = STORY.given(agreed(SMS)).when(ask(due_at=NOW + HOUR, priority="low")).then_kinds(MessageRequested)
    assert story.produced[0].decision is not None  # type: ignore[attr-defined]


def test_a_message_for_later_is_refused_at_once_when_nobody_may_be_written_to() -> None:
    STORY.when(ask(due_at=NOW + HOUR)).then_refused(NotSendable)


def test_a_message_for_later_does_not_ask_the_budget_yet() -> None:
    spent = BudgetUsage(day=NOW.date(), daily=10**12)
    STORY.given(agreed(SMS)).when(ask(due_at=NOW + HOUR, usage=spent)).then_kinds(MessageRequested)


def test_what_goes_out_carries_the_address_the_words_and_the_price_of_its_channel() -> None:
    story = STORY.given(agreed(SMS), agreed(EMAIL)).when(ask(wish=Wish.BOTH, segments=2))
    story.then_kinds(MessageRequested, MessageDispatched, MessageDispatched)
    sms, email = story.produced[1:]
    assert isinstance(sms, MessageDispatched)
    assert isinstance(email, MessageDispatched)
    assert (sms.to, sms.cost, sms.data, sms.template) == (PHONE, 10_000_000, {"amount": 100.5}, "financial_alert/1")
    assert (email.to, email.cost) == (ADDRESS, 100_000)


def test_the_same_message_is_not_asked_for_twice() -> None:
    STORY.given(agreed(SMS), requested()).when(ask()).then_nothing()


def test_a_waiting_message_goes_out_when_its_time_has_come() -> None:
    story = STORY.given(agreed(SMS), requested()).when(due()).then_kinds(MessageDispatched)
    assert story.produced[0].reserved == 5_000_000  # type: ignore[attr-defined]


def test_consent_is_asked_for_again_at_the_moment_of_sending() -> None:
    story = STORY.given(agreed(SMS), requested(), opted_out(SMS)).when(due()).then_kinds(MessageBlocked)
    blocked = story.produced[0]
    assert isinstance(blocked, MessageBlocked)
    assert (blocked.reason, blocked.reserved) == ("opted_out", 5_000_000)


def test_a_waiting_message_takes_the_other_channel_if_only_that_is_left() -> None:
    story = STORY.given(agreed(SMS), agreed(EMAIL), requested(), opted_out(SMS)).when(due())
    story.then_kinds(MessageDispatched)
    assert (story.produced[0].channel, story.produced[0].fallback) == (EMAIL, True)  # type: ignore[attr-defined]


def test_a_waiting_message_that_falls_into_the_night_is_held_again() -> None:
    night = wants(time_zone="America/Los_Angeles")
    STORY.given(agreed(SMS), night, requested(priority="low")).when(due()).then_kinds(MessageHeld)


def test_a_waiting_message_is_blocked_when_the_budget_has_nothing_left() -> None:
    limits = Limits(daily=5_000_000)
    used = BudgetUsage(day=NOW.date(), daily=1)
    story = STORY.given(agreed(SMS), requested(limits=limits)).when(due(reserved=0, usage=used))
    story.then_kinds(MessageBlocked)
    assert story.produced[0].reason == "daily_budget_exceeded"  # type: ignore[attr-defined]


def test_a_message_that_is_not_critical_counts_against_the_cap_when_it_goes_out_not_before() -> None:
    waiting = STORY.given(agreed(SMS)).when(ask(due_at=NOW + HOUR, priority="low")).then_kinds(MessageRequested)
    waiting.when(due()).then_kinds(MessageDispatched, RecipientContacted)


def test_a_timer_that_rings_twice_sends_once() -> None:
    STORY.given(agreed(SMS), requested(), dispatched()).when(due(reserved=0)).then_nothing()


def test_a_cancelled_message_never_reaches_a_provider() -> None:
    STORY.given(agreed(SMS), requested()).when(cancel()).then(CANCELLED).when(due(reserved=0)).then_nothing()


def test_money_set_aside_for_a_cancelled_message_is_given_back() -> None:
    story = STORY.given(agreed(SMS), requested(), CANCELLED).when(due()).then_kinds(ReservationReturned)
    assert story.produced[0].reserved == 5_000_000  # type: ignore[attr-defined]


def test_a_dispatched_message_cannot_be_cancelled() -> None:
    STORY.given(requested(), dispatched()).when(cancel()).then_refused(AlreadyOut)


def test_a_message_is_cancelled_once() -> None:
    STORY.given(requested(), CANCELLED).when(cancel()).then_refused(AlreadyCancelled)


def test_what_was_never_asked_for_cannot_be_cancelled() -> None:
    STORY.when(cancel()).then_refused(UnknownMessage)

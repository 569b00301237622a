"""Each rule of the pipeline, its reasons, and what it leaves on record."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from commands.communication.message import NotSendable
from commands.communication.rules import ALL, Case, decide
from domain.communication.budget import BudgetUsage, Limits
from domain.communication.decision import Decision, DecisionStep
from domain.communication.explanation import BECAUSE
from domain.communication.kinds import BOTH_CHANNELS, Channel, Priority, Wish
from domain.communication.message import MessageDispatched, MessageHeld, MessageRequested
from domain.communication.preferences import QuietHours
from domain.communication.recipient import (
    FREQUENCY_CAP,
    ContactWithdrawn,
    Recipient,
    RecipientContacted,
    evolve,
)
from domain.messages import Event
from tests.commands.communication.people import (
    ADA,
    ALERT,
    DAY,
    HOUR,
    NOW,
    REPORT,
    STORY,
    agreed,
    ask,
    asked_for_code,
    bounced,
    contacted,
    opted_out,
    revoked,
    wants,
)

SMS, EMAIL = Channel.SMS, Channel.EMAIL


def decided(*history: Event, at: datetime = NOW, **more: Any) -> Decision:
    recipient = Recipient()
    for event in history:
        recipient = evolve(recipient, event)  # type: ignore[arg-type]
    given: dict[str, Any] = {
        "trigger_type": ALERT,
        "priority": Priority.MEDIUM,
        "wish": Wish.SMS,
        "segments": 1,
        "limits": Limits(),
        "usage": BudgetUsage(day=at.date()),
    }
    return decide(Case(recipient=recipient, at=at, **given | more))


def step(decision: Decision, rule: str, channel: Channel | None = None) -> DecisionStep:
    (found,) = [one for one in decision.steps if one.rule == rule and one.channel is channel]
    return found


def test_a_message_goes_out_on_the_channel_asked_for_when_every_rule_allows_it() -> None:
    decision = decided(agreed(SMS))
    assert (decision.verdict, decision.channels, decision.fallback) == ("allow", (SMS,), False)
    assert [one.rule for one in decision.steps] == [
        "suppression",
        "consent",
        "preferences",
        "frequency_cap",
        "quiet_hours",
        "channel",
        "budget",
    ]


def test_nobody_is_written_to_who_never_agreed() -> None:
    decision = decided()
    assert (decision.verdict, decision.reason, decision.channels) == ("refuse", "no_consent", ())


def test_the_consent_that_a_decision_rests_on_is_named_by_its_place_in_the_stream() -> None:
    decision = decided(wants(), agreed(EMAIL), agreed(SMS))
    assert step(decision, "consent", SMS).inputs == {"consent": 3}
    assert step(decision, "preferences", SMS).inputs == {"preferences": 1}


def test_a_number_that_is_not_verified_gets_no_message() -> None:
    assert decided(asked_for_code()).reason == "pending_verification"


@pytest.mark.parametrize(("taken_back", "reason"), [(opted_out(SMS), "opted_out"), (revoked(SMS), "revoked")])
@pytest.mark.parametrize("priority", Priority)
def test_no_priority_passes_an_opt_out_or_a_revocation(taken_back: Event, reason: str, priority: Priority) -> None:
    assert decided(agreed(SMS), taken_back, priority=priority).reason == reason


def test_consent_is_kept_for_each_kind_of_message() -> None:
    history = agreed(EMAIL, (REPORT,))
    assert decided(history, wish=Wish.EMAIL, trigger_type=REPORT).verdict == "allow"
    assert decided(history, wish=Wish.EMAIL, trigger_type=ALERT).reason == "no_consent"


def test_a_later_grant_brings_consent_back() -> None:
    assert decided(agreed(EMAIL), opted_out(EMAIL), agreed(EMAIL), wish=Wish.EMAIL).verdict == "allow"


def test_a_dead_address_gets_nothing_until_another_one_is_given() -> None:
    assert decided(agreed(EMAIL), bounced(EMAIL), wish=Wish.EMAIL).reason == "suppressed"
    again = agreed(EMAIL, new_address=False)
    assert decided(agreed(EMAIL), bounced(EMAIL), again, wish=Wish.EMAIL).reason == "suppressed"
    moved = agreed(EMAIL, address="ada@new.example.com")
    assert decided(agreed(EMAIL), bounced(EMAIL), moved, wish=Wish.EMAIL).verdict == "allow"


def test_a_person_whose_data_was_erased_has_no_address_to_write_to() -> None:
    assert decided(agreed(SMS, address=None)).reason == "no_address"


@pytest.mark.parametrize("off", [{"sms_enabled": False}, {"alert_types_sms": {ALERT: False}}])
@pytest.mark.parametrize("priority", Priority)
def test_no_priority_passes_a_switch_that_is_off(off: dict[str, Any], priority: Priority) -> None:
    assert decided(agreed(SMS), wants(**off), priority=priority).reason == "preference_disabled"


def test_a_switch_that_is_unset_is_on() -> None:
    assert decided(agreed(SMS), wants(alert_types_sms={REPORT: False})).verdict == "allow"


def test_a_message_falls_back_to_the_channel_that_is_allowed() -> None:
    decision = decided(agreed(EMAIL))
    assert (decision.channels, decision.fallback) == ((EMAIL,), True)
    assert step(decision, "channel", EMAIL).reason == "no_consent"


@pytest.mark.parametrize("off", [{"email_enabled": False}, {"alert_types_email": {ALERT: False}}])
def test_a_fallback_respects_the_switches_of_the_other_channel(off: dict[str, Any]) -> None:
    assert decided(agreed(EMAIL), wants(**off)).verdict == "refuse"


def test_both_channels_means_every_one_that_is_allowed_and_is_no_fallback() -> None:
    assert decided(agreed(SMS), agreed(EMAIL), wish=Wish.BOTH).channels == BOTH_CHANNELS
    alone = decided(agreed(EMAIL), wish=Wish.BOTH)
    assert (alone.channels, alone.fallback) == ((EMAIL,), False)


@pytest.mark.parametrize(("frequency", "days"), [("daily", 1), ("weekly", 7), ("monthly", 30)])
def test_the_frequency_preference_caps_what_goes_out_in_its_rolling_window(frequency: str, days: int) -> None:
    window = timedelta(days=days)
    full = [contacted(NOW - window + timedelta(seconds=n + 1)) for n in range(FREQUENCY_CAP)]
    history = (agreed(SMS), wants(frequency_preference=frequency), *full)
    assert decided(*history).reason == "frequency_cap"
    assert decided(*history, at=NOW + timedelta(seconds=1)).verdict == "allow"


def test_critical_messages_pass_the_frequency_cap_and_do_not_count_against_it() -> None:
    full = [contacted(NOW - HOUR)] * FREQUENCY_CAP
    assert decided(agreed(SMS), *full, priority=Priority.CRITICAL).verdict == "allow"
    STORY.given(agreed(SMS)).when(ask()).then_kinds(MessageRequested, MessageDispatched)
    STORY.given(agreed(SMS)).when(ask(priority="high")).then_kinds(
        MessageRequested, MessageDispatched, RecipientContacted
    )


def test_a_capped_message_is_refused_and_says_when_there_is_room_again() -> None:
    full = [contacted(NOW - DAY)] * FREQUENCY_CAP
    capped = step(decided(agreed(SMS), *full), "frequency_cap", SMS)
    assert capped.version == 2
    assert capped.inputs == {
        "preferences": 0,
        "frequency": "weekly",
        "contacts": [2, 3, 4, 5, 6],
        "sent_in_window": 5,
        "cap": 5,
        "free_at": (NOW + 6 * DAY).isoformat(),
    }


def test_a_longer_window_counts_what_went_out_before_it_became_longer() -> None:
    daily = [contacted(NOW - n * DAY) for n in (9, 8, 7, 6, 5, 4, 3)]
    capped = step(decided(agreed(SMS), *daily, wants(frequency_preference="monthly")), "frequency_cap", SMS)
    assert capped.inputs["sent_in_window"] == len(daily)
    assert capped.inputs["free_at"] == (NOW - 7 * DAY + 30 * DAY).isoformat()


def test_only_what_may_have_reached_the_person_counts() -> None:
    out = [RecipientContacted(at=NOW - HOUR, user_id=ADA, message_id=UUID(int=n)) for n in range(FREQUENCY_CAP)]
    refused = ContactWithdrawn(at=NOW, user_id=ADA, message_id=UUID(int=2))
    assert decided(agreed(SMS), *out).reason == "frequency_cap"
    assert "have reached them or are on their way" in BECAUSE["frequency_cap"]
    allowed = step(decided(agreed(SMS), *out, refused), "frequency_cap", SMS)
    assert (allowed.verdict, allowed.version, allowed.inputs["contacts"]) == ("allow", 2, [2, 3, 5, 6])


@pytest.mark.parametrize(("wish", "asked"), [(Wish.SMS, "sms"), (Wish.EMAIL, "email"), (Wish.BOTH, "both")])
def test_a_refusal_says_what_was_asked_for(wish: Wish, asked: str) -> None:
    chosen = step(decided(wish=wish), "channel")
    assert (chosen.version, chosen.verdict, chosen.reason, chosen.inputs) == (
        1,
        "refuse",
        "no_consent",
        {"asked": asked},
    )


def test_quiet_hours_hold_a_message_until_they_end_in_the_recipients_zone() -> None:
    asleep = wants(time_zone="America/Los_Angeles")  # two in the morning, there
    decision = decided(agreed(SMS), asleep)
    assert (decision.verdict, decision.until) == ("hold", NOW.replace(hour=16))
    assert step(decision, "quiet_hours", SMS).inputs["local_time"] == "2025-01-27T02:00:00-08:00"


def test_nobody_has_quiet_hours_whose_zone_is_unknown_and_who_set_none() -> None:
    assert decided(agreed(SMS), at=NOW.replace(hour=3)).verdict == "allow"


def test_quiet_hours_that_were_set_hold_in_utc_when_no_zone_is_known() -> None:
    night = wants(quiet_hours=QuietHours(start=time(9), end=time(11)))
    assert decided(agreed(SMS), night).until == NOW.replace(hour=11)


def test_critical_messages_pass_quiet_hours_and_preferred_times() -> None:
    night = wants(
        quiet_hours=QuietHours(start=time(9), end=time(11)), preferred_sms_time=time(12), chosen=("preferred_sms_time",)
    )
    assert decided(agreed(SMS), night, priority=Priority.CRITICAL).verdict == "allow"


def test_a_held_channel_is_waited_for_and_not_replaced_by_the_other() -> None:
    night = wants(quiet_hours=QuietHours(start=time(9), end=time(11)))
    assert decided(agreed(SMS), agreed(EMAIL), night).verdict == "hold"


@pytest.mark.parametrize(
    ("usage", "reason"),
    [
        ({"daily": 100}, "daily_budget_exceeded"),
        ({"monthly": 1000}, "monthly_budget_exceeded"),
    ],
)
@pytest.mark.parametrize("priority", Priority)
def test_what_does_not_fit_the_budget_is_not_sent(usage: dict[str, int], reason: str, priority: Priority) -> None:
    limits = Limits(daily=5_000_099, monthly=5_000_999)
    spent = BudgetUsage(day=NOW.date(), **usage)
    decision = decided(agreed(SMS), limits=limits, usage=spent, priority=priority)
    assert (decision.verdict, decision.reason) == ("refuse", reason)
    fits = decided(
        agreed(SMS), limits=limits, usage=BudgetUsage(day=NOW.date(), daily=99, monthly=999), priority=priority
    )
    assert fits.verdict == "allow"


def test_the_budget_counts_every_channel_and_every_segment() -> None:
    decision = decided(agreed(SMS), agreed(EMAIL), wish=Wish.BOTH, segments=3)
    assert step(decision, "budget").inputs["cost"] == 3 * 5_000_000 + 100_000


def test_a_refusal_tells_the_caller_why_channel_by_channel() -> None:
    story = STORY.given(opted_out(SMS)).when(ask()).then_refused(NotSendable)
    assert story.refusal is not None
    assert story.refusal.sentence == (
        f"Message to user {ADA} not sent: by SMS the recipient has opted out of it "
        "and by e-mail there is no consent for it"
    )
    assert story.refusal.details["reason"] == "opted_out"


def test_a_decision_is_the_same_when_it_is_read_back_from_the_log() -> None:
    decision = decided(agreed(EMAIL))
    again = Decision.model_validate_json(decision.model_dump_json())
    assert again == decision
    assert again.steps == decision.steps


def test_the_order_of_the_rules_is_the_stated_one() -> None:
    assert [rule.__name__ for rule in ALL] == [
        "suppression",
        "consent",
        "preferences",
        "frequency_cap",
        "quiet_hours",
    ]


def test_a_held_message_is_recorded_as_held() -> None:
    night = wants(time_zone="America/Los_Angeles")
    story = STORY.given(agreed(SMS), night).when(ask(priority="low")).then_kinds(MessageRequested, MessageHeld)
    assert story.produced[1].until == NOW.replace(hour=16)  # type: ignore[attr-defined]

"""The words, and money to the last microcent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.communication.kinds import ALL_TYPES, TRIGGERS, Channel, Priority, TriggerType, Wish, types_named
from domain.communication.prices import price
from domain.money import DOLLAR, dollars, microcents


def test_every_trigger_type_has_its_defaults() -> None:
    defaults = {type_.value: (t.default_channel.value, t.default_priority.value) for type_, t in TRIGGERS.items()}
    assert defaults == {
        "financial_alert": ("sms", "critical"),
        "payment_reminder": ("sms", "high"),
        "weekly_checkin": ("email", "medium"),
        "monthly_report": ("email", "low"),
        "career_insight": ("email", "low"),
        "educational_content": ("email", "low"),
    }


def test_a_name_stands_for_one_type_or_for_all() -> None:
    assert types_named("all") == ALL_TYPES == tuple(TriggerType)
    assert types_named("monthly_report") == (TriggerType.MONTHLY_REPORT,)
    with pytest.raises(ValueError, match="unknown_trigger"):
        types_named("unknown_trigger")


def test_a_wish_names_its_channels() -> None:
    assert [wish.channels for wish in Wish] == [(Channel.SMS,), (Channel.EMAIL,), (Channel.SMS, Channel.EMAIL)]
    assert Channel.SMS.other is Channel.EMAIL
    assert [priority.value for priority in Priority] == ["critical", "high", "medium", "low"]


def test_prices_are_those_of_the_document() -> None:
    assert dollars(price(Channel.SMS, 1)) == 0.05
    assert dollars(price(Channel.SMS, 3)) == 0.15
    assert dollars(price(Channel.EMAIL, 3)) == 0.001
    assert dollars(price(Channel.SMS, 1) + price(Channel.EMAIL, 1)) == 0.051


@given(st.integers(0, 10**9))
def test_dollars_read_back_are_the_same_amount(cents: int) -> None:
    amount = cents * DOLLAR // 100
    assert microcents(dollars(amount)) == amount

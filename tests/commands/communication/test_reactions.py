"""The whole way of a message: command, decision, provider, receipt, read models."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time, timedelta
from typing import Any

import pytest

from commands.communication.delivery import RecordReceipt
from commands.communication.effects import SendMail, SendText, SendVerificationCode
from commands.communication.message import CancelMessage
from commands.communication.opt_out import OptOut
from commands.communication.preferences import UpdatePreferences
from commands.communication.receipt import RecordUnmatchedReceipt
from commands.communication.receipt_kinds import ReceiptKind
from domain.communication.budget import BudgetThresholdReached, Limits
from domain.communication.kinds import Channel, Wish
from domain.communication.preferences import PreferenceChanges, QuietHours
from domain.communication.receipt import ReceiptUnmatched
from streams.core.calls import Accepted, Deferred, Rejected, Unknown, Verdict
from streams.core.envelope import Status
from tests.commands.communication.people import ADA, DAY, HOUR, NOW
from tests.commands.communication.world import World


@pytest.fixture
def world() -> World:
    world = World()
    world.agree()
    world.run()
    world.sent.clear()
    return world


def test_a_message_reaches_the_provider_with_its_address_its_template_and_its_data(world: World) -> None:
    message = world.ask()
    world.run()
    (text,) = world.sent
    assert isinstance(text, SendText)
    assert (text.message_id, text.to, text.template, text.data) == (
        message,
        "+15005550007",
        "financial_alert/1",
        {"amount": 100.5},
    )
    assert world.delivery(message)["part"] == "sent"


def test_a_verification_code_goes_to_the_number_and_is_in_no_event() -> None:
    world = World()
    world.agree()
    world.run()
    (effect,) = world.sent
    assert isinstance(effect, SendVerificationCode)
    assert effect.to == "+15005550007"
    assert set(SendVerificationCode.model_fields) == {"user_id", "verification_id", "to"}


def test_a_message_to_both_channels_is_one_task_with_two_dispatches(world: World) -> None:
    message = world.ask(wish=Wish.BOTH)
    world.run()
    assert {type(effect) for effect in world.sent} == {SendText, SendMail}
    assert {effect.message_id for effect in world.sent} == {message}


def test_a_message_for_later_goes_out_at_its_time_and_not_before(world: World) -> None:
    message = world.ask(due_at=NOW + HOUR)
    world.run(HOUR - timedelta(minutes=1))
    assert world.sent == []
    world.run(timedelta(minutes=1))
    assert [effect.message_id for effect in world.sent] == [message]


def test_a_cancelled_message_never_reaches_a_provider_and_costs_nothing(world: World) -> None:
    message = world.ask(due_at=NOW + HOUR)
    world.do(CancelMessage(at=NOW, message_id=message, user_id=ADA))
    world.run(2 * HOUR)
    assert world.sent == []
    assert (world.message(message)["phase"], world.usage().daily) == ("revoked", 0)


def test_a_held_message_goes_out_when_the_window_opens(world: World) -> None:
    night = QuietHours(start=time(9), end=time(11))
    world.do(UpdatePreferences(at=NOW, user_id=ADA, changes=PreferenceChanges(quiet_hours=night)))
    message = world.ask(priority="low")
    assert world.message(message)["held_until"] == NOW + HOUR
    world.run(HOUR)
    assert [effect.message_id for effect in world.sent] == [message]


def test_a_passing_failure_is_tried_again_until_it_is_accepted(world: World) -> None:
    answers: Iterator[Verdict] = iter(
        [Deferred("429", "slow down", 60.0), Deferred("429", "slow down", 60.0), Accepted("x")]
    )
    world.provider = lambda _effect, _key: next(answers)
    message = world.ask()
    world.run()
    assert world.delivery(message)["part"] == "retrying"
    world.run(HOUR)
    assert world.delivery(message)["part"] == "sent"


def test_an_opt_out_between_two_tries_stops_the_second(world: World) -> None:
    world.provider = lambda _effect, _key: Deferred("429", "slow down", 600.0)
    message = world.ask()
    world.run()
    world.do(OptOut(at=NOW, user_id=ADA))
    world.run(HOUR)
    assert (world.delivery(message)["part"], len(world.sent)) == ("rejected", 1)
    assert world.usage().daily == 0


def test_a_message_of_unknown_fate_is_never_sent_again_by_itself(world: World) -> None:
    world.provider = lambda _effect, _key: Unknown("timed out")
    message = world.ask()
    world.run(DAY)
    assert (world.delivery(message)["part"], len(world.sent)) == ("unconfirmed", 1)
    world.do(
        RecordReceipt(
            at=NOW,
            message_id=message,
            user_id=ADA,
            channel=Channel.SMS,
            provider="twilio",
            provider_id="SM9",
            kind=ReceiptKind.DELIVERED,
            word="delivered",
        )
    )
    assert (world.delivery(message)["part"], world.delivery(message)["provider_id"]) == ("delivered", "SM9")


def test_a_rejected_message_costs_nothing_and_its_fallback_what_it_costs(world: World) -> None:
    def refuse_texts(effect: Any, _key: str) -> Verdict:
        return Rejected("21211", "no such number") if isinstance(effect, SendText) else Accepted("x")

    world.provider = refuse_texts
    message = world.ask()
    world.run()
    assert world.delivery(message, Channel.EMAIL)["part"] == "sent"
    assert world.usage().daily == 100_000


def test_a_batch_of_waiting_messages_spends_no_more_than_the_budget(world: World) -> None:
    for _ in range(5):
        world.ask(due_at=NOW + HOUR, limits=Limits(daily=10_000_000))
    world.run(HOUR)
    assert len(world.sent) == 2
    assert world.usage().daily == 10_000_000


def test_the_budgets_thresholds_are_recorded_once(world: World) -> None:
    for _ in range(3):
        world.ask(limits=Limits(daily=10_000_000, monthly=10_000_000))
        world.run()
    reached = [fact for fact in world.facts() if isinstance(fact, BudgetThresholdReached)]
    assert sorted((fact.period, fact.percent) for fact in reached) == [
        ("daily", 80),
        ("daily", 100),
        ("monthly", 80),
        ("monthly", 100),
    ]


def test_a_report_on_an_unknown_message_is_kept_once(world: World) -> None:
    command = RecordUnmatchedReceipt(at=NOW, provider="twilio", provider_id="SM0", word="delivered")
    assert world.do(command).only(ReceiptUnmatched).provider_id == "SM0"
    assert world.do(command).status is Status.UNCHANGED

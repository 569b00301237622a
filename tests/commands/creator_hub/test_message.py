"""Messages: parts in order, answers, reports before and after them, and what they say about the member."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from commands.creator_hub.effects import AnswerMember, SendToMember
from commands.creator_hub.message import ReceiptStatus, RecordReceipt
from domain.calls.chat import CREDENTIALS, UNREACHABLE_RECIPIENT, WINDOW_CLOSED
from domain.creator_hub.channel import ChannelDeactivated
from domain.creator_hub.kinds import ChannelType
from domain.creator_hub.member import OptedOut, WindowClosed
from domain.creator_hub.message import (
    MessageDelivered,
    MessageFailed,
    MessagePutOff,
    MessageQueued,
    MessageRead,
    MessageSent,
    MessageUnconfirmed,
    PartSent,
)
from streams.core.calls import Accepted, Deferred, Rejected, Unknown, Verdict
from tests.commands.creator_hub.world import CREATOR, DAY, HOUR, NOW, World, id_of, refused, replied, send

LONG = "A sentence of some length. " * 400


@pytest.fixture
def world() -> World:
    one = World()
    one.channel(ChannelType.TELEGRAM)
    return one


def says(world: World, number: int = 1) -> None:
    world.says("ada", "hello", ChannelType.TELEGRAM, number)


def sends(world: World) -> list[SendToMember]:
    return [call for call in world.calls if isinstance(call, SendToMember)]


def report(world: World, status: ReceiptStatus, code: str | None = None, part: int = 1) -> None:
    queued = world.facts(MessageQueued)[-1]
    world.do(
        RecordReceipt(
            at=NOW,
            creator_id=CREATOR,
            user_id=queued.user_id,
            message_id=queued.message_id,
            part=part,
            status=status,
            provider_id="p",
            code=code,
            reason=None,
        )
    )


def test_a_message_goes_to_the_members_address_and_is_sent(world: World) -> None:
    says(world)
    (sent,) = sends(world)
    assert (sent.to, sent.text, sent.part) == ("ada", "An answer.", 1)
    assert [one.ai for one in world.facts(MessageSent)] == [True]


def test_parts_go_out_one_after_the_other(world: World) -> None:
    world.model = False
    says(world)
    world.enroll(world.member("ada", ChannelType.TELEGRAM), world.program(send("one", LONG)))
    assert [one.part for one in sends(world)] == [1, 2, 3]
    assert [one.part for one in world.facts(PartSent)] == [1, 2]
    assert len(world.facts(MessageSent)) == 1


def test_without_an_answer_a_message_is_unconfirmed_and_never_sent_again(world: World) -> None:
    world.answers[SendToMember] = lambda _effect: Unknown("cut")
    says(world)
    world.wait(3 * DAY)
    assert len(sends(world)) == 1
    assert len(world.facts(MessageUnconfirmed)) == 1
    report(world, ReceiptStatus.DELIVERED)
    assert [one.confirms for one in world.facts(MessageDelivered)] == [True]


def test_a_provider_that_is_away_puts_off_in_rounds_and_then_fails(world: World) -> None:
    world.answers[SendToMember] = lambda _effect: Deferred("away", "down")
    says(world)
    world.wait(4 * DAY)
    assert len(world.facts(MessagePutOff)) == 6
    assert [one.code for one in world.facts(MessageFailed)] == ["away"]


def test_after_a_round_that_was_put_off_it_goes_out_once(world: World) -> None:
    world.answers[SendToMember] = lambda _effect: Deferred("away", "down")
    says(world)
    world.wait(HOUR)
    world.answers[SendToMember] = lambda _effect: Accepted("p")
    world.wait(DAY)
    assert len(world.facts(MessageSent)) == 1


def test_a_blocked_bot_stops_everything_until_the_member_writes(world: World) -> None:
    world.answers[SendToMember] = refused(UNREACHABLE_RECIPIENT)
    says(world)
    assert [one.source for one in world.facts(OptedOut)] == ["blocked"]
    world.answers[SendToMember] = lambda _effect: Accepted("p")
    says(world, 2)
    assert len(world.facts(MessageSent)) == 1


def test_a_closed_window_is_known_from_the_provider(world: World) -> None:
    world.answers[SendToMember] = refused(WINDOW_CLOSED)
    says(world)
    assert [one.code for one in world.facts(MessageFailed)] == ["outside_window"]
    assert len(world.facts(WindowClosed)) == 1


def test_refused_credentials_make_the_channel_inactive_unless_they_were_replaced(world: World) -> None:
    world.answers[SendToMember] = refused(CREDENTIALS, {"vault": "older"})
    says(world)
    assert world.facts(ChannelDeactivated) == []
    vault = id_of(id_of(CREATOR, ChannelType.TELEGRAM), "vault")
    world.answers[SendToMember] = refused(CREDENTIALS, {"vault": vault})
    says(world, 2)
    assert [one.code for one in world.facts(ChannelDeactivated)] == ["credentials_refused"]


def test_a_report_that_overtakes_the_answer_counts_and_the_answer_then_changes_nothing(world: World) -> None:
    answers: Iterator[Verdict] = iter([Deferred("slow", "wait", 60.0), Accepted("p")])
    world.answers[SendToMember] = lambda _effect: next(answers)
    says(world)
    report(world, ReceiptStatus.DELIVERED)
    world.wait(timedelta(minutes=5))
    assert len(world.facts(MessageSent)) == 1
    assert len(world.facts(MessageDelivered)) == 1


def test_reports_count_once_and_only_forwards(world: World) -> None:
    says(world)
    for status in (ReceiptStatus.SENT, ReceiptStatus.READ, ReceiptStatus.READ, ReceiptStatus.DELIVERED):
        report(world, status)
    assert len(world.facts(MessageRead)) == 1
    assert world.facts(MessageDelivered) == []


def test_a_report_of_failure_settles_the_message_and_says_what_it_means(world: World) -> None:
    says(world)
    report(world, ReceiptStatus.FAILED, UNREACHABLE_RECIPIENT)
    assert [one.code for one in world.facts(MessageFailed)] == [UNREACHABLE_RECIPIENT]
    assert len(world.facts(OptedOut)) == 1


def test_a_refusal_for_good_is_not_tried_again(world: World) -> None:
    world.answers |= {SendToMember: lambda _effect: Rejected("too_odd", "no"), AnswerMember: replied("Hi")}
    says(world)
    world.wait(2 * DAY)
    assert len(sends(world)) == 1
    assert world.facts(MessagePutOff) == []

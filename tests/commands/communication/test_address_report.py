"""A provider's report on an address, on record with everybody who has it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from commands.communication.address_report import HearReport, RecordMark, RecordOwners, SuppressAddress
from commands.communication.effects import FindOwners
from commands.communication.receipt_kinds import ReceiptKind
from domain.communication.address_report import OwnersFound, ReportHeard, ReportMarked
from domain.communication.consent import AddressSuppressed, ConsentGranted
from domain.communication.kinds import ALL_TYPES, Channel, Priority, Wish
from domain.communication.message import MessageDispatched
from domain.communication.permanent_codes import AddressFact
from domain.messages import Attempt, Result
from streams.core.calls import Deferred, Rejected
from streams.core.envelope import Status
from tests.commands.communication.people import ADA, DAY, HOUR, NOW, STORY, agreed, bounced
from tests.commands.communication.test_delivery import receipt
from tests.commands.communication.world import World

SMS, EMAIL = Channel.SMS, Channel.EMAIL
ABOUT: dict[str, Any] = {"channel": EMAIL, "fact": AddressFact.DEAD, "reported_at": NOW - HOUR}
HEAR = HearReport(at=NOW, report_id="r.0", mark="ab", partitions=4, **ABOUT)
HEARD = ReportHeard(at=NOW, report_id="r.0", mark="ab", partitions=4, **ABOUT)
BEN = 8


def marked(result: Result = Result.ACCEPTED) -> RecordMark:
    attempt = Attempt(result=result, number=1, output={"mark": "ab", "keys": ["r.0", "r.5"]})
    return RecordMark(at=NOW, report_id="r", attempt=attempt, **ABOUT)


def answered(result: Result, *user_ids: int) -> RecordOwners:
    output = {"user_ids": list(user_ids)} if result is Result.ACCEPTED else None
    return RecordOwners(at=NOW, report_id="r.0", attempt=Attempt(result=result, number=1, output=output))


def test_an_address_is_marked_once_and_a_report_is_heard_once() -> None:
    mark = ReportMarked(at=NOW, report_id="r", mark="ab", keys=("r.0", "r.5"), **ABOUT)
    STORY.when(marked()).then(mark).when(marked()).then_nothing()
    STORY.when(marked(Result.REJECTED)).then_nothing()
    STORY.when(HEAR).then(HEARD).when(HEAR).then_nothing()


def test_owners_are_searched_for_until_there_is_an_answer() -> None:
    story = STORY.given(HEARD)
    for round_ in (2, 3):
        again = HEARD.model_copy(update={"round": round_})
        story = story.when(answered(Result.DEFERRED)).then_nothing().when(answered(Result.REJECTED)).then(again)
    story.when(answered(Result.ACCEPTED)).then_nothing()
    story.when(answered(Result.ACCEPTED, ADA)).then(OwnersFound(at=NOW, report_id="r.0", user_ids=(ADA,), **ABOUT))


def suppress(channel: Channel, reported_at: datetime) -> SuppressAddress:
    return SuppressAddress(at=NOW, user_id=ADA, channel=channel, reported_at=reported_at)


@pytest.mark.parametrize("channel", Channel)
def test_an_address_that_was_given_after_the_report_is_another_or_alive(channel: Channel) -> None:
    given = STORY.given(agreed(channel))
    given.when(suppress(channel, NOW - DAY)).then_kinds(AddressSuppressed)
    given.when(suppress(channel, NOW - DAY - HOUR)).then_nothing()
    given.given(bounced(channel)).when(suppress(channel, NOW)).then_nothing()
    STORY.when(suppress(channel, NOW)).then_nothing()


def test_consent_given_again_revives_no_mailbox_and_a_code_that_came_back_a_number() -> None:
    again = {"at": NOW, "new_address": False}
    mailed = agreed(EMAIL).model_copy(update=again)
    STORY.given(agreed(EMAIL), mailed).when(suppress(EMAIL, NOW - HOUR)).then_kinds(AddressSuppressed)
    texted = agreed(SMS).model_copy(update=again)
    STORY.given(agreed(SMS), texted).when(suppress(SMS, NOW - HOUR)).then_nothing()


def shared(world: World, channel: Channel) -> None:
    """Ada and Ben share an address, spelled in two ways."""
    spellings = ("+525512345678", "+5215512345678") if channel is SMS else ("Fam@example.com", "fam@EXAMPLE.com")
    for user_id, address in zip((ADA, BEN), spellings, strict=True):
        world.agree_at(user_id, channel, address)


def reasons(world: World, channel: Channel) -> list[str]:
    return [world.permission(user_id, channel).reason for user_id in (ADA, BEN)]


@pytest.mark.parametrize(
    ("channel", "kind", "code", "reason"),
    [
        (EMAIL, ReceiptKind.BOUNCED, None, "suppressed"),
        (EMAIL, ReceiptKind.COMPLAINED, None, "opted_out"),
        (SMS, ReceiptKind.UNDELIVERED, "30006", "suppressed"),
        (SMS, ReceiptKind.UNDELIVERED, "21610", "opted_out"),
        (SMS, ReceiptKind.UNDELIVERED, "30003", "explicit_consent"),
    ],
)
def test_a_report_on_a_shared_address_holds_for_all_who_have_it(
    channel: Channel, kind: ReceiptKind, code: str | None, reason: str
) -> None:
    world = World()
    shared(world, channel)
    world.run()
    message_id = world.ask(wish=Wish(channel), priority=Priority.CRITICAL)
    world.run()
    report = receipt(kind, channel, code=code).model_copy(update={"message_id": message_id})
    assert world.do(report).status is Status.ACCEPTED
    world.run()
    assert reasons(world, channel) == [reason, reason]
    other = EMAIL if channel is SMS else SMS
    assert reasons(world, other) == ["no_consent", "no_consent"]


def test_a_code_in_the_answer_holds_for_all_who_have_the_number() -> None:
    world = World()
    shared(world, SMS)
    world.run()
    world.provider = lambda _effect, _key: Rejected("21610", "stopped")
    world.ask(wish=Wish.SMS, priority=Priority.CRITICAL)
    world.run()
    assert reasons(world, SMS) == ["opted_out", "opted_out"]


def test_a_search_that_has_to_wait_finds_them_in_the_end_and_a_later_word_outweighs_it() -> None:
    world = World()
    shared(world, EMAIL)
    world.run()
    message_id = world.ask(wish=Wish.EMAIL, priority=Priority.CRITICAL)
    world.run()
    search, world.search = world.search, lambda _effect: Deferred("read_model_behind", "not yet", 60.0)
    world.do(receipt(ReceiptKind.COMPLAINED, EMAIL).model_copy(update={"message_id": message_id}))
    world.run(HOUR)
    assert reasons(world, EMAIL) == ["opted_out", "explicit_consent"]
    world.agree_at(ADA, EMAIL, "fam@example.com")
    world.search = search
    world.run(DAY)
    assert reasons(world, EMAIL) == ["explicit_consent", "opted_out"]
    searches = {effect.partition for effect in world.sent if isinstance(effect, FindOwners)}
    assert searches == set(range(world.runtime.partitions))


def test_a_message_to_another_owner_goes_nowhere_once_the_mailbox_is_dead() -> None:
    world = World()
    shared(world, EMAIL)
    message_id = world.ask(wish=Wish.EMAIL, priority=Priority.CRITICAL)
    world.run()
    world.do(receipt(ReceiptKind.BOUNCED, EMAIL).model_copy(update={"message_id": message_id}))
    world.run()
    world.ask(user_id=BEN, wish=Wish.EMAIL, priority=Priority.CRITICAL)
    world.agree_at(BEN, EMAIL, "FAM@example.com")
    world.ask(user_id=BEN, wish=Wish.EMAIL, priority=Priority.CRITICAL)
    world.run()
    assert [fact.user_id for fact in world.facts() if isinstance(fact, MessageDispatched)] == [ADA]
    granted = [fact for fact in world.facts() if isinstance(fact, ConsentGranted) and fact.user_id == BEN]
    assert [set(fact.message_types) for fact in granted] == [set(ALL_TYPES)] * 2

"""What counts against the frequency cap: only what may have reached the person."""

from __future__ import annotations

from uuid import UUID

from commands.communication.receipt_kinds import ReceiptKind
from domain.communication.delivery import (
    MessageDelivered,
    MessageRejected,
    MessageUnconfirmed,
    MessageUndelivered,
)
from domain.communication.kinds import Channel, Priority, Wish
from domain.communication.message import MessageDispatched
from domain.communication.recipient import ContactWithdrawn, Recipient, RecipientContacted, RecipientEvent, evolve
from domain.messages import Result
from streams.testing import Scenario
from tests.commands.communication.people import ADA, MESSAGE, NOW, STORY, agreed, contacted, dispatched, requested
from tests.commands.communication.test_delivery import answer, receipt

SMS, EMAIL = Channel.SMS, Channel.EMAIL
ROUTINE = {"priority": Priority.MEDIUM}


def contacts_after(story: Scenario) -> list[UUID]:
    """The messages that count against the frequency cap."""
    recipient = Recipient()
    for event in story.history:
        if isinstance(event, RecipientEvent):
            recipient = evolve(recipient, event)
    return [contact.message_id for contact in recipient.contacted]


def counting(wish: Wish, *channels: Channel) -> Scenario:
    """A message that counts, out on these channels."""
    out = (dispatched(channel, **ROUTINE) for channel in channels)
    contact = RecipientContacted(at=NOW, user_id=ADA, message_id=MESSAGE)
    return STORY.given(agreed(SMS), agreed(EMAIL), contacted(NOW), requested(wish=wish, **ROUTINE), *out, contact)


def test_a_message_that_every_provider_refused_does_not_count_against_the_cap() -> None:
    story = counting(Wish.SMS, SMS).when(answer(Result.REJECTED)).then_kinds(MessageRejected, MessageDispatched)
    assert contacts_after(story) == [UUID(int=99), MESSAGE]
    end = story.when(answer(Result.REJECTED, EMAIL)).then_kinds(MessageRejected, ContactWithdrawn)
    assert contacts_after(end) == [UUID(int=99)]


def test_a_message_that_did_not_arrive_does_not_count_and_counts_again_once_it_did() -> None:
    story = counting(Wish.BOTH, SMS, EMAIL).when(receipt(ReceiptKind.UNDELIVERED)).then_kinds(MessageUndelivered)
    gone = story.when(answer(Result.REJECTED, EMAIL)).then_kinds(MessageRejected, ContactWithdrawn)
    back = gone.when(receipt(ReceiptKind.DELIVERED)).then_kinds(MessageDelivered, RecipientContacted)
    assert contacts_after(back) == [UUID(int=99), MESSAGE]


def test_a_message_that_may_have_arrived_counts() -> None:
    story = counting(Wish.SMS, SMS).when(answer(Result.UNCONFIRMED)).then_kinds(MessageUnconfirmed)
    assert contacts_after(story) == [UUID(int=99), MESSAGE]


def test_a_critical_message_never_counts() -> None:
    story = STORY.given(agreed(SMS), requested(), dispatched())
    gone = story.when(answer(Result.REJECTED)).then_kinds(MessageRejected)
    gone.when(receipt(ReceiptKind.DELIVERED)).then_kinds(MessageDelivered)

"""Providers' answers and receipts, in whatever order they come."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from commands.communication.attempt import RecordAttempt
from commands.communication.delivery import NotOut, RecordAction, RecordReceipt
from commands.communication.message import UnknownMessage
from commands.communication.receipt_kinds import ReceiptKind, resend_kind, twilio_kind
from domain.communication.consent import AddressReported, AddressSuppressed, OptedOut, OptOutSource
from domain.communication.delivery import (
    ActionTaken,
    DeliveryStatus,
    MessageClicked,
    MessageDelivered,
    MessageOpened,
    MessageRejected,
    MessageRetried,
    MessageSent,
    MessageUnconfirmed,
    MessageUndelivered,
    ReceiptNoted,
)
from domain.communication.kinds import ALL_TYPES, Channel, Wish
from domain.communication.message import Message, MessageDispatched, Status, evolve, status_of
from domain.communication.permanent_codes import PERMANENT_CODES, AddressFact
from domain.messages import Attempt, Event, Result
from streams.testing import Scenario
from tests.commands.communication.people import (
    ADA,
    ADDRESS,
    HOUR,
    MESSAGE,
    NOW,
    PHONE,
    STORY,
    agreed,
    dispatched,
    opted_out,
    requested,
    wants,
)

SMS, EMAIL = Channel.SMS, Channel.EMAIL
OUT = STORY.given(agreed(SMS), agreed(EMAIL), requested(), dispatched())
MAILED = STORY.given(agreed(EMAIL), requested(wish=Wish.EMAIL), dispatched(EMAIL))


def answer(result: Result, channel: Channel = SMS, provider: str = "twilio", **more: Any) -> RecordAttempt:
    given: dict[str, Any] = {"number": 1, "provider_id": "SM1" if result is Result.ACCEPTED else None} | more
    attempt = Attempt(result=result, provider=provider, **given)
    return RecordAttempt(at=NOW, message_id=MESSAGE, user_id=ADA, channel=channel, attempt=attempt)


def receipt(kind: ReceiptKind, channel: Channel = SMS, **more: Any) -> RecordReceipt:
    return RecordReceipt(
        at=NOW,
        message_id=MESSAGE,
        user_id=ADA,
        channel=channel,
        provider="twilio",
        provider_id="SM1",
        kind=kind,
        word=kind.value,
        **more,
    )


def message_after(story: Scenario) -> Message:
    message = Message()
    for event in story.history:
        if event.aggregate == "message":
            message = evolve(message, event)  # type: ignore[arg-type]
    return message


def test_a_message_is_a_success_once_a_provider_accepts_it() -> None:
    story = OUT.when(answer(Result.ACCEPTED)).then_kinds(MessageSent)
    assert message_after(story).status is Status.SUCCESS


def test_the_sandbox_delivers_what_it_accepts() -> None:
    OUT.when(answer(Result.ACCEPTED, provider="sandbox")).then_kinds(MessageSent, MessageDelivered)


def test_a_deferred_message_is_to_be_retried_as_often_as_it_is_deferred() -> None:
    story = OUT.when(answer(Result.DEFERRED, retry_at=NOW + HOUR)).then_kinds(MessageRetried)
    assert message_after(story).status is Status.RETRY
    story.when(answer(Result.DEFERRED, number=2, retry_at=NOW + HOUR)).then_kinds(MessageRetried)


def test_a_message_whose_fate_is_unknown_is_a_failure_until_a_receipt_says_otherwise() -> None:
    story = OUT.when(answer(Result.UNCONFIRMED)).then_kinds(MessageUnconfirmed)
    assert message_after(story).status is Status.FAILURE
    settled = story.when(receipt(ReceiptKind.DELIVERED)).then_kinds(MessageDelivered)
    assert message_after(settled).status is Status.SUCCESS


def test_a_message_stopped_after_a_try_of_unknown_outcome_is_unconfirmed_and_not_rejected() -> None:
    story = OUT.when(answer(Result.DEFERRED, code="unknown", retry_at=NOW + HOUR)).then_kinds(MessageRetried)
    story.when(answer(Result.REJECTED, code="not_allowed", number=2)).then_kinds(MessageUnconfirmed)
    OUT.when(answer(Result.REJECTED, code="not_allowed")).then_kinds(MessageRejected, MessageDispatched)


def test_a_rejected_message_falls_back_to_the_other_channel() -> None:
    refused = answer(Result.REJECTED, code="30007")
    story = OUT.when(refused).then_kinds(MessageRejected, MessageDispatched)
    assert message_after(story).status is Status.STARTED
    rejected, again = story.produced
    assert isinstance(rejected, MessageRejected)
    assert isinstance(again, MessageDispatched)
    assert rejected.refund == 5_000_000
    assert (again.channel, again.fallback, again.cost) == (EMAIL, True, 100_000)
    steps = {step.rule: step for step in again.decision.steps}
    assert (steps["provider"].version, steps["provider"].verdict, steps["provider"].reason) == (1, "refuse", "rejected")
    assert (steps["provider"].channel, steps["provider"].inputs) == (SMS, {"provider": "twilio", "code": "30007"})
    redirect = steps["channel"]
    assert (redirect.version, redirect.verdict, redirect.reason) == (1, "redirect", "rejected")
    assert (redirect.channel, redirect.inputs) == (EMAIL, {"asked": "sms"})


def test_a_rejected_fallback_is_the_end() -> None:
    both = OUT.when(answer(Result.REJECTED)).then_kinds(MessageRejected, MessageDispatched)
    story = both.when(answer(Result.REJECTED, EMAIL)).then_kinds(MessageRejected)
    assert message_after(story).status is Status.FAILURE


@pytest.mark.parametrize("closed", [opted_out(EMAIL), wants(email_enabled=False)])
def test_a_rejected_message_falls_back_to_no_channel_that_is_closed(closed: Event) -> None:
    OUT.given(closed).when(answer(Result.REJECTED)).then_kinds(MessageRejected)


def test_a_message_to_both_channels_needs_no_fallback() -> None:
    story = STORY.given(agreed(SMS), agreed(EMAIL), requested(wish=Wish.BOTH), dispatched(), dispatched(EMAIL))
    rejected = story.when(answer(Result.REJECTED)).then_kinds(MessageRejected)
    assert message_after(rejected).status is Status.STARTED
    sent = rejected.when(answer(Result.ACCEPTED, EMAIL)).then_kinds(MessageSent)
    assert message_after(sent).status is Status.SUCCESS


def test_a_message_that_was_erased_on_the_way_goes_nowhere_else() -> None:
    OUT.when(answer(Result.REJECTED, code="erased")).then_kinds(MessageRejected)


def reported(story: Scenario, channel: Channel, fact: AddressFact) -> None:
    """The address of the message was reported with this fact."""
    (found,) = [event for event in story.produced if isinstance(event, AddressReported)]
    address = PHONE if channel is SMS else ADDRESS
    assert (found.channel, found.address, found.fact) == (channel, address, fact)


STOPPED_BY = [code for code, fact in PERMANENT_CODES[SMS].items() if fact is AddressFact.STOPPED]
DEAD_BY = [(c, code) for c in Channel for code, fact in PERMANENT_CODES[c].items() if fact is AddressFact.DEAD]


@pytest.mark.parametrize("code", STOPPED_BY)
@pytest.mark.parametrize("later", [False, True])
def test_a_number_stopped_at_the_provider_is_opted_out(code: str, later: bool) -> None:
    if later:
        story = OUT.when(receipt(ReceiptKind.UNDELIVERED, code=code))
        story.then_kinds(MessageUndelivered, OptedOut, AddressReported)
    else:
        story = OUT.when(answer(Result.REJECTED, code=code))
        story.then_kinds(MessageRejected, OptedOut, AddressReported, MessageDispatched)
    opted = story.produced[1]
    assert isinstance(opted, OptedOut)
    assert (opted.channel, opted.source, opted.message_types) == (SMS, OptOutSource.PROVIDER, ALL_TYPES)
    reported(story, SMS, AddressFact.STOPPED)


@pytest.mark.parametrize(("channel", "code"), DEAD_BY)
@pytest.mark.parametrize("later", [False, True])
def test_a_dead_address_is_suppressed_by_its_code(channel: Channel, code: str, later: bool) -> None:
    out = STORY.given(agreed(channel), requested(), dispatched(channel))
    if later:
        story = out.when(receipt(ReceiptKind.UNDELIVERED, channel, code=code, reason="no such thing"))
        story.then_kinds(MessageUndelivered, AddressSuppressed, AddressReported)
    else:
        story = out.when(answer(Result.REJECTED, channel, code=code, reason="no such thing"))
        story.then_kinds(MessageRejected, AddressSuppressed, AddressReported)
    suppressed = story.produced[1]
    assert isinstance(suppressed, AddressSuppressed)
    assert (suppressed.channel, suppressed.reason) == (channel, "no such thing")
    reported(story, channel, AddressFact.DEAD)


@pytest.mark.parametrize("code", ["30003", "30007", "30008", "21408", "21612", "smtp_550", "", None])
def test_any_other_code_says_nothing_of_the_address(code: str | None) -> None:
    OUT.when(receipt(ReceiptKind.UNDELIVERED, code=code)).then_kinds(MessageUndelivered)


def test_a_report_on_a_number_that_is_not_the_persons_any_more_changes_nothing_for_them() -> None:
    moved = OUT.given(agreed(SMS, address="+15005550009"))
    story = moved.when(receipt(ReceiptKind.UNDELIVERED, code="21610"))
    story.then_kinds(MessageUndelivered, AddressReported)
    reported(story, SMS, AddressFact.STOPPED)


def test_a_report_on_an_erased_address_is_about_nobody() -> None:
    erased = STORY.given(requested(), dispatched(to=None))
    erased.when(receipt(ReceiptKind.UNDELIVERED, code="21610")).then_kinds(MessageUndelivered)


def test_an_answer_is_recorded_once() -> None:
    OUT.when(answer(Result.ACCEPTED)).then_kinds(MessageSent).when(answer(Result.ACCEPTED)).then_nothing()


def test_an_answer_that_comes_after_its_receipt_changes_nothing() -> None:
    early = OUT.when(receipt(ReceiptKind.DELIVERED)).then_kinds(MessageDelivered)
    early.when(answer(Result.ACCEPTED)).then_nothing()
    early.when(answer(Result.UNCONFIRMED)).then_nothing()
    early.when(answer(Result.REJECTED)).then_nothing()


def test_an_undelivered_message_is_a_failure() -> None:
    sent = OUT.when(answer(Result.ACCEPTED)).then_kinds(MessageSent)
    story = sent.when(receipt(ReceiptKind.UNDELIVERED, code="30003")).then_kinds(MessageUndelivered)
    assert message_after(story).status is Status.FAILURE


def test_a_permanent_bounce_suppresses_the_address_once() -> None:
    story = MAILED.when(receipt(ReceiptKind.BOUNCED, EMAIL))
    story.then_kinds(MessageUndelivered, AddressSuppressed, AddressReported)
    assert story.produced[1].reason == "permanent bounce"  # type: ignore[attr-defined]
    reported(story, EMAIL, AddressFact.DEAD)
    story.when(receipt(ReceiptKind.BOUNCED, EMAIL)).then_kinds(ReceiptNoted)


def test_a_bounce_says_nothing_of_an_address_that_came_later() -> None:
    moved = MAILED.given(agreed(EMAIL, address="moved@example.com"))
    story = moved.when(receipt(ReceiptKind.BOUNCED, EMAIL)).then_kinds(MessageUndelivered, AddressReported)
    reported(story, EMAIL, AddressFact.DEAD)


def test_a_bounce_is_about_the_mailbox_however_it_is_written() -> None:
    respelled = MAILED.given(agreed(EMAIL, address="Ada@EXAMPLE.com", new_address=False))
    story = respelled.when(receipt(ReceiptKind.BOUNCED, EMAIL))
    story.then_kinds(MessageUndelivered, AddressSuppressed, AddressReported)


def test_a_complaint_is_an_opt_out() -> None:
    story = MAILED.when(receipt(ReceiptKind.COMPLAINED, EMAIL))
    story.then_kinds(MessageDelivered, OptedOut, AddressReported)
    assert story.produced[1].source is OptOutSource.COMPLAINT  # type: ignore[attr-defined]
    reported(story, EMAIL, AddressFact.COMPLAINED)
    story.when(receipt(ReceiptKind.COMPLAINED, EMAIL)).then_kinds(AddressReported)
    again = story.given(agreed(EMAIL, new_address=False)).when(receipt(ReceiptKind.COMPLAINED, EMAIL))
    again.then_kinds(OptedOut, AddressReported)


def test_who_clicks_has_received_and_opened_it() -> None:
    story = MAILED.when(receipt(ReceiptKind.CLICKED, EMAIL))
    story.then_kinds(MessageDelivered, MessageOpened, MessageClicked)
    assert story.produced[0].implied  # type: ignore[attr-defined]


def test_a_message_is_opened_and_clicked_once() -> None:
    story = MAILED.when(receipt(ReceiptKind.CLICKED, EMAIL))
    story = story.then_kinds(MessageDelivered, MessageOpened, MessageClicked)
    story = story.when(receipt(ReceiptKind.OPENED, EMAIL)).then_kinds(ReceiptNoted)
    story.when(receipt(ReceiptKind.CLICKED, EMAIL)).then_kinds(ReceiptNoted)


def test_a_report_of_an_unknown_kind_is_recorded() -> None:
    OUT.when(receipt(ReceiptKind.OTHER)).then_kinds(ReceiptNoted)


def test_a_report_on_a_message_that_never_went_out_is_refused() -> None:
    STORY.given(requested()).when(receipt(ReceiptKind.DELIVERED)).then_refused(UnknownMessage)


REPORTS = (
    ReceiptKind.ACCEPTED,
    ReceiptKind.UNDELIVERED,
    ReceiptKind.DELIVERED,
    ReceiptKind.OPENED,
    ReceiptKind.CLICKED,
)


@pytest.mark.parametrize("order", list(permutations(REPORTS)))
def test_reports_in_any_order_end_in_the_same_state(order: tuple[ReceiptKind, ...]) -> None:
    def told(kinds: tuple[ReceiptKind, ...]) -> Message:
        story = MAILED
        for kind in kinds:
            story = story.when(receipt(kind, EMAIL))
            story = story.given(*story.produced)
        return message_after(story)

    assert told(order).deliveries == told(REPORTS).deliveries


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("queued", ReceiptKind.ACCEPTED),
        ("sent", ReceiptKind.ACCEPTED),
        ("delivered", ReceiptKind.DELIVERED),
        ("undelivered", ReceiptKind.UNDELIVERED),
        ("failed", ReceiptKind.UNDELIVERED),
        ("teleported", ReceiptKind.OTHER),
    ],
)
def test_twilios_words_mean_what_its_documentation_says(word: str, kind: ReceiptKind) -> None:
    assert twilio_kind(word) is kind


@pytest.mark.parametrize(
    ("word", "bounce", "kind"),
    [
        ("email.delivered", None, ReceiptKind.DELIVERED),
        ("email.delivery_delayed", None, ReceiptKind.ACCEPTED),
        ("email.bounced", "Permanent", ReceiptKind.BOUNCED),
        ("email.bounced", "Transient", ReceiptKind.UNDELIVERED),
        ("email.bounced", None, ReceiptKind.BOUNCED),
        ("email.suppressed", None, ReceiptKind.BOUNCED),
        ("email.complained", None, ReceiptKind.COMPLAINED),
        ("domain.created", None, ReceiptKind.OTHER),
    ],
)
def test_resends_words_mean_what_its_documentation_says(word: str, bounce: str | None, kind: ReceiptKind) -> None:
    assert resend_kind(word, bounce) is kind


def act(channel: Channel | None = None) -> RecordAction:
    return RecordAction(at=NOW, message_id=MESSAGE, user_id=ADA, channel=channel, action="viewed_forecast")


def test_an_action_counts_once() -> None:
    story = OUT.when(act()).then_kinds(ActionTaken)
    story.when(act()).then_nothing()


def test_an_action_counts_for_the_channel_that_came_furthest() -> None:
    both = STORY.given(requested(wish=Wish.BOTH), dispatched(), dispatched(EMAIL))
    sent = both.when(answer(Result.ACCEPTED, EMAIL)).then_kinds(MessageSent)
    assert sent.when(act()).produced[0].channel is EMAIL  # type: ignore[attr-defined]


def test_there_is_no_action_on_a_message_that_is_not_out() -> None:
    STORY.given(requested()).when(act()).then_refused(NotOut)
    STORY.when(act()).then_refused(UnknownMessage)
    OUT.when(act(EMAIL)).then_refused(NotOut)


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ({SMS: DeliveryStatus.STARTED}, Status.STARTED),
        ({SMS: DeliveryStatus.RETRYING, EMAIL: DeliveryStatus.STARTED}, Status.RETRY),
        ({SMS: DeliveryStatus.REJECTED, EMAIL: DeliveryStatus.SENT}, Status.SUCCESS),
        ({SMS: DeliveryStatus.UNCONFIRMED}, Status.FAILURE),
        ({SMS: DeliveryStatus.UNDELIVERED, EMAIL: DeliveryStatus.STARTED}, Status.STARTED),
        ({SMS: DeliveryStatus.DELIVERED}, Status.SUCCESS),
    ],
)
def test_the_best_channel_speaks_for_the_message(parts: dict[Channel, DeliveryStatus], status: Status) -> None:
    assert status_of(parts) is status

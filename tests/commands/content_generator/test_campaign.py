"""Campaigns: count, audience, cancellation, and what a second request continues."""

from __future__ import annotations

import pytest

from commands.content_generator.batch import StartSending
from commands.content_generator.campaign import (
    CampaignNotRetryable,
    CampaignStarted,
    RecordAudiencePage,
    StartCampaign,
    UnknownCampaign,
    transport_of,
)
from domain.content_generator.campaign import (
    AudienceCounted,
    AudienceFailed,
    AudiencePageRequested,
    AudienceResolved,
    CampaignCancelled,
    CampaignFailed,
    CampaignRequested,
    CampaignRequestedAgain,
    CampaignScheduled,
    CampaignSent,
    RecipientAddressed,
    SendingStarted,
)
from domain.messages import Result
from tests.commands.content_generator.campaigns import (
    COUNT,
    REQUESTED,
    audience,
    batch,
    cancelled,
    newsletter,
    of_job,
    page_reply,
    pages_asked,
    person,
    resolved,
    retried,
    sending,
)
from tests.commands.content_generator.stories import (
    CAMPAIGN_ID,
    HOUR,
    NOW,
    STORY,
    accepted,
    answered,
    deferred,
    only,
    rejected,
    unconfirmed,
)

COUNTING = STORY.when(newsletter())
SCHEDULED = STORY.when(newsletter(due_at=NOW + HOUR)).when(accepted(COUNT, {"recipients": 3}))
START = StartCampaign(at=NOW + HOUR, campaign_id=CAMPAIGN_ID)


def test_a_newsletter_is_counted_first() -> None:
    COUNTING.then_kinds(CampaignRequested)


def test_a_newsletter_begins_when_it_is_counted() -> None:
    counted = COUNTING.when(accepted(COUNT, {"recipients": 3}))
    counted.then_kinds(AudienceCounted, AudiencePageRequested)
    assert only(counted, AudienceCounted).recipients == 3


@pytest.mark.parametrize("answer", [rejected(COUNT), unconfirmed(COUNT), accepted(COUNT, {"recipients": "many"})])
def test_a_newsletter_that_cannot_be_counted_begins_all_the_same(answer: object) -> None:
    counted = COUNTING.when(answer)  # type: ignore[arg-type]
    counted.then_kinds(AudienceCounted, AudiencePageRequested)
    assert only(counted, AudienceCounted).recipients is None


def test_a_count_that_is_put_off_is_awaited_and_one_that_is_repeated_changes_nothing() -> None:
    COUNTING.when(deferred(COUNT)).then_nothing()
    COUNTING.when(accepted(COUNT)).when(accepted(COUNT)).then_nothing()


def test_a_scheduled_newsletter_is_counted_now_and_resolved_when_it_is_due() -> None:
    SCHEDULED.then_kinds(AudienceCounted, CampaignScheduled)
    SCHEDULED.when(START).then_kinds(AudiencePageRequested)
    SCHEDULED.when(START).when(START).then_nothing()


def test_a_waiting_newsletter_is_cancelled_before_and_after_its_count() -> None:
    SCHEDULED.when(cancelled()).then_kinds(CampaignCancelled)
    early = COUNTING.when(cancelled())
    early.then_kinds(CampaignCancelled)
    early.when(accepted(COUNT, {"recipients": 3})).then_nothing()


def test_a_cancelled_newsletter_does_not_start() -> None:
    SCHEDULED.when(cancelled()).when(START).then_nothing()
    SCHEDULED.when(cancelled()).when(cancelled()).then_nothing()


def test_a_newsletter_under_way_is_not_cancelled() -> None:
    SCHEDULED.when(START).when(cancelled()).then_refused(CampaignStarted)


def test_an_unknown_campaign_another_tenants_and_a_jobs_cannot_be_cancelled() -> None:
    STORY.when(cancelled()).then_refused(UnknownCampaign)
    SCHEDULED.when(cancelled(tenant="other")).then_refused(UnknownCampaign)
    REQUESTED.when(cancelled()).then_refused(UnknownCampaign)


def test_the_e_mail_of_a_job_begins_at_once_with_the_first_page() -> None:
    REQUESTED.then_kinds(CampaignRequested, AudiencePageRequested)
    assert pages_asked(REQUESTED) == [(1, 1, None)]


def test_each_page_is_a_batch_and_names_the_next() -> None:
    first = REQUESTED.when(accepted(page_reply(), audience("ann", "ben", following="c1")))
    first.then_kinds(RecipientAddressed, RecipientAddressed, AudiencePageRequested)
    assert pages_asked(first) == [(1, 2, "c1")]
    second = first.when(accepted(page_reply(2), audience("cat")))
    second.then_kinds(RecipientAddressed, AudienceResolved)
    addressed, whole = only(second, RecipientAddressed), only(second, AudienceResolved)
    assert (addressed.mark, addressed.address, addressed.recipient_name, addressed.batch) == (
        "mark-of-cat",
        "cat@example.com",
        "cat",
        2,
    )
    assert (whole.recipients, whole.batches, whole.transport) == (3, 2, transport_of(CAMPAIGN_ID, 1))


def test_a_page_names_every_person_on_it_and_its_own_carrier() -> None:
    reply = accepted(page_reply(), audience("ann", "ben"))
    assert reply.subjects == (
        f"content_generator:audience-1-{CAMPAIGN_ID}",
        "content_generator:mark-of-ann",
        "content_generator:mark-of-ben",
    )


def test_a_page_of_another_place_or_repeated_changes_nothing() -> None:
    first = REQUESTED.when(accepted(page_reply(), audience("ann", following="c1")))
    first.when(accepted(page_reply(), audience("ann", following="c1"))).then_nothing()
    first.when(accepted(page_reply(2, round_=2), audience("ann"))).then_nothing()
    last = first.when(accepted(page_reply(2), audience("ben")))
    last.when(accepted(page_reply(2), audience("ben"))).then_nothing()
    first.when(deferred(page_reply(2))).then_nothing()


def test_a_page_without_a_persons_mark_is_read_without_them() -> None:
    output = {"recipients": [person("ann"), {"address": "x@example.com"}, "junk"], "next": ""}
    REQUESTED.when(accepted(page_reply(), output)).then_kinds(RecipientAddressed, AudienceResolved)
    REQUESTED.when(accepted(page_reply(), {"recipients": None})).then_kinds(AudienceResolved)


def test_pages_in_a_circle_end_the_reading() -> None:
    first = REQUESTED.when(accepted(page_reply(), audience("ann", following="c1")))
    first.when(accepted(page_reply(2), audience("ann", following="c1"))).then_kinds(AudienceFailed, CampaignFailed)


def test_an_empty_audience_is_sent_to_nobody() -> None:
    empty = REQUESTED.when(accepted(page_reply(), audience()))
    assert only(empty, AudienceResolved).recipients == 0
    started = empty.when(StartSending(at=NOW, campaign_id=CAMPAIGN_ID, position=9))
    sent = started.when(batch(1, output={"accepted": 0, "suppressed": 0}))
    assert only(sent, CampaignSent).recipients == 0


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (rejected(page_reply()), "refused"),
        (rejected(page_reply(), None), "unavailable"),
        (unconfirmed(page_reply()), "unavailable"),
        (page_reply(), "erased"),
    ],
)
def test_an_audience_that_cannot_be_read_fails_the_campaign(answer: RecordAudiencePage, code: str) -> None:
    failed = REQUESTED.when(answer)
    failed.then_kinds(AudienceFailed, CampaignFailed)
    assert only(failed, AudienceFailed).code == code
    assert (only(failed, CampaignFailed).recipients, only(failed, CampaignFailed).unconfirmed) == (0, False)


UNREAD = REQUESTED.when(rejected(page_reply()))


def test_another_run_reads_the_audience_anew_under_another_carrier() -> None:
    again = UNREAD.when(of_job(run=1))
    again.then_kinds(CampaignRequestedAgain, AudiencePageRequested)
    assert pages_asked(again) == [(2, 1, None)]
    whole = only(resolved(again, 1, round_=2), AudienceResolved)
    assert (whole.recipients, whole.transport) == (1, transport_of(CAMPAIGN_ID, 2))


def test_the_same_run_asks_once() -> None:
    REQUESTED.when(of_job()).then_nothing()
    UNREAD.when(of_job()).then_nothing()


PARTLY = sending(REQUESTED, 3).when(batch(1)).when(batch(2, "failed")).when(batch(3, "unconfirmed"))


def test_another_run_sends_the_batches_that_failed() -> None:
    again = PARTLY.when(of_job(run=1))
    again.then_kinds(CampaignRequestedAgain, SendingStarted)
    started = only(again, SendingStarted)
    assert (started.first, started.following, started.run, started.position) == ((2,), (), 1, 40)


def test_a_persons_word_sends_the_unconfirmed_ones_too() -> None:
    assert only(PARTLY.when(of_job(run=1, repeat_unconfirmed=True)), SendingStarted).first == (2, 3)


def test_another_run_of_a_sent_campaign_hears_that_it_was_sent() -> None:
    sent = sending(REQUESTED, 1).when(batch(1))
    again = sent.when(of_job(run=1))
    again.then_kinds(CampaignRequestedAgain, CampaignSent)
    told = only(again, CampaignSent)
    assert (told.run, told.recipients, told.again) == (1, 10, True)
    assert only(sent, CampaignSent).again is False


def test_another_run_of_a_campaign_under_way_hears_of_its_end() -> None:
    under_way = PARTLY.when(retried()).when(of_job(run=1))
    under_way.then_kinds(CampaignRequestedAgain)
    over = under_way.when(batch(2))
    assert (only(over, CampaignFailed).run, only(over, CampaignFailed).unconfirmed) == (1, True)


def test_a_person_continues_a_newsletter_that_failed() -> None:
    failed = sending(STORY.when(newsletter()).when(accepted(COUNT)), 2).when(batch(1)).when(batch(2, "failed"))
    continued = failed.when(retried())
    continued.then_kinds(CampaignRequestedAgain, SendingStarted)
    assert only(continued, SendingStarted).first == (2,)
    assert only(continued.when(batch(2)), CampaignSent).recipients == 20


def test_a_person_begins_a_newsletter_that_was_cancelled() -> None:
    begun = SCHEDULED.when(cancelled()).when(retried())
    begun.then_kinds(CampaignRequestedAgain, AudiencePageRequested)
    assert pages_asked(begun) == [(1, 1, None)]


def test_a_campaign_that_is_not_over_or_was_sent_is_not_retried() -> None:
    for story in (COUNTING, SCHEDULED, REQUESTED, sending(REQUESTED, 1), sending(REQUESTED, 1).when(batch(1))):
        story.when(retried()).then_refused(CampaignNotRetryable)


def test_a_campaign_of_which_only_unconfirmed_batches_are_left_needs_a_persons_word() -> None:
    lost = sending(REQUESTED, 1).when(batch(1, "unconfirmed"))
    lost.when(retried()).then_refused(CampaignNotRetryable)
    assert only(lost.when(retried(repeat_unconfirmed=True)), SendingStarted).first == (1,)


def test_an_unknown_campaign_and_another_tenants_are_not_retried() -> None:
    STORY.when(retried()).then_refused(UnknownCampaign)
    PARTLY.when(retried(tenant="other")).then_refused(UnknownCampaign)


def test_a_deferred_answer_has_no_effect() -> None:
    REQUESTED.when(answered(page_reply(), Result.DEFERRED)).then_nothing()

"""A job and its retries: request, start, content, retry and cancellation."""

from __future__ import annotations

import pytest

from commands.content_generator.sync_job import (
    CancelSyncJob,
    NotCancellable,
    NotRetryable,
    ReadJobDocument,
    RecordJobContent,
    StartSyncJob,
    UnknownJob,
)
from domain.content_generator.kinds import JobStatus, Options
from domain.content_generator.sync_job import (
    ChannelFailed,
    SyncJobCancelled,
    SyncJobCompleted,
    SyncJobContentGenerated,
    SyncJobDocumentRead,
    SyncJobFailed,
    SyncJobRequested,
    SyncJobRetried,
    SyncJobScheduled,
    SyncJobStarted,
)
from tests.commands.content_generator.stories import (
    EMAIL,
    HOUR,
    NOW,
    ROOT,
    SECOND,
    STORY,
    TENANT,
    TWITTER,
    WEBSITE,
    accepted,
    deferred,
    only,
    outcome,
    rejected,
    requested_job,
    retried_job,
    unconfirmed,
)

CONTENT = {"title": "News"}
READ = ReadJobDocument(at=NOW, root=ROOT, run=0, version=3)
REPLY = RecordJobContent(at=NOW, root=ROOT, run=0, version=3)
STARTED = STORY.when(requested_job())
PINNED = STARTED.when(READ).when(accepted(REPLY, CONTENT))
WAITING = STORY.when(requested_job(due_at=NOW + HOUR))


def cancel(run: int = 0, tenant: str = TENANT) -> CancelSyncJob:
    return CancelSyncJob(at=NOW + SECOND, root=ROOT, run=run, tenant=tenant, cancelled_by="marketer")


def test_a_job_without_a_time_starts_at_once() -> None:
    STARTED.then_kinds(SyncJobRequested, SyncJobStarted)
    started = only(STARTED, SyncJobStarted)
    assert (started.was, started.pinned, started.channels) == (JobStatus.PENDING, False, (EMAIL, WEBSITE, TWITTER))


def test_a_job_whose_time_has_passed_starts_at_once() -> None:
    STORY.when(requested_job(due_at=NOW - HOUR)).then_kinds(SyncJobRequested, SyncJobStarted)


def test_a_job_of_a_later_time_waits_for_it() -> None:
    WAITING.then_kinds(SyncJobRequested, SyncJobScheduled)
    WAITING.when(StartSyncJob(at=NOW + HOUR, root=ROOT)).then_kinds(SyncJobStarted)


def test_a_job_starts_once() -> None:
    STARTED.when(StartSyncJob(at=NOW, root=ROOT)).then_nothing()
    STORY.when(StartSyncJob(at=NOW, root=ROOT)).then_nothing()


def test_a_job_is_requested_once() -> None:
    STARTED.when(requested_job()).then_nothing()


def test_a_channel_that_is_named_twice_counts_once() -> None:
    assert only(STORY.when(requested_job(EMAIL, TWITTER, EMAIL)), SyncJobRequested).channels == (EMAIL, TWITTER)


def test_the_fetched_version_is_composed_for_every_channel() -> None:
    read = only(STARTED.when(READ), SyncJobDocumentRead)
    assert (read.version, read.channels, read.options) == (3, (EMAIL, WEBSITE, TWITTER), Options())


def test_the_content_is_pinned_once() -> None:
    generated = only(PINNED, SyncJobContentGenerated)
    assert (generated.content, generated.version, generated.channels) == (CONTENT, 3, (EMAIL, WEBSITE, TWITTER))
    PINNED.when(accepted(REPLY, {"title": "Other"})).then_nothing()
    PINNED.when(READ).then_nothing()


def test_a_job_without_a_document_fails_on_every_channel() -> None:
    failed = STARTED.when(ReadJobDocument(at=NOW, root=ROOT, run=0, code="not_found", reason="gone"))
    failed.then_kinds(ChannelFailed, ChannelFailed, ChannelFailed, SyncJobFailed)
    over = only(failed, SyncJobFailed)
    assert [(error.channel, error.code, error.attempts) for error in over.errors] == [
        (EMAIL, "not_found", 0),
        (WEBSITE, "not_found", 0),
        (TWITTER, "not_found", 0),
    ]
    assert {result.status for result in over.results.values()} == {"failed"}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (rejected(REPLY, "too_large"), "too_large"),
        (unconfirmed(REPLY), "unavailable"),
        (accepted(REPLY), "unavailable"),
    ],
)
def test_content_that_cannot_be_composed_fails_the_job(answer: RecordJobContent, code: str) -> None:
    assert only(STARTED.when(READ).when(answer), SyncJobFailed).errors[0].code == code


def test_composition_that_is_put_off_is_awaited() -> None:
    STARTED.when(READ).when(deferred(REPLY)).then_nothing()


def test_a_job_without_channels_ends_with_its_content() -> None:
    none = STORY.when(requested_job().model_copy(update={"channels": ()}))
    none.when(accepted(REPLY, CONTENT)).then_kinds(SyncJobContentGenerated, SyncJobCompleted)


PARTLY = PINNED.when(outcome(EMAIL)).when(outcome(WEBSITE, "failed")).when(outcome(TWITTER, "unconfirmed"))


def test_a_retry_opens_what_failed_and_leaves_out_what_may_have_been_delivered() -> None:
    retried = PARTLY.when(retried_job())
    retried.then_kinds(SyncJobRetried, SyncJobStarted)
    started = only(retried, SyncJobStarted)
    assert (started.run, started.channels, started.pinned, started.repeat_unconfirmed) == (1, (WEBSITE,), True, False)


def test_a_persons_word_opens_what_may_have_been_delivered() -> None:
    started = only(PARTLY.when(retried_job(repeat_unconfirmed=True)), SyncJobStarted)
    assert (started.channels, started.repeat_unconfirmed) == ((WEBSITE, TWITTER), True)


def test_a_retry_keeps_the_correlation_of_its_job_unless_it_has_one() -> None:
    assert only(PARTLY.when(retried_job()), SyncJobRetried).correlation_id == "c1"
    assert only(PARTLY.when(retried_job(correlation_id="c2")), SyncJobRetried).correlation_id == "c2"


def test_one_retry_is_under_way_at_most() -> None:
    PARTLY.when(retried_job()).when(retried_job(run=1)).then_refused(NotRetryable)


def test_a_job_under_way_or_waiting_is_not_retried() -> None:
    PINNED.when(retried_job()).then_refused(NotRetryable)
    WAITING.when(retried_job()).then_refused(NotRetryable)


def test_a_delivered_job_is_not_retried() -> None:
    delivered = PINNED.when(outcome(EMAIL)).when(outcome(WEBSITE)).when(outcome(TWITTER))
    delivered.when(retried_job(repeat_unconfirmed=True)).then_refused(NotRetryable)


def test_a_retry_that_could_only_repeat_the_unconfirmed_says_what_to_do() -> None:
    lost = STORY.when(requested_job(TWITTER)).when(READ).when(accepted(REPLY, CONTENT))
    refused = lost.when(outcome(TWITTER, "unconfirmed")).when(retried_job())
    refused.then_refused(NotRetryable)
    assert "repeat_unconfirmed" in str(refused.refusal)


def test_a_retry_of_a_job_without_content_fetches_its_document_anew() -> None:
    failed = STARTED.when(ReadJobDocument(at=NOW, root=ROOT, run=0, code="not_found"))
    retried = failed.when(retried_job())
    assert only(retried, SyncJobStarted).pinned is False
    retried.when(READ).then_nothing()
    read = retried.when(ReadJobDocument(at=NOW, root=ROOT, run=1, version=4))
    read.then_kinds(SyncJobDocumentRead)
    read.when(accepted(REPLY, CONTENT)).then_nothing()
    read.when(accepted(RecordJobContent(at=NOW, root=ROOT, run=1, version=4), CONTENT)).then_kinds(
        SyncJobContentGenerated
    )


def test_a_waiting_job_is_cancelled_and_shown_as_failed() -> None:
    cancelled = WAITING.when(cancel())
    cancelled.then_kinds(SyncJobCancelled, ChannelFailed, ChannelFailed, ChannelFailed, SyncJobFailed)
    over = only(cancelled, SyncJobFailed)
    assert ({error.code for error in over.errors}, over.was, over.counted_seconds) == (
        {"cancelled"},
        JobStatus.PENDING,
        None,
    )


def test_a_cancelled_job_does_not_start_and_can_be_retried() -> None:
    cancelled = WAITING.when(cancel())
    cancelled.when(StartSyncJob(at=NOW + HOUR, root=ROOT)).then_nothing()
    assert only(cancelled.when(retried_job()), SyncJobStarted).channels == (EMAIL, WEBSITE, TWITTER)


def test_a_started_job_is_not_cancelled() -> None:
    STARTED.when(cancel()).then_refused(NotCancellable)
    PARTLY.when(cancel()).then_refused(NotCancellable)


def test_an_unknown_job_and_another_tenants_are_one() -> None:
    STORY.when(cancel()).then_refused(UnknownJob)
    STORY.when(retried_job()).then_refused(UnknownJob)
    WAITING.when(cancel(tenant="other")).then_refused(UnknownJob)
    WAITING.when(cancel(run=1)).then_refused(UnknownJob)
    PARTLY.when(retried_job(tenant="other")).then_refused(UnknownJob)
    PARTLY.when(retried_job(run=1)).then_refused(UnknownJob)


def test_the_time_of_a_job_counts_from_when_it_was_due() -> None:
    started = WAITING.when(StartSyncJob(at=NOW + HOUR, root=ROOT))
    failed = started.when(ReadJobDocument(at=NOW + HOUR + 7 * SECOND, root=ROOT, run=0, code="not_found"))
    assert only(failed, SyncJobFailed).counted_seconds == 7
    assert only(failed, SyncJobFailed).was is JobStatus.IN_PROGRESS

"""What follows from events: calls, timers, and the word to the job."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from commands.content_generator.announcement import MakeAnnouncement
from commands.content_generator.batch import RecordBatch
from commands.content_generator.campaign import RequestCampaign, StartCampaign
from commands.content_generator.channel_outcome import ChannelOutcome, RecordChannel
from commands.content_generator.document import RequestFetch
from commands.content_generator.effects import (
    ComposeContent,
    CountAudience,
    FindPost,
    Publish,
    PublishPost,
    ReadMetrics,
    ReadReports,
    ResolveAudience,
    SendBatch,
)
from commands.content_generator.live_session import CloseSession, EndIfEmpty
from commands.content_generator.post import LookForPost, RequestPost
from commands.content_generator.publication import PublishScheduled, RequestMetrics, RequestPublication
from commands.content_generator.reactions import react
from commands.content_generator.recipient import RecordReport
from commands.content_generator.reports import RequestReports
from commands.content_generator.sync_job import CancelSyncJob, RequestSyncJob, StartSyncJob
from commands.webhooks import QueueWebhook
from domain.calls.document import FetchDocument
from domain.content_generator.kinds import Channel, JobKind, content_id
from domain.content_generator.looks import AGES
from domain.messages import Command, Effect, Event
from streams.core.envelope import GENESIS, Record, Recorded
from streams.core.wiring import Call, EraseSubject, Later, Reaction, Withdraw
from streams.testing import Scenario
from tests.commands.content_generator import (
    campaigns,
    test_document,
    test_generation,
    test_live_session,
    test_post,
    test_reports,
)
from tests.commands.content_generator import test_participation as participation
from tests.commands.content_generator import test_publication as publication
from tests.commands.content_generator import test_sync_job as jobs
from tests.commands.content_generator.stories import (
    CAMPAIGN_ID,
    HOUR,
    NOW,
    ROOT,
    SECOND,
    STORY,
    TENANT,
    accepted,
    outcome,
    rejected,
    requested_job,
    retried_job,
    unconfirmed,
)

ID = UUID(int=7)


def recorded(event: Event) -> Recorded[Event]:
    """The event in its place: record 40 of partition 2."""
    about = ("key", "stream", 1, event.name, event.subject, b"{}", ID, None, ID, "actor")
    return Recorded(event, Record("content_generator", 2, 40, ID, *about, event.at, GENESIS))


def reactions(scenario: Scenario) -> list[Reaction]:
    """What follows from all that the last command did."""
    return [reaction for event in scenario.produced for reaction in react(recorded(event))]


def calls(scenario: Scenario) -> list[Effect]:
    return [one.effect for one in reactions(scenario) if isinstance(one, Call)]


def timers(scenario: Scenario) -> list[tuple[timedelta, Command]]:
    """What is due, and how long after the start of the story."""
    return [(one.due_at - NOW, one.command) for one in reactions(scenario) if isinstance(one, Later)]


def commands(scenario: Scenario) -> list[Command]:
    return [command for _, command in timers(scenario)]


def kinds(found: list[Any]) -> list[type[Any]]:
    return [type(one) for one in found]


def answers(scenario: Scenario) -> Iterator[RecordChannel]:
    return (command for command in commands(scenario) if isinstance(command, RecordChannel))


def test_only_the_request_that_begins_a_fetch_makes_a_call() -> None:
    first = STORY.when(test_document.fetch())
    assert kinds(calls(first)) == [FetchDocument]
    assert reactions(first.when(test_document.fetch(test_document.BEN))) == []


def test_everybody_who_waits_for_a_document_is_told_its_version() -> None:
    waiting = STORY.when(test_document.fetch()).when(test_document.fetch(test_document.BEN, max_age=60))
    fetched = waiting.when(accepted(test_document.reply(), test_document.text("x")))
    told = [(command.key, getattr(command, "version", None)) for command in commands(fetched)]
    assert told == [("ann", 1), ("ben", 1)]


def test_everybody_who_waits_is_told_why_there_is_no_document() -> None:
    failed = STORY.when(test_document.fetch()).when(rejected(test_document.reply(), "forbidden"))
    assert [getattr(command, "code", None) for command in commands(failed)] == ["forbidden"]


def test_a_generation_asks_for_its_document_and_then_composes() -> None:
    (fetch,) = commands(STORY.when(test_generation.request()))
    assert isinstance(fetch, RequestFetch)
    assert (fetch.max_age, fetch.waiter and fetch.waiter.key) == (60, "g")
    (compose,) = calls(test_generation.COMPOSING)
    assert isinstance(compose, ComposeContent)
    assert (compose.owner, compose.version, compose.custom_data) == ("generation", 3, {"city": "Vienna"})


def test_a_job_looks_at_its_document_anew_and_composes_it_for_all() -> None:
    (fetch,) = commands(jobs.STARTED)
    assert isinstance(fetch, RequestFetch)
    assert (fetch.max_age, fetch.waiter and fetch.waiter.run) == (0, 0)
    (compose,) = calls(jobs.STARTED.when(jobs.READ))
    assert isinstance(compose, ComposeContent)
    assert (compose.owner, compose.id, compose.version) == ("sync_job", ROOT, 3)


def test_a_summarys_job_composes_without_a_document() -> None:
    summary = STORY.when(
        requested_job(kind=JobKind.SUMMARY, source=None, document=None, document_id="morning", summary="s")
    )
    (compose,) = calls(summary)
    assert isinstance(compose, ComposeContent)
    assert (compose.document, compose.summary) == (None, "s")


def test_a_waiting_job_has_a_timer_that_its_cancellation_withdraws() -> None:
    (timer,) = reactions(jobs.WAITING)
    assert isinstance(timer, Later)
    assert (timer.due_at, type(timer.command)) == (NOW + HOUR, StartSyncJob)
    cancelled = jobs.WAITING.when(CancelSyncJob(at=NOW, root=ROOT, run=0, tenant=TENANT, cancelled_by="m"))
    assert Withdraw(timer.key) in reactions(cancelled)


def test_pinned_content_goes_to_every_channel_at_once() -> None:
    wanted = [RequestCampaign, RequestPublication, RequestPost]
    assert kinds(commands(jobs.PINNED)) == wanted
    again = jobs.PINNED
    for channel in (Channel.EMAIL, Channel.WEBSITE, Channel.TWITTER):
        again = again.when(outcome(channel, "unconfirmed"))
    retried = again.when(retried_job(repeat_unconfirmed=True))
    assert kinds(commands(retried)) == wanted
    assert {getattr(command, "run", None) for command in commands(retried)} == {1}
    assert getattr(commands(retried)[0], "repeat_unconfirmed", None) is True


def test_the_end_of_a_run_is_told_to_the_webhook() -> None:
    (told,) = commands(jobs.WAITING.when(jobs.cancel()))
    assert isinstance(told, QueueWebhook)
    assert (told.event_type, told.webhook_id) == ("job.failed", str(ID))


def test_a_published_summary_asks_for_its_job() -> None:
    (job,) = commands(STORY.when(participation.summary(publish=True)))
    assert isinstance(job, RequestSyncJob)
    assert (job.kind, job.root, job.summary, job.document) == (JobKind.SUMMARY, ROOT, "s", None)


def test_a_newsletter_is_counted_and_a_jobs_e_mail_is_resolved() -> None:
    assert kinds(calls(STORY.when(campaigns.newsletter()))) == [CountAudience]
    assert kinds(calls(campaigns.REQUESTED)) == [ResolveAudience]


def test_a_scheduled_newsletter_has_a_timer_that_its_cancellation_withdraws() -> None:
    scheduled = STORY.when(campaigns.newsletter(due_at=NOW + HOUR)).when(accepted(campaigns.COUNT))
    (timer,) = reactions(scheduled)
    assert isinstance(timer, Later)
    assert (timer.due_at, type(timer.command)) == (NOW + HOUR, StartCampaign)
    assert reactions(scheduled.when(campaigns.cancelled())) == [Withdraw(timer.key)]


def test_a_whole_audience_is_sent_to_from_its_position_and_its_carrier_is_destroyed() -> None:
    start, erase = commands(campaigns.resolved(campaigns.REQUESTED, 1))
    assert getattr(start, "position", None) == 40
    assert isinstance(erase, EraseSubject)
    carrier = f"audience-1-{CAMPAIGN_ID}"  # under the campaign's key its state would be forgotten, and folded anew
    assert (erase.partition_key, erase.erased) == (carrier, f"content_generator:{carrier}")


def test_the_carrier_of_an_audience_that_failed_is_destroyed_a_week_later() -> None:
    failed = timers(campaigns.REQUESTED.when(rejected(campaigns.page_reply())))
    assert [age for age, command in failed if isinstance(command, EraseSubject)] == [timedelta(days=7)]


def test_four_batches_are_sent_and_each_answer_sends_the_next() -> None:
    started = campaigns.sending(campaigns.REQUESTED, 6)
    assert [effect.batch for effect in calls(started) if isinstance(effect, SendBatch)] == [1, 2, 3, 4]
    (following,) = calls(started.when(campaigns.batch(1)))
    assert isinstance(following, SendBatch)
    assert (following.batch, following.partition, following.position, following.round) == (5, 2, 40, 1)
    (call,) = (one for one in reactions(started.when(campaigns.batch(1))) if isinstance(one, Call))
    assert isinstance(call.reply, RecordBatch)


SENT = campaigns.sending(campaigns.REQUESTED, 1).when(campaigns.batch(1))


def test_a_sent_campaign_is_told_to_its_job_the_webhook_and_its_looks() -> None:
    assert kinds(commands(SENT)) == [RecordChannel, QueueWebhook, RequestReports]
    (answer,) = answers(SENT)
    assert (answer.outcome, answer.result.status, answer.result.recipients, answer.result.job_id) == (
        ChannelOutcome.DELIVERED,
        "sent",
        10,
        CAMPAIGN_ID,
    )


def test_a_campaign_that_was_sent_before_is_told_to_the_run_alone() -> None:
    assert kinds(commands(SENT.when(campaigns.of_job(run=1)))) == [RecordChannel]


@pytest.mark.parametrize(("word", "wanted"), [("failed", "failed"), ("unconfirmed", "unconfirmed")])
def test_a_campaign_that_failed_is_told_to_its_job(word: str, wanted: str) -> None:
    (answer,) = answers(campaigns.sending(campaigns.REQUESTED, 1).when(campaigns.batch(1, word)))
    assert (answer.outcome, answer.result.status) == (ChannelOutcome(wanted), wanted)


def test_a_newsletter_tells_no_job() -> None:
    sent = campaigns.sending(STORY.when(campaigns.newsletter()).when(accepted(campaigns.COUNT)), 1)
    assert kinds(commands(sent.when(campaigns.batch(1)))) == [QueueWebhook, RequestReports]


def test_reports_are_looked_at_by_age() -> None:
    assert (AGES[0], AGES[59], AGES[60], AGES[-1]) == (
        timedelta(minutes=1),
        timedelta(hours=1),
        timedelta(hours=1, minutes=15),
        timedelta(days=30),
    )
    asked = SENT.when(RequestReports(at=NOW, campaign_id=CAMPAIGN_ID, look=59))
    assert kinds(calls(asked)) == [ReadReports]
    ((age, following),) = timers(asked)
    assert (age, getattr(following, "look", None)) == (timedelta(minutes=15), 60)
    last = SENT.when(RequestReports(at=NOW, campaign_id=CAMPAIGN_ID, look=len(AGES) - 1))
    assert timers(last) == timers(SENT.when(RequestReports(at=NOW, campaign_id=CAMPAIGN_ID))) == []


def test_every_report_has_a_key_of_its_own_and_another_page_is_asked_for_at_once() -> None:
    lines = test_reports.page(test_reports.line("r1"), test_reports.line("r2"), more=True)
    read = SENT.when(test_reports.ask()).when(accepted(test_reports.REPLY, lines))
    keys = [one.key for one in reactions(read) if isinstance(one, Later) and isinstance(one.command, RecordReport)]
    assert keys == ["report/r1", "report/r2"]
    assert kinds(commands(read)) == [RecordReport, RecordReport, RequestReports]


def test_a_page_is_published_under_its_id() -> None:
    (effect,) = calls(publication.PUBLISHING)
    assert effect == Publish(content_id=content_id(ROOT), root=ROOT, test_mode=False)
    ((age, command),) = timers(STORY.when(publication.DUE))
    assert (age, type(command)) == (HOUR, PublishScheduled)


def test_a_published_page_is_told_to_its_job_the_webhook_and_its_looks() -> None:
    assert kinds(commands(publication.PUBLISHED)) == [RecordChannel, QueueWebhook, RequestMetrics]
    assert kinds(commands(publication.PUBLISHED.when(publication.of_job(run=1)))) == [RecordChannel]
    (told,) = answers(publication.PUBLISHED)
    assert (told.outcome, told.result.status, told.result.url, told.code) == (
        ChannelOutcome.DELIVERED,
        "published",
        "https://example.com/x",
        "",
    )
    own = STORY.when(publication.request()).when(accepted(publication.reply()))
    assert kinds(commands(own)) == [QueueWebhook, RequestMetrics]


@pytest.mark.parametrize(
    ("answer", "wanted", "code"),
    [
        (rejected(publication.reply()), "failed", "refused"),
        (unconfirmed(publication.reply()), "unconfirmed", "unanswered"),
    ],
)
def test_a_page_that_was_not_published_is_told_to_its_job(answer: Any, wanted: str, code: str) -> None:
    (told,) = answers(publication.PUBLISHING.when(answer))
    assert (told.outcome, told.result.status, told.code) == (ChannelOutcome(wanted), wanted, code)


def test_figures_are_read_by_the_platforms_id() -> None:
    (effect,) = calls(publication.PUBLISHED.when(publication.look()))
    assert effect == ReadMetrics(content_id=content_id(ROOT), provider_id="p9")


def test_figures_are_looked_at_by_age_until_the_last_look() -> None:
    ((age, first),) = [one for one in timers(publication.PUBLISHED) if isinstance(one[1], RequestMetrics)]
    assert (age, getattr(first, "look", None)) == (AGES[0], 0)
    ((age, following),) = timers(publication.PUBLISHED.when(publication.look(number=59)))
    assert (age, getattr(following, "look", None)) == (timedelta(minutes=15), 60)
    assert timers(publication.PUBLISHED.when(publication.look(number=len(AGES) - 1))) == []
    assert timers(publication.PUBLISHED.when(publication.look())) == []


def test_a_post_is_made_and_an_unanswered_call_is_looked_for_three_times() -> None:
    assert kinds(calls(test_post.CALLED)) == [PublishPost]
    looked = timers(test_post.SILENT)
    assert [age / SECOND for age, _ in looked] == [2, 10, 30]
    assert [command.look for _, command in looked if isinstance(command, LookForPost)] == [1, 2, 3]
    (find,) = calls(test_post.SILENT.when(test_post.look(1)))
    assert isinstance(find, FindPost)
    assert (find.since, find.test_mode) == (NOW, False)


def test_a_test_without_an_answer_is_looked_for_where_tests_go() -> None:
    asked = STORY.when(test_post.request().model_copy(update={"test_mode": True}))
    (find,) = calls(asked.when(unconfirmed(test_post.reply())).when(test_post.look(1)))
    assert isinstance(find, FindPost)
    assert find.test_mode


def test_a_post_that_is_made_again_is_another_call() -> None:
    assert kinds(calls(test_post.looks(test_post.BROKEN))) == [PublishPost]


def test_an_unconfirmed_post_is_told_to_its_job_and_looked_for_later() -> None:
    (told,) = answers(test_post.LOST)
    assert (told.outcome, told.result.post_id) == (ChannelOutcome.UNCONFIRMED, test_post.POST_ID)
    late = [(age - 30 * SECOND, c.look) for age, c in timers(test_post.LOST) if isinstance(c, LookForPost)]
    assert late == [(timedelta(minutes=5), 4), (timedelta(hours=1), 5)]


@pytest.mark.parametrize(
    ("story", "wanted"),
    [
        (test_post.CALLED.when(accepted(test_post.reply())), "delivered"),
        (test_post.LOST.when(test_post.seen(4, test_post.FOUND)), "delivered"),
        (test_post.CALLED.when(rejected(test_post.reply())), "failed"),
        (test_post.LOST.when(test_post.resolve(True)), "delivered"),
        (test_post.LOST.when(test_post.resolve(False)), "failed"),
    ],
)
def test_the_fate_of_a_post_is_told_to_its_job(story: Scenario, wanted: str) -> None:
    (told,) = answers(story)
    assert (told.outcome, told.channel) == (ChannelOutcome(wanted), Channel.TWITTER)
    assert (told.code == "") is (wanted == "delivered")


def test_an_empty_session_has_a_timer_that_a_join_withdraws() -> None:
    left = test_live_session.JOINED.when(test_live_session.close())
    (timer,) = reactions(left)
    assert isinstance(timer, Later)
    assert (timer.due_at - NOW, type(timer.command)) == (timedelta(minutes=15), EndIfEmpty)
    assert reactions(left.when(test_live_session.join(connection="a2"))) == [Withdraw(timer.key)]


def test_an_ending_session_closes_five_seconds_later() -> None:
    ((age, command),) = timers(test_live_session.JOINED.when(test_live_session.end()))
    assert (age, type(command)) == (5 * SECOND, CloseSession)


def test_an_announcement_goes_to_every_sessions_own_key() -> None:
    make = MakeAnnouncement(
        at=NOW,
        announcement_id="n",
        tenant=TENANT,
        words=test_live_session.WORDS,
        sessions=("a", "b"),
        made_by="m",
    )
    assert [command.key for command in commands(STORY.when(make))] == [f"{TENANT}/a", f"{TENANT}/b"]

"""Jobs and what became of their channels, from a real database behind the real engine."""

from __future__ import annotations

from datetime import timedelta

from commands.content_generator.effects import Publish, PublishPost, SendBatch
from commands.content_generator.post import ResolvePost
from commands.content_generator.publication import WantedStatus
from commands.content_generator.sync_job import CancelSyncJob, RetrySyncJob
from domain.calls.social_post import Network
from domain.content_generator.kinds import Channel, JobStatus, post_id
from domain.content_generator.post import PostPhase
from domain.content_generator.publication import Metrics, PublicationPhase
from projections.content_generator.posts import post_by_id
from projections.content_generator.publications import publication_by_id
from projections.content_generator.queries.explanation import explanation_of
from projections.content_generator.queries.jobs import JobRow, job_by_id, jobs_page
from projections.content_generator.queries.metrics import metrics_of
from streams.core.calls import Accepted, Rejected, Unknown
from tests.projections.content_generator.examples import JOB, ROOT, page, sync
from tests.projections.content_generator.running import METRICS, NOW, TENANT, Running

RETRY = RetrySyncJob(
    at=NOW, root=ROOT, run=0, tenant=TENANT, repeat_unconfirmed=False, correlation_id="", requested_by="bea"
)


async def job(world: Running, id_: str = JOB) -> JobRow:
    found = await job_by_id(world.connection, TENANT, id_)
    assert found is not None
    return found


async def test_a_job_ends_with_the_results_of_all_its_channels(world: Running) -> None:
    await world.finish(sync(Channel.EMAIL, Channel.WEBSITE, Channel.TWITTER))
    found = await job(world)
    assert (found.status, found.created_at, found.completed_at, found.errors) == (JobStatus.COMPLETED, NOW, NOW, ())
    shown = {channel: result.model_dump(exclude_none=True) for channel, result in found.results.items()}
    assert shown == {
        "email": {"status": "sent", "recipients": 3, "job_id": f"email-job-{ROOT}"},
        "website": {"status": "published", "content_id": f"content-{ROOT}", "url": "/updates/news"},
        "twitter": {"status": "posted", "post_id": f"post-twitter-{ROOT}", "url": "https://social.example/1"},
    }
    assert await job_by_id(world.connection, "another", JOB) is None


async def test_while_a_job_goes_on_only_channels_with_an_answer_have_results(world: Running) -> None:
    world.providers[PublishPost].verdicts.append(Unknown("no answer came"))
    world.providers[PublishPost].idempotent = False
    world.providers[Publish].verdicts.append(Rejected("publish_failed", "the title is taken"))
    await world.finish(sync(Channel.WEBSITE, Channel.TWITTER))
    found = await job(world)
    assert found.status is JobStatus.IN_PROGRESS
    assert [(error.channel, error.code) for error in found.errors] == [("website", "publish_failed")]
    assert {channel: result.status for channel, result in found.results.items()} == {"website": "failed"}


async def test_a_run_that_is_restated_keeps_the_time_of_its_first_end(world: Running) -> None:
    world.providers[PublishPost].verdicts.append(Unknown("no answer came"))
    world.providers[PublishPost].idempotent = False
    await world.finish(sync(Channel.TWITTER))
    for seconds in (2, 8, 20):
        await world.settle(timedelta(seconds=seconds))
    assert ((await job(world)).status, (await job(world)).completed_at) == ("failed", NOW + timedelta(seconds=30))
    resolved = ResolvePost(
        at=NOW,
        post_id=post_id(ROOT, Network.TWITTER),
        tenant=TENANT,
        delivered=True,
        url="https://x/1",
        resolved_by="ana",
    )
    world.clock.advance(timedelta(seconds=30))
    await world.finish(resolved)
    found = await job(world)
    assert (found.status, found.errors) == (JobStatus.COMPLETED, ())
    assert (found.completed_at, found.restated_at) == (NOW + timedelta(seconds=30), NOW + timedelta(seconds=60))
    post = await post_by_id(world.connection, TENANT, post_id(ROOT, Network.TWITTER))
    assert post is not None
    assert (post.phase, post.url, post.resolved_by) == (PostPhase.PUBLISHED, "https://x/1", "ana")
    metrics = await metrics_of(world.connection, TENANT)
    assert (metrics.processing_seconds, metrics.statuses[JobStatus.COMPLETED], metrics.total) == (30.0, 1, 1)


async def test_a_retry_is_a_job_of_its_own_in_the_list(world: Running) -> None:
    world.providers[Publish].verdicts.append(Rejected("publish_failed", "no"))
    await world.finish(sync(Channel.WEBSITE, Channel.LINKEDIN))
    world.clock.advance(timedelta(seconds=1))
    await world.finish(RETRY)
    listed = await jobs_page(world.connection, TENANT)
    assert [(one.job_id, one.status, one.channels) for one in listed.jobs] == [
        (f"sync-job-retry-1-{ROOT}", JobStatus.COMPLETED, (Channel.WEBSITE,)),
        (JOB, JobStatus.PARTIAL, (Channel.WEBSITE, Channel.LINKEDIN)),
    ]
    assert listed.total == 2
    partial = await jobs_page(world.connection, TENANT, status=JobStatus.PARTIAL, channel=Channel.LINKEDIN)
    assert ([one.job_id for one in partial.jobs], partial.total) == ([JOB], 1)
    metrics = await metrics_of(world.connection, TENANT)
    assert (metrics.success_rate, metrics.channels[Channel.WEBSITE], metrics.active) == (50.0, 2, 0)
    assert metrics.last_syncs == {"notion:page": NOW + timedelta(seconds=1)}
    assert (await metrics_of(world.connection, "another")).total == 0


async def test_a_job_that_waits_and_is_cancelled_counts_no_time(world: Running) -> None:
    await world.finish(sync(Channel.WEBSITE, due_at=NOW + timedelta(hours=1)))
    waiting = await job(world)
    assert (waiting.status, waiting.due_at) == (JobStatus.PENDING, NOW + timedelta(hours=1))
    await world.finish(CancelSyncJob(at=NOW, root=ROOT, run=0, tenant=TENANT, cancelled_by="ana"))
    found = await job(world)
    assert (found.status, [error.code for error in found.errors]) == (JobStatus.FAILED, ["cancelled"])
    metrics = await metrics_of(world.connection, TENANT)
    assert (metrics.total, metrics.statuses[JobStatus.PENDING], metrics.processing_seconds) == (1, 0, 0.0)


async def test_the_last_sync_of_a_document_is_the_latest_of_all_partitions(world: Running) -> None:
    for number in range(8):
        world.clock.advance(timedelta(seconds=1))
        await world.finish(sync(Channel.WEBSITE, root=f"{number:032x}"))
    rows = await (await world.connection.execute("select count(*) from content_generator_syncs")).fetchone()
    assert rows is not None
    assert rows[0] > 1
    assert (await metrics_of(world.connection, TENANT)).last_syncs == {"notion:page": NOW + timedelta(seconds=8)}


async def test_a_page_shows_its_course_and_the_figures_with_the_time_of_their_observation(world: Running) -> None:
    await world.finish(page(WantedStatus.PUBLISHED))
    found = await publication_by_id(world.connection, TENANT, "content-1")
    assert found is not None
    assert (found.phase, found.url, found.page_version) == (PublicationPhase.PUBLISHED, "/updates/news", 1)
    assert (found.metrics, found.observed_at) == (Metrics(), None)
    await world.settle(timedelta(minutes=1))
    found = await publication_by_id(world.connection, TENANT, "content-1")
    assert found is not None
    assert (found.metrics, found.observed_at) == (Metrics.model_validate(METRICS), NOW + timedelta(minutes=1))
    assert await publication_by_id(world.connection, "another", "content-1") is None


async def test_a_page_that_waits_or_is_refused_says_so(world: Running) -> None:
    world.providers[Publish].verdicts.append(Rejected("publish_failed", "no"))
    due_at = NOW + timedelta(hours=1)
    await world.finish(page(WantedStatus.SCHEDULED, due_at=due_at))
    waiting = await publication_by_id(world.connection, TENANT, "content-1")
    assert waiting is not None
    assert (waiting.phase, waiting.due_at, waiting.title) == (PublicationPhase.SCHEDULED, due_at, "News")
    await world.settle(timedelta(hours=1))
    refused = await publication_by_id(world.connection, TENANT, "content-1")
    assert refused is not None
    assert (refused.phase, refused.code, refused.reason) == (PublicationPhase.FAILED, "publish_failed", "no")


async def test_an_explanation_says_why_each_channel_went_or_not_with_its_events(world: Running) -> None:
    world.providers[SendBatch].verdicts.append(Accepted("b", {"accepted": 2, "suppressed": 1}))
    world.providers[Publish].verdicts.append(Rejected("publish_failed", "the title is taken"))
    await world.finish(sync(Channel.EMAIL, Channel.WEBSITE, Channel.FACEBOOK))
    found = await explanation_of(world.connection, TENANT, JOB)
    assert found is not None
    assert found.sentence == "The run ended as partial."
    assert found.history[0].sentence == "Requested for E-mail, Website, Facebook by ana."
    email, website, facebook = found.channels
    assert email.sentence == "E-mail: delivered."
    assert [one.sentence for one in email.history] == [
        "The e-mail was requested.",
        "3 recipients are on record, in 1 batches.",
        "Sending of 1 batches started.",
        "Batch 1 was accepted for 2 recipients, 1 left out.",
        "Every batch was answered: 2 recipients were accepted.",
    ]
    assert website.sentence == "Website: failed (publish_failed): the title is taken."
    assert website.history[-1].event.name == "content_generator.publication.failed.v1"
    assert facebook.history[-1].sentence == "The network took the post."
    assert "@example.com" not in str(found)


async def test_an_explanation_of_a_retry_is_about_its_own_run(world: Running) -> None:
    world.providers[Publish].verdicts.append(Rejected("publish_failed", "no"))
    await world.finish(sync(Channel.WEBSITE, Channel.TWITTER))
    await world.finish(RETRY)
    found = await explanation_of(world.connection, TENANT, f"sync-job-retry-1-{ROOT}")
    assert found is not None
    assert [one.channel for one in found.channels] == [Channel.WEBSITE]
    assert found.history[1].sentence == "Run 1 started with the content of an earlier run, for Website."
    assert found.channels[0].sentence == "Website: delivered."
    for unknown in (f"sync-job-retry-2-{ROOT}", "sync-job-x", f"sync-job-{'0' * 32}"):
        assert await explanation_of(world.connection, TENANT, unknown) is None
    assert await explanation_of(world.connection, "another", JOB) is None

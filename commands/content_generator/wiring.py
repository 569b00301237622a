"""The wiring of the content_generator context. Every stream is a key of its own; a job shares one with its retries.

The record in `products/content_generator.py` adds the read models.
"""

from __future__ import annotations

from operator import attrgetter

from commands.content_generator import (
    announcement,
    batch,
    campaign,
    channel_outcome,
    document,
    generation,
    live_session,
    participation,
    post,
    publication,
    recipient,
    reports,
    summary,
    sync_job,
)
from commands.content_generator.effects import EFFECTS
from commands.content_generator.reactions import react
from commands.outbox import OUTBOX_HANDLERS, StillThere
from commands.tokens import TOKEN_EVENTS, TOKEN_HANDLERS
from commands.webhooks import WEBHOOK_EVENTS, WEBHOOK_HANDLERS, WEBHOOK_REFUSALS
from domain.calls.document import FetchDocument
from domain.calls.outbox import ForgetMessages
from domain.calls.webhook import DeliverWebhook
from domain.content_generator import announcement as announcements
from domain.content_generator import campaign as campaigns
from domain.content_generator import document as documents
from domain.content_generator import generation as generations
from domain.content_generator import live_session as sessions
from domain.content_generator import participation as participations
from domain.content_generator import post as posts
from domain.content_generator import publication as publications
from domain.content_generator import recipient as recipients
from domain.content_generator import summary as summaries
from domain.content_generator import sync_job as jobs
from domain.content_generator.events import EVENTS
from streams.core.wiring import Context, Handler, Stream

DOCUMENT = Stream("document", documents.DocumentState(), documents.evolve, id_of=attrgetter("document"))
GENERATION = Stream("generation", generations.Generation(), generations.evolve, id_of=attrgetter("generation_id"))
JOB = Stream("sync_job", jobs.SyncJob(), jobs.evolve, id_of=attrgetter("root"))
CAMPAIGN = Stream("campaign", campaigns.Campaign(), campaigns.evolve, id_of=attrgetter("campaign_id"))
RECIPIENT = Stream("recipient", recipients.Recipient(), recipients.evolve, id_of=attrgetter("mark"))
PUBLICATION = Stream("publication", publications.Publication(), publications.evolve, id_of=attrgetter("content_id"))
POST = Stream("post", posts.Post(), posts.evolve, id_of=attrgetter("post_id"))
SUMMARY = Stream("summary", summaries.Summary(), summaries.evolve, id_of=attrgetter("content_id"))
SESSION = Stream("live_session", sessions.LiveSession(), sessions.evolve, id_of=attrgetter("session"))
PARTICIPATION = Stream(
    "participation", participations.Participation(), participations.evolve, id_of=attrgetter("participation")
)
ANNOUNCEMENT = Stream(
    "announcement", announcements.Announcement(), announcements.evolve, id_of=attrgetter("announcement_id")
)

CONTENT_HANDLERS = (
    Handler(document.RequestFetch, decide=document.request_fetch, writes=DOCUMENT),
    Handler(document.RecordFetch, decide=document.record_fetch, writes=DOCUMENT),
    Handler(generation.RequestGeneration, decide=generation.request, writes=GENERATION, creates=True),
    Handler(generation.ReadDocument, decide=generation.read_document, writes=GENERATION),
    Handler(generation.RecordContent, decide=generation.record_content, writes=GENERATION),
    Handler(summary.GenerateSummary, decide=summary.generate, writes=SUMMARY, creates=True),
)

JOB_HANDLERS = (
    Handler(sync_job.RequestSyncJob, decide=sync_job.request, writes=JOB),
    Handler(sync_job.StartSyncJob, decide=sync_job.start, writes=JOB),
    Handler(sync_job.ReadJobDocument, decide=sync_job.read_document, writes=JOB),
    Handler(sync_job.RecordJobContent, decide=sync_job.record_content, writes=JOB),
    Handler(sync_job.RetrySyncJob, decide=sync_job.retry, writes=JOB),
    Handler(sync_job.CancelSyncJob, decide=sync_job.cancel, writes=JOB),
    Handler(channel_outcome.RecordChannel, decide=channel_outcome.record_channel, writes=JOB),
)

CAMPAIGN_HANDLERS = (
    Handler(campaign.RequestCampaign, decide=campaign.request, writes=CAMPAIGN),
    Handler(campaign.RecordAudienceCount, decide=campaign.record_count, writes=CAMPAIGN),
    Handler(campaign.StartCampaign, decide=campaign.start, writes=CAMPAIGN),
    Handler(campaign.RecordAudiencePage, decide=campaign.record_page, writes=CAMPAIGN),
    Handler(campaign.CancelCampaign, decide=campaign.cancel, writes=CAMPAIGN),
    Handler(campaign.RetryCampaign, decide=campaign.retry, writes=CAMPAIGN),
    Handler(batch.StartSending, decide=batch.start_sending, writes=CAMPAIGN),
    Handler(batch.RecordBatch, decide=batch.record_batch, writes=CAMPAIGN),
    Handler(reports.RequestReports, decide=reports.request_reports, writes=CAMPAIGN),
    Handler(reports.RecordReports, decide=reports.record_reports, writes=CAMPAIGN),
    Handler(recipient.RecordReport, decide=recipient.record_report, writes=RECIPIENT),
    Handler(recipient.Unsubscribe, decide=recipient.unsubscribe, writes=RECIPIENT),
    Handler(recipient.Resubscribe, decide=recipient.resubscribe, writes=RECIPIENT),
)

CHANNEL_HANDLERS = (
    Handler(publication.RequestPublication, decide=publication.request, writes=PUBLICATION),
    Handler(publication.PublishDraft, decide=publication.publish_draft, writes=PUBLICATION),
    Handler(publication.PublishScheduled, decide=publication.publish_scheduled, writes=PUBLICATION),
    Handler(publication.RecordPublication, decide=publication.record, writes=PUBLICATION),
    Handler(publication.RequestMetrics, decide=publication.request_metrics, writes=PUBLICATION),
    Handler(publication.RecordMetrics, decide=publication.record_metrics, writes=PUBLICATION),
    Handler(post.RequestPost, decide=post.request, writes=POST),
    Handler(post.RecordPost, decide=post.record, writes=POST),
    Handler(post.LookForPost, decide=post.look, writes=POST),
    Handler(post.RecordLook, decide=post.record_look, writes=POST),
    Handler(post.ResolvePost, decide=post.resolve, writes=POST),
)

LIVE_HANDLERS = (
    Handler(live_session.JoinSession, decide=live_session.join, writes=SESSION),
    Handler(live_session.CloseConnection, decide=live_session.close_connection, writes=SESSION),
    Handler(live_session.DescribeSession, decide=live_session.describe, writes=SESSION),
    Handler(live_session.ChangeTechnique, decide=live_session.change_technique, writes=SESSION),
    Handler(live_session.ReachMilestone, decide=live_session.reach_milestone, writes=SESSION),
    Handler(live_session.EndSession, decide=live_session.end, writes=SESSION),
    Handler(live_session.EndIfEmpty, decide=live_session.end_if_empty, writes=SESSION),
    Handler(live_session.CloseSession, decide=live_session.close, writes=SESSION),
    Handler(participation.ReportStatus, decide=participation.report_status, writes=PARTICIPATION),
    Handler(participation.GiveFeedback, decide=participation.give_feedback, writes=PARTICIPATION),
    Handler(announcement.MakeAnnouncement, decide=announcement.make, writes=ANNOUNCEMENT),
    Handler(announcement.BroadcastAnnouncement, decide=announcement.broadcast, writes=SESSION),
)

CONTENT_GENERATOR = Context(
    name="content_generator",
    events=(*EVENTS, *WEBHOOK_EVENTS, *TOKEN_EVENTS),
    handlers=(
        *CONTENT_HANDLERS,
        *JOB_HANDLERS,
        *CAMPAIGN_HANDLERS,
        *CHANNEL_HANDLERS,
        *LIVE_HANDLERS,
        *OUTBOX_HANDLERS,
        *WEBHOOK_HANDLERS,
        *TOKEN_HANDLERS,
    ),
    refusals=(
        sync_job.UnknownJob,
        sync_job.NotRetryable,
        sync_job.NotCancellable,
        campaign.UnknownCampaign,
        campaign.CampaignStarted,
        campaign.CampaignNotRetryable,
        publication.UnknownContent,
        publication.NotADraft,
        post.UnknownPost,
        post.NotUnconfirmed,
        live_session.SessionOver,
        live_session.ClientErased,
        live_session.NotConnected,
        StillThere,
        *WEBHOOK_REFUSALS,
    ),
    effects=(*EFFECTS, FetchDocument, ForgetMessages, DeliverWebhook),
    react=react,
)

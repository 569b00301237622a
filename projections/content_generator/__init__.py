"""The read models of documents, jobs, campaigns, publications and live sessions."""

from __future__ import annotations

from projections.content_generator.batches import BATCHES
from projections.content_generator.campaign_counters import CAMPAIGN_COUNTERS
from projections.content_generator.campaign_recipients import CAMPAIGN_RECIPIENTS
from projections.content_generator.campaigns import CAMPAIGNS
from projections.content_generator.channel_states import CHANNEL_STATES
from projections.content_generator.connections import CONNECTIONS
from projections.content_generator.contents import CONTENTS
from projections.content_generator.document_fetches import DOCUMENT_FETCHES
from projections.content_generator.document_versions import DOCUMENT_VERSIONS
from projections.content_generator.feedback import FEEDBACK
from projections.content_generator.generations import GENERATIONS
from projections.content_generator.job_counters import JOB_COUNTERS
from projections.content_generator.job_hours import JOB_HOURS
from projections.content_generator.jobs import JOBS
from projections.content_generator.links import LINKS
from projections.content_generator.live_messages import LIVE_MESSAGES
from projections.content_generator.participants import PARTICIPANTS
from projections.content_generator.posts import POSTS
from projections.content_generator.publications import PUBLICATIONS
from projections.content_generator.recipients import RECIPIENTS
from projections.content_generator.sessions import SESSIONS
from projections.content_generator.summaries import SUMMARIES
from projections.content_generator.syncs import SYNCS
from projections.tokens import tokens_of
from projections.webhook_endpoints import endpoints_of
from projections.webhooks import webhooks_of
from streams.core.read_models import ReadModel

READ_MODELS: tuple[ReadModel, ...] = (
    DOCUMENT_VERSIONS,
    DOCUMENT_FETCHES,
    GENERATIONS,
    CONTENTS,
    JOBS,
    CHANNEL_STATES,
    JOB_COUNTERS,
    JOB_HOURS,
    SYNCS,
    CAMPAIGNS,
    BATCHES,
    CAMPAIGN_RECIPIENTS,
    CAMPAIGN_COUNTERS,
    LINKS,
    RECIPIENTS,
    PUBLICATIONS,
    POSTS,
    SUMMARIES,
    SESSIONS,
    PARTICIPANTS,
    FEEDBACK,
    LIVE_MESSAGES,
    CONNECTIONS,
    webhooks_of("content_generator"),
    *endpoints_of("content_generator"),
    *tokens_of("content_generator"),
)

"""The register of events of this context."""

from __future__ import annotations

from typing import get_args

from domain.content_generator.announcement import AnnouncementMade
from domain.content_generator.campaign import CampaignEvent
from domain.content_generator.document import DocumentEvent
from domain.content_generator.generation import GenerationEvent
from domain.content_generator.live_session import LiveSessionEvent
from domain.content_generator.participation import ParticipationEvent
from domain.content_generator.post import PostEvent
from domain.content_generator.publication import PublicationEvent
from domain.content_generator.recipient import RecipientEvent
from domain.content_generator.summary import SummaryEvent
from domain.content_generator.sync_job import SyncJobEvent
from domain.messages import Event

ContentGeneratorEvent = (
    DocumentEvent
    | GenerationEvent
    | SyncJobEvent
    | CampaignEvent
    | RecipientEvent
    | PublicationEvent
    | PostEvent
    | SummaryEvent
    | LiveSessionEvent
    | ParticipationEvent
    | AnnouncementMade
)
"""The events of this context's own aggregates. Its log also holds those of webhooks, tokens and of the engine."""

EVENTS: tuple[type[Event], ...] = get_args(ContentGeneratorEvent)

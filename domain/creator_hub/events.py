"""The register of events of this context."""

from __future__ import annotations

from typing import get_args

from domain.creator_hub.account import AccountEvent
from domain.creator_hub.allowance import AllowanceSpent
from domain.creator_hub.channel import ChannelEvent
from domain.creator_hub.document import DocumentEvent
from domain.creator_hub.enrollment import EnrollmentEvent
from domain.creator_hub.export import ExportEvent
from domain.creator_hub.knowledge_base import KnowledgeBaseCreated
from domain.creator_hub.member import MemberEvent
from domain.creator_hub.message import MessageEvent
from domain.creator_hub.program import CatalogueEvent, FlowPinned, ProgramEvent
from domain.creator_hub.rule import RuleEvent
from domain.messages import Event

CreatorHubEvent = (
    AccountEvent
    | AllowanceSpent
    | KnowledgeBaseCreated
    | DocumentEvent
    | ProgramEvent
    | CatalogueEvent
    | FlowPinned
    | EnrollmentEvent
    | MemberEvent
    | MessageEvent
    | ChannelEvent
    | RuleEvent
    | ExportEvent
)
"""The events of this context's own aggregates. Its log also holds those of webhooks, tokens and of the engine."""

EVENTS: tuple[type[Event], ...] = get_args(CreatorHubEvent)

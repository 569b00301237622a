"""The read models of the creators' product."""

from __future__ import annotations

from projections.creator_hub.badges import BADGES
from projections.creator_hub.channels import CHANNELS
from projections.creator_hub.chunks import CHUNKS
from projections.creator_hub.daily import DAILY
from projections.creator_hub.daily_members import DAILY_MEMBERS
from projections.creator_hub.daily_programs import DAILY_PROGRAMS
from projections.creator_hub.daily_rules import DAILY_RULES
from projections.creator_hub.documents import DOCUMENTS
from projections.creator_hub.enrollments import ENROLLMENTS
from projections.creator_hub.exports import EXPORTS
from projections.creator_hub.flows import FLOWS
from projections.creator_hub.knowledge_base_counters import KNOWLEDGE_BASE_COUNTERS
from projections.creator_hub.knowledge_bases import KNOWLEDGE_BASES
from projections.creator_hub.member_counters import MEMBER_COUNTERS
from projections.creator_hub.members import MEMBERS
from projections.creator_hub.messages import MESSAGES
from projections.creator_hub.program_counters import PROGRAM_COUNTERS
from projections.creator_hub.programs import PROGRAMS
from projections.creator_hub.replies import REPLIES
from projections.creator_hub.rules import RULES
from projections.creator_hub.spells import SPELLS
from projections.creator_hub.steps import STEPS
from projections.creator_hub.trigger_actions import TRIGGER_ACTIONS
from projections.creator_hub.triggers import TRIGGERS
from projections.tokens import tokens_of
from projections.webhook_endpoints import endpoints_of
from projections.webhooks import webhooks_of
from streams.core.read_models import ReadModel

READ_MODELS: tuple[ReadModel, ...] = (
    KNOWLEDGE_BASES,
    KNOWLEDGE_BASE_COUNTERS,
    DOCUMENTS,
    CHUNKS,
    MEMBERS,
    MEMBER_COUNTERS,
    MESSAGES,
    REPLIES,
    BADGES,
    PROGRAMS,
    FLOWS,
    PROGRAM_COUNTERS,
    ENROLLMENTS,
    STEPS,
    CHANNELS,
    RULES,
    TRIGGERS,
    TRIGGER_ACTIONS,
    SPELLS,
    DAILY,
    DAILY_MEMBERS,
    DAILY_PROGRAMS,
    DAILY_RULES,
    EXPORTS,
    webhooks_of("creator_hub"),
    *endpoints_of("creator_hub"),
    *tokens_of("creator_hub"),
)

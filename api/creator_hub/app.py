"""The ASGI app of the creator-hub surface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fastapi import APIRouter

from api.actions import Actions
from api.auth import Verifier
from api.correlation import identified
from api.counters import Counters
from api.creator_hub import (
    analytics,
    channels,
    documents,
    explanations,
    exports,
    knowledge_bases,
    knowledge_search,
    program_versions,
    programs,
    rules,
    sessions,
    users,
    webhooks,
    widget,
)
from api.creator_hub.access import INCLUDES, LIMITS, SCOPES
from api.creator_hub.dependencies import NAME, Dependencies
from api.creator_hub.errors import ERRORS
from api.creator_hub.openapi import describe
from api.limits import Limiter
from api.routing import LeanApp
from api.surface import Surface, app_of, outcomes, with_limits
from commands.creator_hub.channel import UnknownChannel
from commands.creator_hub.document import UnknownDocument
from commands.creator_hub.knowledge_base import UnknownKnowledgeBase
from commands.creator_hub.member import ChannelNotActive, UnknownMember
from commands.creator_hub.program import UnknownProgram
from domain.messages import Refused
from streams.core.refusals import UnreadableCommand, VersionConflict

TITLE = "Creator Hub API"
VERSION = "1.0.0"
STATUSES: Mapping[type[Refused], int] = {
    UnknownKnowledgeBase: 404,
    UnknownDocument: 404,
    UnknownProgram: 404,
    UnknownMember: 404,
    UnknownChannel: 404,
    ChannelNotActive: 403,
    VersionConflict: 412,
    UnreadableCommand: 500,
}
"""Statuses of refusals other than 400, which this surface answers as 422."""

DESCRIPTION = """Manage what a creator knows, the channels to their members, programs, rules and figures.

Every write may carry an `Idempotency-Key`. Every write answers a `Headwater-Position`; a read that sends it back waits
until it is covered. A null in a documented field is as good as nothing. Days are UTC."""

ROUTERS: Sequence[APIRouter] = (
    knowledge_bases.router,
    documents.uploads,
    documents.router,
    programs.router,
    users.router,
    channels.router,
    rules.router,
    analytics.router,
    exports.router,
    sessions.router,
    knowledge_bases.extensions,
    knowledge_search.router,
    documents.extensions,
    program_versions.router,
    users.extensions,
    explanations.router,
    exports.extensions,
    widget.router,
    webhooks.router,
    outcomes,
)


def build(counters: Counters, tokens: Verifier, own: Dependencies) -> LeanApp:
    """The ASGI app of this surface."""
    surface = Surface(
        NAME,
        Actions(NAME, own.engine, STATUSES, own.secrets),
        own.engine.reads,
        tokens,
        Limiter(counters, NAME, LIMITS),
        ERRORS,
        frozenset(SCOPES),
        own,
        includes=INCLUDES,
        layers=(identified, widget.on_any_page, with_limits),
    )
    made = app_of(surface, TITLE, VERSION, DESCRIPTION, tuple(ROUTERS))
    describe(made, ROUTERS)
    return LeanApp(made)

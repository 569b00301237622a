"""The ASGI app of the content-generator surface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fastapi import APIRouter

from api.actions import Actions
from api.auth import API_KEY, Verifier
from api.content_generator import (
    analytics,
    documents,
    health,
    jobs,
    live,
    live_events,
    newsletters,
    platform,
    posts,
    public,
    reports,
    sessions,
    summaries,
    visits,
)
from api.content_generator.access import INCLUDES, LIMITS, SCOPES, TIERS
from api.content_generator.dependencies import NAME, Dependencies
from api.content_generator.errors import ERRORS
from api.content_generator.openapi import describe
from api.correlation import correlated
from api.cors import cross_origin
from api.counters import Counters
from api.limits import Limiter, RateLimitHeaders
from api.routing import LeanApp
from api.surface import Surface, app_of, outcomes
from commands.content_generator.campaign import UnknownCampaign
from commands.content_generator.post import UnknownPost
from commands.content_generator.publication import UnknownContent
from commands.content_generator.sync_job import UnknownJob
from domain.messages import Refused
from streams.core.refusals import UnreadableCommand, VersionConflict
from streams.engine import Engine

TITLE = "Halcytone Content Generator API"
VERSION = "0.1.0"
STATUSES: Mapping[type[Refused], int] = {
    UnknownJob: 404,
    UnknownCampaign: 404,
    UnknownContent: 404,
    UnknownPost: 404,
    VersionConflict: 409,
    UnreadableCommand: 500,
}
"""Statuses of refusals other than 400."""

DESCRIPTION = """Bring documents to e-mail, website and social networks, and follow live sessions.

Every write may carry an `Idempotency-Key`. Every write answers a `Headwater-Position`; a read that sends it back waits
until it is covered. Limits are per key, in minutes that begin with the first request."""

ROUTERS: Sequence[APIRouter] = (
    health.router,
    documents.router,
    newsletters.router,
    jobs.router,
    platform.router,
    analytics.router,
    summaries.router,
    sessions.router,
    posts.router,
    live.router,
    live_events.router,
    reports.router,
    public.router,
    visits.router,
    outcomes,
)


def build(engine: Engine, counters: Counters, tokens: Verifier, own: Dependencies, origins: Sequence[str]) -> LeanApp:
    """The ASGI app of this surface."""
    limiter = Limiter(counters, NAME, LIMITS, tiers=TIERS, by_token=True)
    surface = Surface(
        NAME,
        Actions(NAME, engine, STATUSES, own.secrets),
        engine.reads,
        tokens,
        limiter,
        ERRORS,
        frozenset(SCOPES),
        own,
        credential=API_KEY,
        includes=INCLUDES,
        layers=(correlated, RateLimitHeaders(limiter, engine.clock.now), cross_origin(origins)),
    )
    made = app_of(surface, TITLE, VERSION, DESCRIPTION, tuple(ROUTERS))
    describe(made, ROUTERS)
    return LeanApp(made)

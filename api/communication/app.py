"""The ASGI app of the communication surface."""

from __future__ import annotations

from collections.abc import Mapping

from api.actions import Actions
from api.auth import Tokens
from api.communication import analytics, consent, messages, preferences, public, webhooks
from api.communication.access import LIMITS, SCOPES
from api.communication.dependencies import Dependencies
from api.communication.errors import ERRORS
from api.communication.openapi import describe
from api.counters import Counters
from api.limits import Limiter
from api.routing import LeanApp
from api.surface import Surface, app_of, outcomes
from commands.communication.message import UnknownMessage
from domain.messages import Refused
from streams.core.refusals import UnreadableCommand, VersionConflict
from streams.engine import Engine

NAME = "communication"
STATUSES: Mapping[type[Refused], int] = {UnknownMessage: 404, UnreadableCommand: 500, VersionConflict: 412}
"""Statuses of refusals other than 400. The document has no 409, so a conflict of states has its validation status."""

DESCRIPTION = """Send messages by SMS and e-mail, with consent, preferences, delivery reports and figures.

Every write may carry an `Idempotency-Key`. Every write answers a `Headwater-Position`; a read that sends it back waits
until it is covered. Rate limits are per subject and class."""


def build(engine: Engine, counters: Counters, tokens: Tokens, own: Dependencies) -> LeanApp:
    """The ASGI app of this surface."""
    actions = Actions(NAME, engine, STATUSES, own.secrets)
    surface = Surface(
        NAME, actions, engine.reads, tokens, Limiter(counters, NAME, LIMITS), ERRORS, frozenset(SCOPES), own
    )
    routers = (
        messages.router,
        preferences.router,
        consent.router,
        webhooks.router,
        analytics.analytics,
        analytics.reports,
        public.router,
        outcomes,
    )
    made = app_of(surface, "MINGUS Communication API", public.VERSION, DESCRIPTION, routers)
    describe(made, routers)
    return LeanApp(made)

"""The ASGI app of the gccp surface."""

from __future__ import annotations

from collections.abc import Mapping

from api.actions import Actions
from api.counters import Counters
from api.gccp import export, generations, progress, streaming, usage
from api.gccp.access import BURSTS, LIMITS, SCOPES
from api.gccp.dependencies import Dependencies
from api.gccp.errors import ERRORS
from api.gccp.openapi import describe
from api.limits import InFlight, Limiter
from api.routing import LeanApp
from api.surface import Surface, app_of, outcomes
from commands.gccp.generation import Forbidden, NotFound
from domain.messages import Refused
from streams.core.refusals import UnreadableCommand, VersionConflict
from streams.core.secrets import Secrets
from streams.engine import Engine

NAME = "gccp"
TITLE = "GCCP API"
VERSION = "2.0.0"
STATUSES: Mapping[type[Refused], int] = {NotFound: 404, Forbidden: 403, VersionConflict: 409, UnreadableCommand: 500}
"""Statuses of refusals other than 400."""

DESCRIPTION = """Generate course content step by step, export Markdown as PDF, and talk to a language model.

Every write may carry an `Idempotency-Key`. Every write answers a `Headwater-Position`; a read that sends it back waits
until it is covered. Rate limits are per user and endpoint, over a sliding minute, with a bound on requests at once."""


def build(engine: Engine, counters: Counters, secrets: Secrets, own: Dependencies) -> LeanApp:
    """The ASGI app of this surface."""
    actions = Actions(NAME, engine, STATUSES, secrets)
    limiter = Limiter(counters, NAME, LIMITS, sliding=True)
    surface = Surface(
        NAME, actions, engine.reads, own.identity, limiter, ERRORS, frozenset(SCOPES), own, InFlight(BURSTS)
    )
    routers = (
        generations.router,
        export.router,
        generations.retries,
        streaming.router,
        progress.router,
        usage.router,
        outcomes,
    )
    made = app_of(surface, TITLE, VERSION, DESCRIPTION, routers)
    describe(made, routers)
    return LeanApp(made)

"""The surface put together."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI

from api.actions import Acting
from api.auth import Tokens
from api.communication import analytics, consent, messages, preferences, public, webhooks
from api.communication.dependencies import DESK, Desk, Secrets
from api.communication.errors import CommunicationRoute, render
from api.communication.openapi import describe
from api.communication.public import ENGINE, PROVIDERS
from api.communication.webhooks import SIGNERS, Signers
from api.counters import Counts
from api.limits import Limiter
from api.surface import Surface, app_of, outcomes
from commands.communication.message import UnknownMessage
from domain.communication.budget import Limits
from domain.messages import Refused
from streams.core.refusals import UnreadableCommand, VersionConflict
from streams.engine import Engine

NAME = "communication"
SCOPES = ("communication:send", "communication:read", "preferences:manage", "analytics:read")
LIMITS = {
    "general": "100/minute",
    "communication_sending": "10/minute",
    "batch_operations": "5/minute",
    "analytics_queries": "50/minute",
}
STATUSES: Mapping[type[Refused], int] = {UnknownMessage: 404, UnreadableCommand: 500, VersionConflict: 412}
"""Refusals that are not 400: the document has no 409, so every conflict of states has its validation status."""

DESCRIPTION = """Send messages by SMS and e-mail, with consent, preferences, delivery reports and figures.

Every write may carry an `Idempotency-Key`. Every write answers a `Headwater-Position`; a read that sends it back waits
until it is covered. Rate limits are per subject and class."""

FIRST_REQUEST = """\
TOKEN={token}
API={base}/communication/api/communication
curl -s $API/consent/email -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d '{{"user_id": 123, "email": "you@example.com", "consent_source": "web_form"}}'; echo
TASK=$(curl -s $API/send -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d '{{"user_id": 123, "trigger_type": "monthly_report", "data": {{"month": "November"}}, "channel": "email"}}' \\
  | tee /dev/stderr | sed 's/.*"task_id":"\\([^"]*\\)".*/\\1/'); echo; sleep 1
curl -s $API/status/$TASK -H "Authorization: Bearer $TOKEN"; echo
curl -s $API/status/$TASK/explanation -H "Authorization: Bearer $TOKEN"; echo
"""


def app(
    engine: Engine,
    counts: Counts,
    tokens: Tokens,
    secrets: Secrets,
    signers: Signers,
    limits: Limits,
    providers: dict[str, bool],
) -> FastAPI:
    """The ASGI app of this surface. `limits` are the budgets; `providers` says which are configured."""
    acting = Acting(NAME, engine, STATUSES)
    surface = Surface(
        NAME,
        acting,
        engine.reads,
        tokens,
        Limiter(counts, NAME, LIMITS),
        {
            DESK: Desk(engine.reads, engine.clock.now, limits, secrets),
            SIGNERS: signers,
            ENGINE: engine,
            PROVIDERS: providers,
        },
    )
    routers = (
        messages.router,
        preferences.router,
        consent.router,
        webhooks.router,
        analytics.analytics,
        analytics.reports,
        public.router,
        outcomes(CommunicationRoute, *SCOPES),
    )
    made = app_of(surface, "MINGUS Communication API", public.VERSION, DESCRIPTION, routers, render)
    describe(made, routers)
    return made

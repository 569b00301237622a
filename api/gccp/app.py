"""The surface put together."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI

from api.actions import Acting
from api.auth import Tokens
from api.counters import Counts
from api.gccp import export, generations, progress, streaming, usage
from api.gccp.connectors import generation_model
from api.gccp.dependencies import DESK, Desk
from api.gccp.errors import GccpRoute, render
from api.gccp.identity import AUTHENTICATED, verifier
from api.gccp.ledger import Ledger
from api.gccp.openapi import describe
from api.gccp.pdf_health import PdfHealth
from api.gccp.settings import GccpSettings
from api.limits import InFlight, Limiter
from api.streaming.watch import Following
from api.surface import Surface, app_of, outcomes
from commands.gccp.generation import Forbidden, NotFound
from connectors.model import LanguageModel
from documents.confined.pool import PdfPool
from domain.messages import Refused
from streams.core.refusals import UnreadableCommand, VersionConflict
from streams.engine import Engine

NAME = "gccp"
TITLE = "GCCP API"
VERSION = "2.0.0"
SCOPES = (AUTHENTICATED,)
LIMITS = {
    "general": "300/minute",
    "generate": "10/minute",
    "export_pdf": "30/minute",
    "retry": "10/minute",
    "stream": "60/minute",
}
"""The document's, but `general`, which is for what the document lacks. Windows slide."""

BURSTS = {"general": 20, "generate": 5, "export_pdf": 10, "retry": 5, "stream": 20}
"""The most requests of one caller that are served at once (GC-4)."""

STATUSES: Mapping[type[Refused], int] = {NotFound: 404, Forbidden: 403, VersionConflict: 409, UnreadableCommand: 500}
"""Refusals that are not 400."""

DESCRIPTION = """Generate course content step by step, export Markdown as PDF, and talk to a language model.

Every write may carry an `Idempotency-Key`. Every write answers a `Headwater-Position`; a read that sends it back waits
until it is covered. Rate limits are per user and endpoint, over a sliding minute, with a bound on requests at once."""

FIRST_REQUEST = """\
TOKEN={token}
API={base}/gccp/api
ID=$(curl -s $API/generate -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d '{{"topic": "Introduction to Machine Learning", "subtopics": "supervised learning, neural networks",
       "mode": "lecture", "transcript": "Machine learning is a subset of artificial intelligence."}}' \\
  | tee /dev/stderr | sed 's/.*"generation_id":"\\([^"]*\\)".*/\\1/'); echo
curl -sN $API/generations/$ID/progress -H "Authorization: Bearer $TOKEN"
curl -s $API/generations/$ID -H "Authorization: Bearer $TOKEN"; echo
"""


def desk_of(settings: GccpSettings, engine: Engine, tokens: Tokens, model: LanguageModel) -> Desk:
    """What the endpoints share. Whoever makes it closes it, while the engine still takes commands."""
    pdf = PdfPool(workers=settings.pdf_workers)
    return Desk(
        model=model,
        models=settings.models,
        max_tokens=settings.max_tokens,
        generation_model=generation_model(settings),
        generation_max_tokens=settings.generation_max_tokens,
        pdf=pdf,
        pdf_health=PdfHealth(pdf, engine.clock.now),
        ledger=Ledger(_acting(engine)),
        following=Following(engine.reads),
        identity=verifier(settings, tokens),
        now=engine.clock.now,
    )


def app(engine: Engine, counts: Counts, desk: Desk) -> FastAPI:
    """The ASGI app of this surface."""
    limiter = Limiter(counts, NAME, LIMITS, sliding=True)
    surface = Surface(NAME, _acting(engine), engine.reads, desk.identity, limiter, {DESK: desk}, InFlight(BURSTS))
    routers = (
        generations.router,
        export.router,
        generations.retries,
        streaming.router,
        progress.router,
        usage.router,
        outcomes(GccpRoute, *SCOPES),
    )
    made = app_of(surface, TITLE, VERSION, DESCRIPTION, routers, render)
    describe(made, routers)
    return made


def _acting(engine: Engine) -> Acting:
    return Acting(NAME, engine, STATUSES)

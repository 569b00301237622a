"""The guestbook surface, put together."""

from __future__ import annotations

from api.guestbook import entries
from api.guestbook.access import LIMITS, SCOPES
from api.guestbook.errors import ERRORS
from commands.guestbook.entry import EntryTooLong

from api.actions import Actions
from api.auth import Tokens
from api.counters import Counters
from api.limits import Limiter
from api.routing import LeanApp
from api.surface import Surface, app_of, outcomes
from streams.core.secrets import Secrets
from streams.engine import Engine

NAME = "guestbook"


def build(engine: Engine, counters: Counters, tokens: Tokens, secrets: Secrets) -> LeanApp:
    """The ASGI app of this surface."""
    actions = Actions(NAME, engine, {EntryTooLong: 422}, secrets)
    surface = Surface(NAME, actions, engine.reads, tokens, Limiter(counters, NAME, LIMITS), ERRORS, frozenset(SCOPES))
    routers = (entries.router, outcomes)
    return LeanApp(app_of(surface, "Guest book", "1.0.0", "A guest book.", routers))

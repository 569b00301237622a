"""The record of a product: all that the house asks of one. Nothing here imports the web, a client or a renderer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from domain.messages import Effect
from domain.webhooks import FeedEvent, WebhookContent
from settings import Settings
from streams.core.calls import AnyConnector
from streams.core.secrets import Secrets
from streams.core.wiring import Context
from streams.engine import Engine
from streams.telemetry.live_figures import Delivery

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from api.auth import Tokens
    from api.counters import Counters


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What performers are built from. `dsn` is of the database that holds the read models."""

    settings: Settings
    secrets: Secrets
    dsn: str


@dataclass(frozen=True, slots=True)
class EdgeParts:
    """What an app is built from. `tokens` gives the tokens of a surface by its name."""

    settings: Settings
    secrets: Secrets
    engine: Engine
    counters: Counters
    tokens: Callable[[str], Tokens]


class App(NamedTuple):
    """A surface's ASGI app. `close` is awaited while the engine still takes commands."""

    asgi: ASGIApp
    close: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Credential:
    """The tokens of a product: every scope there is, those given unless others are named, and their lifetime."""

    scopes: tuple[str, ...]
    default: tuple[str, ...]
    lifetime: timedelta = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Webhooks out. `types` are those of the feed by event name, and `content` makes the message about an event.

    Without types, endpoints cannot be registered: the context's own reactions queue for the one that is a setting
    (`<SURFACE>_WEBHOOK_URL`, `<SURFACE>_WEBHOOK_SECRET`), whose id is the context's name.
    """

    types: Mapping[str, str] = field(default_factory=dict)
    content: Callable[[FeedEvent], WebhookContent] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Product:
    """One product. Functions that build something import what they need when they are called.

    `apps` are by the name of the surface; `first_request` is a shell script with `{base}` and `{token}`.
    `subjects_of` makes data subjects (`context:id`) of what an operator types; raises ValueError with a sentence.
    `preview` makes the text of a message before it is sent, for `headwater preview`.
    """

    context: Context
    apps: Mapping[str, Callable[[EdgeParts], App]]
    performers: Callable[[WorkerParts], Mapping[type[Effect], AnyConnector]]
    credential: Credential
    limits: Mapping[str, str]
    first_request: str
    deliveries: Delivery
    webhooks: Webhooks | None = None
    preview: Callable[[str, str, str, bool], str] | None = None

    @property
    def name(self) -> str:
        return self.context.name

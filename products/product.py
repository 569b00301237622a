"""The record of a product. This module imports no web, client or renderer: every process imports it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from domain.messages import Effect
from domain.webhooks import FeedEvent, WebhookContent
from settings import Settings
from streams.core.calls import AnyConnector
from streams.core.read_models import Row
from streams.core.secrets import Secrets
from streams.core.wiring import Context
from streams.engine import Engine
from streams.postgres.objects import Objects
from streams.postgres.vault import Vault
from streams.telemetry.live_figures import Delivery

if TYPE_CHECKING:
    from psycopg import Connection
    from starlette.types import ASGIApp

    from api.auth import Tokens
    from api.counters import Counters


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """The parts that performers are built from. `dsn` is that of the database with the read models."""

    settings: Settings
    secrets: Secrets
    dsn: str
    objects: Objects
    vault: Vault


@dataclass(frozen=True, slots=True)
class EdgeParts:
    """The parts that an app is built from. `tokens` returns the tokens of a surface by its name."""

    settings: Settings
    secrets: Secrets
    engine: Engine
    counters: Counters
    tokens: Callable[[str], Tokens]
    objects: Objects
    vault: Vault


async def _nothing() -> None:
    """The start of an app that has nothing to start."""


class App(NamedTuple):
    """A surface's ASGI app. `start` and `close` are awaited while the engine takes commands."""

    asgi: ASGIApp
    close: Callable[[], Awaitable[None]]
    start: Callable[[], Awaitable[None]] = _nothing


@dataclass(frozen=True, slots=True)
class SubjectParts:
    """The parts that subjects are made from. `connection` sees the read models."""

    secrets: Secrets
    connection: Connection[Row]


Option = Literal["no-scope", "tier", "tenant", "refresh", "role"]


@dataclass(frozen=True, slots=True)
class Credential:
    """The credential of a product: all scopes of its tokens, the default ones, and the lifetime.

    The default scopes are those of a client's daily work, never an administrator's. `options` are the optional parts
    of `headwater keys issue` that the surface has a use for; every other one is refused. `tiers` are those that a token
    may name, each with its limits by class; a token without one has the product's limits. `units` are the only units of
    limits of these classes. `refresh_lifetime` is that of refresh tokens, where the surface has any.
    """

    scopes: tuple[str, ...]
    default: tuple[str, ...]
    lifetime: timedelta = timedelta(days=90)
    options: frozenset[Option] = frozenset()
    tiers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    refresh_lifetime: timedelta = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The outgoing webhooks of a product. `types` are the feed's types by event name; `content` makes a webhook's body.

    Without types, endpoints cannot be registered: the context's reactions queue for the one configured endpoint
    (`<SURFACE>_WEBHOOK_URL`, `<SURFACE>_WEBHOOK_SECRET`), whose id is the context's name. `signature_field` is the
    member of the body that holds a signature too, beside those in the headers; without one, bodies are sent as made.
    """

    types: Mapping[str, str] = field(default_factory=dict)
    content: Callable[[FeedEvent], WebhookContent] | None = None
    signature_field: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Product:
    """The record of one product. Its functions import the web, clients and renderers when they are called.

    `apps` are by the name of the surface, under whose mount (`api.mounts`) each is served; `first_request` is a shell
    script with `{base}` and `{token}`. `check` reads every setting of the product before anything starts: it raises
    pydantic's ValidationError, and returns warnings for the operator. `preview` renders a message before it is sent,
    for `headwater preview`; raises ValueError with a sentence.

    `subjects_of` gives the subjects, without the context's name, of what an operator types to `headwater erase`: an
    address may have one in every tenant. Unless it is given, what is typed is the subject. It asks the read models
    `subject_sources`. `keys_of` gives the partition keys that are wholly a subject's.
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
    check: Callable[[Settings], Sequence[str]] = lambda _settings: ()
    subjects_of: Callable[[SubjectParts, str], Sequence[str]] = lambda _parts, typed: (typed,)
    subject_sources: tuple[str, ...] = ()
    keys_of: Callable[[str], Sequence[str]] = lambda subject: (subject,)

    @property
    def name(self) -> str:
        return self.context.name

    @property
    def records_tokens(self) -> bool:
        """Whether tokens of this product are on record, so that they can be listed and revoked."""
        return any(model.name == f"{self.name}_tokens" for model in self.context.read_models)

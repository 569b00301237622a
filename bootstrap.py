"""The composition root: builds a process from its settings, the products and the engine.

It names no product, and imports the web, clients and renderers only in the functions of the process that uses them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import psycopg
from psycopg_pool import PoolTimeout

from api.mounts import canonical
from commands.webhook_endpoints import ConfigureWebhookEndpoint, RegisterWebhookEndpoint
from domain.calls.webhook import DeliverWebhook
from domain.messages import Command, Event
from installation_secrets import master_key, secrets, signing_keys, valid_keys
from products import PRODUCTS
from products.product import App, EdgeParts, Product, WorkerParts
from settings import Settings
from streams.core.calls import AnyConnector, Performers
from streams.core.clock import Clock, ManualClock, SystemClock
from streams.core.envelope import Recorded
from streams.core.gateway import envelop, submit_until_recorded
from streams.core.keys import Keyring
from streams.core.secrets import Secrets
from streams.engine import Background, Engine, cancelled
from streams.postgres.catch_up import Progress
from streams.postgres.database import connect_plain
from streams.postgres.installation import check_secret
from streams.postgres.objects import Objects
from streams.postgres.status import installation, measure
from streams.postgres.vault import Vault
from streams.telemetry.live_figures import Thresholds, Windows, alerts, report
from streams.telemetry.metrics import WAITING

if TYPE_CHECKING:
    from api.app import Edge, LiveFigures
    from api.auth import Tokens
    from api.counters import Counters
    from connectors.webhook import Destination
    from streams.embedded.runtime import EmbeddedRuntime
    from streams.kafka.node import ApiNode

CONTEXTS = tuple(product.context for product in PRODUCTS)
SURFACES: Mapping[str, Product] = {name: product for product in PRODUCTS for name in product.apps}
DELIVERIES = tuple(product.deliveries for product in PRODUCTS)

LIVE_SECONDS = 5.0
Lifespan = Callable[[], AbstractAsyncContextManager[None]]


def token_contexts() -> dict[str, str]:
    """The context of each surface that has its tokens on record."""
    return {name: product.name for name, product in SURFACES.items() if product.records_tokens}


def product_of(surface: str) -> Product | None:
    """The product behind a surface's name."""
    return SURFACES.get(canonical(surface))


def tokens(settings: Settings, surface: str) -> Tokens:
    """The tokens of a surface, for issuing: revocations are unknown here."""
    from api.auth import Tokens

    keys = signing_keys(settings)
    return Tokens(lambda: keys, surface)


def database(settings: Settings) -> str:
    """The DSN of the database: a setting, or the embedded server's, which is started if it does not run."""
    from streams.postgres.server import start_embedded

    return settings.postgres or start_embedded(database_directory(settings))


def database_directory(settings: Settings) -> Path:
    """The embedded server's data directory."""
    return settings.data.absolute() / "postgres"


def clock(settings: Settings) -> Clock:
    """The system clock, or a manual clock, which moves only by `headwater clock advance`."""
    return SystemClock() if settings.clock == "system" else ManualClock(datetime.now(UTC))


def counters(settings: Settings, dsn: str, clock: Clock) -> Counters:
    """The counters of rate limits: in this process, or in the database that the nodes of an installation share."""
    from api.counters import InProcessCounters, SharedCounters

    if settings.kafka is None:
        return InProcessCounters(clock.now)
    return SharedCounters(dsn, clock.now if isinstance(clock, ManualClock) else None)


def destinations() -> dict[str, dict[str, Destination]]:
    """The configured webhook endpoints by context. Raises ValueError or pydantic's ValidationError."""
    from connectors.webhook import configured

    return {product.name: configured(product.name) for product in PRODUCTS if product.webhooks is not None}


def check_settings(settings: Settings) -> list[str]:
    """Read every setting once, before anything starts; returns warnings for the operator.

    Raises pydantic's ValidationError, or ValueError with a sentence.
    """
    destinations()
    return [warning for product in PRODUCTS for warning in product.check(settings)]


def performers(settings: Settings, dsn: str, log_ends: Mapping[tuple[str, int], int] | None = None) -> Performers:
    """The performers of every product's effects; raises pydantic's ValidationError for an invalid setting.

    `log_ends` are the log's ends at the start, where it is not in the database.
    """
    sealed = dsn, Keyring(master_key(settings)), log_ends
    parts = WorkerParts(settings, secrets(settings), dsn, Objects(*sealed), Vault(*sealed))
    endpoints = destinations()
    made = {product.name: dict(product.performers(parts)) for product in PRODUCTS}
    for product in PRODUCTS:
        if product.webhooks is not None:
            made[product.name][DeliverWebhook] = _webhook_delivery(product, parts, endpoints[product.name])
    return {(name, effect): performer for name, own in made.items() for effect, performer in own.items()}


def _webhook_delivery(product: Product, parts: WorkerParts, configured: Mapping[str, Destination]) -> AnyConnector:
    from effects.webhooks import WebhookDelivery

    private = parts.settings.allow_private_webhooks
    field = "" if product.webhooks is None else product.webhooks.signature_field
    return WebhookDelivery(product.name, parts.dsn, parts.secrets, configured, private, field)


async def close(performers: Performers) -> None:
    """Close the connections of the performers."""
    for performer in performers.values():
        await performer.close()


def background() -> Sequence[Background]:
    """The background jobs of a worker beside its tasks: the feed of webhooks, and the sweep of objects."""
    from effects.webhooks import Feed, WebhookFeed
    from streams.work.object_sweep import ObjectSweep

    feeds = [
        Feed(product.name, product.webhooks.types, product.webhooks.content)
        for product in PRODUCTS
        if product.webhooks is not None and product.webhooks.content is not None
    ]

    async def feed(engine: Engine) -> None:
        await WebhookFeed(engine, feeds).run()

    async def sweep(engine: Engine) -> None:
        await ObjectSweep(engine.gateway, engine.reads, engine.clock, engine.partitions).run()

    return [feed, sweep]


def embedded_runtime(settings: Settings, dsn: str, clock: Clock) -> tuple[EmbeddedRuntime, Performers]:
    """The embedded runtime, and its performers, which must be closed after it."""
    from streams.embedded.runtime import EmbeddedRuntime

    made = performers(settings, dsn)
    key = master_key(settings)
    runtime = EmbeddedRuntime(dsn, CONTEXTS, key, clock, made, settings.partitions, background=background())
    return runtime, made


def embedded_edge(settings: Settings, on_ready: Callable[[], None], progress: Progress) -> Edge:
    """All roles in one process, as an ASGI app whose lifespan is the runtime's.

    Starts the embedded database, and again whenever it ends; raises NotStarted or psycopg.OperationalError.
    """
    from streams.postgres.server import embedded_server

    dsn = database(settings)
    runtime, made = embedded_runtime(settings, dsn, clock(settings))
    edge = edge_over(settings, runtime, made, dsn, on_ready, progress)
    edge.live = live_figures(runtime)
    if settings.postgres is None:
        embedded_server(database_directory(settings)).watch(edge.failed)
    return edge


def edge_over(
    settings: Settings,
    runtime: EmbeddedRuntime,
    made: Performers,
    dsn: str,
    on_ready: Callable[[], None] = lambda: None,
    progress: Progress = lambda _: None,
) -> Edge:
    """The edge of an embedded runtime; the runtime runs for the edge's lifespan."""
    endpoints = destinations()

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with runtime.run(progress):
            await asyncio.to_thread(_check_secret, dsn, secrets(settings))
            await register_endpoints(runtime, endpoints)
            on_ready()
            yield
        await close(made)

    edge = edge_of(settings, runtime, dsn, lifespan, lambda: runtime.gateway.waiting)
    runtime.gateway.on_failure = edge.failed
    return edge


def _check_secret(dsn: str, own: Secrets) -> None:
    with connect_plain(dsn, "headwater setup") as connection:
        check_secret(connection, own.mark_of_installation)


def live_figures(runtime: EmbeddedRuntime) -> LiveFigures:
    """The live figures per minute since the start of this process, in the format of `headwater live`."""
    windows = Windows(DELIVERIES)

    def count(recorded: Sequence[Recorded[Event]]) -> None:
        for one in recorded:
            windows.see(one.record)

    async def report_now() -> tuple[int, bytes]:
        now = runtime.clock.now()
        windows.forget(now)
        found = windows.windows(now)
        return 200, report(found, alerts(found, DELIVERIES, Thresholds()))

    runtime.gateway.on_recorded = count
    return report_now


def distributed_edge(settings: Settings, node: ApiNode) -> Edge:
    """The edge of an API node of the distributed runtime; the node runs for the edge's lifespan."""
    endpoints = destinations()

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with node.run():
            registration = asyncio.create_task(register_endpoints(node, endpoints, inf))
            yield
            await cancelled([registration])

    async def ready() -> dict[str, object]:
        return await distributed_readiness(node)

    edge = edge_of(settings, node, node.dsn, lifespan, lambda: node.gateway.waiting, ready, node.log_ends)
    node.on_failure = edge.failed
    edge.live = relayed_figures(settings.live_url)
    return edge


def relayed_figures(url: str) -> LiveFigures:
    """The live figures of the `headwater live` process at this address; 503 while it does not answer."""
    import httpx2

    async def relay() -> tuple[int, bytes]:
        try:
            async with httpx2.AsyncClient(timeout=LIVE_SECONDS, trust_env=False) as client:
                answer = await client.get(f"{url.rstrip('/')}/live")
        except httpx2.HTTPError:
            return 503, orjson.dumps({"error": f"`headwater live` does not answer at {url} (HEADWATER_LIVE_URL)"})
        return answer.status_code, answer.content

    return relay


async def register_endpoints(
    engine: Engine, endpoints: Mapping[str, Mapping[str, Destination]], patience_seconds: float = 0.0
) -> None:
    """Record the configured webhook endpoints; a command for a recorded endpoint changes nothing.

    Any number of nodes may submit: the first node's command takes effect. Returns when the commands are in the log;
    raises Unavailable when the log is away for `patience_seconds`.
    """
    for product in PRODUCTS:
        for id_, destination in endpoints.get(product.name, {}).items():
            command = _registration(engine, product, id_, destination)
            envelope = envelop(command, product.name, engine.partitions, "installation")
            await submit_until_recorded(engine.gateway, envelope, patience_seconds)


def _registration(engine: Engine, product: Product, id_: str, destination: Destination) -> Command:
    """A product with a feed registers the endpoint for every type, without its address, which stays out of the log."""
    at, origin, fingerprint = engine.clock.now(), destination.origin, destination.fingerprint
    types = () if product.webhooks is None else tuple(dict.fromkeys(product.webhooks.types.values()))
    if not types:
        return ConfigureWebhookEndpoint(at=at, endpoint_id=id_, origin=origin, fingerprint=fingerprint)
    return RegisterWebhookEndpoint(at=at, endpoint_id=id_, url="", types=types, origin=origin, fingerprint=fingerprint)


def edge_of(
    settings: Settings,
    engine: Engine,
    dsn: str,
    lifespan: Lifespan,
    waiting: Callable[[], int],
    ready: Callable[[], Coroutine[Any, Any, dict[str, object]]] | None = None,
    log_ends: Mapping[tuple[str, int], int] | None = None,
) -> Edge:
    """The edge of an engine that runs for a lifespan: the surfaces, readiness and metrics.

    `log_ends`: see `performers`.
    """
    from api.app import Edge, Internals
    from api.credentials import Credentials
    from api.proxies import Proxies
    from api.readiness import readiness

    counted = counters(settings, dsn, engine.clock)
    keys = signing_keys(settings)
    credentials = Credentials(keys, lambda: valid_keys(settings), token_contexts(), engine)
    sealed = engine.reads, engine.mapper.keyring, log_ends
    parts = EdgeParts(
        settings, secrets(settings), engine, counted, credentials.tokens, Objects(*sealed), Vault(*sealed)
    )
    apps: dict[str, App] = {name: make(parts) for product in PRODUCTS for name, make in product.apps.items()}

    @asynccontextmanager
    async def with_surfaces() -> AsyncIterator[None]:
        async with counted.running(), lifespan(), credentials.running():
            for app in apps.values():
                await app.start()
            yield
            for app in apps.values():  # the engine must still run: a surface may have commands to record
                await app.close()

    async def ready_alone() -> dict[str, object]:
        return await readiness(engine, None if settings.postgres is not None else settings.data)

    async def measured() -> None:
        WAITING.set(waiting())
        with suppress(psycopg.Error, PoolTimeout):
            async with engine.reads.connection() as connection:
                measure(await installation(connection))

    token = settings.internal_token
    internals = Internals(settings.internal_port, None if token is None else token.get_secret_value())
    surfaces = {name: app.asgi for name, app in apps.items()}
    proxies = Proxies(settings.trusted_proxies, settings.path_prefix)
    return Edge(surfaces, with_surfaces, ready or ready_alone, measured, proxies, internals, settings.root)


async def distributed_readiness(node: ApiNode) -> dict[str, object]:
    """The readiness report with the other processes; not ready while no processor or no projector is in its group."""
    from api.readiness import readiness
    from streams.kafka.processes import processes_of

    try:
        report = await readiness(node)
        if report["database"]:
            async with node.reads.connection() as connection:
                processes = await processes_of(connection, node.groups)
            report |= {"ready": report["ready"] and processes.serve, "processes": processes.report()}
    except psycopg.Error as error:
        return {"ready": False, "database": False, "log": node.writable, "error": type(error).__name__}
    return report

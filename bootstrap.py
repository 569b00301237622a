"""The only file that knows everything: which contexts there are, who performs which effects, what is mounted.

Tables, no magic. `embedded_edge` puts them together into one process, `distributed_edge` into an API node.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pydantic import SecretStr
from starlette.types import ASGIApp

from api import communication as communication_api
from api import gccp as gccp_api
from api.app import Edge
from api.auth import Tokens
from api.communication.dependencies import Secrets
from api.communication.webhooks import Signers
from api.counters import Counts, InProcess, Shared
from api.gccp import GccpSettings
from api.gccp.dependencies import Desk as GccpDesk
from api.surface import Direct
from commands.communication import COMMUNICATION
from commands.communication.effects import FindSenders, ForgetMessages, SendMail, SendText, SendVerificationCode
from commands.gccp import GCCP
from commands.webhooks import ConfigureWebhookEndpoint
from connectors.model import LanguageModel
from connectors.resend import ResendEmail
from connectors.sandbox import SandboxEmail, SandboxSms
from connectors.smtp import SmtpEmail
from connectors.twilio import TwilioSms
from domain.calls.completion import Completion
from domain.calls.email import Email
from domain.calls.sms import Sms
from domain.calls.webhook import DeliverWebhook
from domain.communication.budget import Limits
from domain.communication.kinds import Channel
from domain.communication.message import MessageDelivered, MessageDispatched, MessageRejected, MessageUndelivered
from domain.communication.money import microcents
from domain.gccp.generation import GenerationCompleted, GenerationFailed, GenerationQueued
from domain.messages import Event
from effects.communication.messages import (
    Forgetting,
    Permission,
    Permitted,
    Rendering,
    Senders,
    code_of,
    mail_of,
    text_of,
)
from effects.webhooks import Teller, ToOutlets
from projections.communication import READ_MODELS as COMMUNICATION_MODELS
from projections.gccp import READ_MODELS as GCCP_MODELS
from settings import Settings
from streams.core.calls import AnyConnector
from streams.core.clock import Clock, ManualClock, SystemClock
from streams.core.envelope import Recorded
from streams.core.gateway import Pending, Unavailable, envelop
from streams.core.keys import read_or_create_secret
from streams.core.wiring import Context
from streams.embedded.runtime import Connectors, EmbeddedRuntime
from streams.engine import Engine
from streams.kafka.node import ApiNode
from streams.postgres.rebuild import Progress
from streams.postgres.server import start_embedded
from streams.postgres.status import installation, measure
from streams.telemetry.live_figures import Delivery, Thresholds, Windows, alerts, report
from streams.telemetry.metrics import WAITING

CONTEXTS: tuple[Context, ...] = (
    replace(COMMUNICATION, read_models=COMMUNICATION_MODELS),
    replace(GCCP, read_models=GCCP_MODELS),
)
SCOPES = {"communication": communication_api.SCOPES, "gccp": gccp_api.SCOPES}
LIMITS = {"communication": communication_api.LIMITS, "gccp": gccp_api.LIMITS}
FIRST_REQUESTS = {"communication": communication_api.FIRST_REQUEST, "gccp": gccp_api.FIRST_REQUEST}
INTRODUCE_SECONDS = 30.0
DELIVERIES = (
    Delivery(
        "communication",
        begun=frozenset({MessageDispatched.name}),
        arrived=frozenset({MessageDelivered.name}),
        failed=frozenset({MessageRejected.name, MessageUndelivered.name}),
    ),
    Delivery(
        "gccp",
        begun=frozenset({GenerationQueued.name}),
        arrived=frozenset({GenerationCompleted.name}),
        failed=frozenset({GenerationFailed.name}),
    ),
)
"""What begins and ends well or badly, for the live figures."""

Lifespan = Callable[[], AbstractAsyncContextManager[None]]


def master_key(settings: Settings) -> bytes:
    """The key that wraps the subjects' keys: given, or in the data directory. Raises ValueError for a malformed one."""
    if settings.master_key is not None:
        return bytes.fromhex(settings.master_key.get_secret_value())
    settings.data.mkdir(parents=True, exist_ok=True)
    return read_or_create_secret(settings.data / "master.key")


def token_secret(settings: Settings) -> bytes:
    """The secret that tokens and verification codes are made with: given, or in the data directory."""
    if settings.token_secret is not None:
        return bytes.fromhex(settings.token_secret.get_secret_value())
    settings.data.mkdir(parents=True, exist_ok=True)
    return read_or_create_secret(settings.data / "token.key")


def tokens(settings: Settings, surface: str) -> Tokens:
    """Issues and verifies the tokens of a surface."""
    return Tokens(token_secret(settings), surface)


def database(settings: Settings) -> str:
    """The DSN: the one that is set, or the embedded server's, which is started if need be."""
    return settings.postgres or start_embedded(settings.data.absolute() / "postgres")


def clock(settings: Settings) -> Clock:
    """The system's clock, or one that stands still until `headwater clock advance`."""
    return SystemClock() if settings.clock == "system" else ManualClock(datetime.now(UTC))


def sms(settings: Settings) -> AnyConnector:
    """Twilio when its credentials are set, else the sandbox."""
    if settings.twilio_account_sid is None or settings.twilio_auth_token is None or settings.twilio_from is None:
        return SandboxSms(settings.outbox)
    return TwilioSms(
        settings.twilio_account_sid,
        settings.twilio_auth_token.get_secret_value(),
        settings.twilio_from,
        settings.twilio_base_url,
        settings.twilio_webhook_url,
    )


def email(settings: Settings) -> AnyConnector:
    """Resend when its key is set, else SMTP when its URL is set, else the sandbox."""
    if settings.resend_api_key is not None and settings.resend_from is not None:
        key = settings.resend_api_key.get_secret_value()
        return ResendEmail(key, settings.resend_from, settings.resend_base_url)
    if settings.smtp_url is not None:
        return SmtpEmail(settings.smtp_url.get_secret_value(), settings.smtp_from)
    return SandboxEmail(settings.outbox)


def secrets(settings: Settings) -> Secrets:
    """Verification codes and unsubscribe links, from the token secret and the public address."""
    return Secrets(token_secret(settings), settings.public)


def counts(settings: Settings, dsn: str) -> Counts:
    """Where requests are counted for their limits: the nodes of a distributed installation share the database."""
    return InProcess() if settings.kafka is None else Shared(dsn)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a process is put together from besides its engine: the language model, who performs which effect, and where
    requests are counted.
    """

    gccp: GccpSettings
    model: LanguageModel
    connectors: Connectors
    counts: Counts

    async def close(self) -> None:
        """Closes the connectors' connections; the model is one of them."""
        for connector in self.connectors.values():
            await connector.close()


def parts(settings: Settings, dsn: str) -> Parts:
    """The parts of this process; raises pydantic's ValidationError for a setting that does not fit."""
    gccp = GccpSettings()
    model = gccp_api.language_model(gccp)
    by_sms, by_email, own, permission = sms(settings), email(settings), secrets(settings), Permission(dsn)
    connectors: Connectors = {
        SendText: Permitted(permission, Channel.SMS, Rendering(text_of, by_sms)),
        SendMail: Permitted(permission, Channel.EMAIL, Rendering(mail_of(own), by_email)),
        SendVerificationCode: Rendering(code_of(own), by_sms),
        FindSenders: Senders(dsn, own),
        ForgetMessages: Forgetting(settings.outbox),
        Sms: by_sms,
        Email: by_email,
        Completion: model,
        DeliverWebhook: ToOutlets(dsn, own, gccp_api.destinations(gccp), settings.allow_private_webhooks),
    }
    return Parts(gccp, model, connectors, counts(settings, dsn))


def signers(settings: Settings) -> Signers:
    """What providers' reports are checked with."""
    return Signers(
        _clear(settings.twilio_auth_token), settings.twilio_webhook_url, _clear(settings.resend_webhook_secret)
    )


def _clear(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def surfaces(settings: Settings, engine: Engine, desk: GccpDesk, counts: Counts) -> dict[str, ASGIApp]:
    """What is mounted where."""
    limits = Limits(daily=microcents(settings.daily_budget), monthly=microcents(settings.monthly_budget))
    providers = {
        "twilio_configured": settings.has_twilio,
        "resend_configured": settings.has_resend,
    }
    communication = communication_api.app(
        engine, counts, tokens(settings, "communication"), secrets(settings), signers(settings), limits, providers
    )
    return {"communication": Direct(communication), "gccp": gccp_api.app(engine, counts, desk)}


def embedded_edge(settings: Settings, on_ready: Callable[[], None], progress: Progress) -> Edge:
    """The whole product in one process, as an ASGI app whose lifespan is the runtime's.

    Starts the embedded database; raises OSError or psycopg.OperationalError when that fails.
    """
    dsn = database(settings)
    own = parts(settings, dsn)
    runtime = EmbeddedRuntime(dsn, CONTEXTS, master_key(settings), clock(settings), own.connectors, settings.partitions)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with runtime.run(progress):
            await introduce(runtime, own.gccp)
            on_ready()
            yield

    edge = edge_of(settings, runtime, own, lifespan, lambda: runtime.gateway.waiting)
    edge.live = live_figures(runtime)
    runtime.gateway.on_failure = edge.failed
    return edge


def live_figures(runtime: EmbeddedRuntime) -> Callable[[], bytes]:
    """What happened minute by minute since this process began, as `headwater live` shows it for Kafka."""
    windows = Windows(DELIVERIES)

    def see(recorded: Sequence[Recorded[Event]]) -> None:
        for one in recorded:
            windows.see(one.record)

    def report_now() -> bytes:
        now = runtime.clock.now()
        windows.forget(now)
        found = windows.windows(now)
        return report(found, alerts(found, DELIVERIES, Thresholds()))

    runtime.gateway.on_recorded = see
    return report_now


def distributed_edge(settings: Settings, node: ApiNode) -> Edge:
    """An API node of the distributed runtime, as an ASGI app whose lifespan is the node's."""
    own = parts(settings, node.dsn)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with node.run():
            introducing = asyncio.create_task(introduce_in_time(node, own.gccp))
            yield
            introducing.cancel()
            await asyncio.gather(introducing, return_exceptions=True)

    edge = edge_of(settings, node, own, lifespan, lambda: node.gateway.waiting)
    node.on_failure = edge.failed
    return edge


async def introduce_in_time(engine: Engine, gccp: GccpSettings) -> None:
    """Like `introduce`, however long the log is away. Any number of nodes may: the first one's command is decided."""
    while True:
        try:
            await introduce(engine, gccp)
        except Unavailable as away:
            await asyncio.sleep(away.retry_after)
        else:
            return


async def introduce(engine: Engine, gccp: GccpSettings) -> None:
    """Puts the webhook endpoints that are configured on record; nothing happens for those that are known.

    Returns when they are, or when at least the commands are in the log. Raises Unavailable.
    """
    for id_, destination in gccp_api.destinations(gccp).items():
        command = ConfigureWebhookEndpoint(
            at=engine.clock.now(), endpoint_id=id_, origin=destination.origin, fingerprint=destination.fingerprint
        )
        envelope = envelop(command, "gccp", engine.partitions, "installation")
        with suppress(Pending):
            await engine.gateway.submit(envelope, INTRODUCE_SECONDS)


def edge_of(settings: Settings, engine: Engine, own: Parts, lifespan: Lifespan, waiting: Callable[[], int]) -> Edge:
    """The surfaces over an engine that runs for a lifespan, with what the process says of itself."""
    desk = gccp_api.desk_of(own.gccp, engine, tokens(settings, "gccp"), own.model)

    @asynccontextmanager
    async def living() -> AsyncIterator[None]:
        async with own.counts.running(), lifespan():
            telling = asyncio.create_task(Teller(engine).run())
            yield
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
            await desk.close()  # while the engine still takes commands: it records the ends of proxied calls
        await own.close()

    async def ready() -> dict[str, object]:
        return await readiness(engine)

    async def measured() -> None:
        WAITING.set(waiting())
        if await engine.reads.alive():
            async with engine.reads.connection() as connection:
                measure(await installation(connection))

    return Edge(surfaces(settings, engine, desk, own.counts), living, ready, measured)


async def readiness(engine: Engine) -> dict[str, object]:
    """Whether requests can be served now, and what has halted while the rest goes on."""
    alive = await engine.reads.alive()
    report: dict[str, object] = {"ready": alive and engine.writable, "database": alive, "log": engine.writable}
    if alive:
        async with engine.reads.connection() as connection:
            found = await installation(connection)
        report["halted"] = [
            {"projection": p.name, "table": p.table, "at": p.halted_at, "error": p.error} for p in found.halted
        ]
        report["log_halts"] = [halt._asdict() for halt in found.log_halts]
    return report

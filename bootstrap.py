"""The only file that knows everything: which contexts there are, who performs which effects, what is mounted.

Tables, no magic. `serve_embedded` puts them together into one process.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from limits.storage import MemoryStorage
from pydantic import SecretStr
from starlette.types import ASGIApp

from api import communication as communication_api
from api.app import Edge
from api.auth import Tokens
from api.communication.connectors import Rendering, code_of, mail_of, text_of
from api.communication.desk import Secrets
from api.communication.webhooks import Signers
from api.surface import Direct
from commands.communication import COMMUNICATION
from commands.communication.effects import SendMail, SendText, SendVerificationCode
from domain.communication.budget import Limits
from domain.communication.money import microcents
from domain.messages import Effect
from projections.communication import READ_MODELS as COMMUNICATION_MODELS
from settings import Settings
from streams.calls import AnyConnector
from streams.calls.email import Email
from streams.calls.resend import ResendEmail
from streams.calls.sandbox import SandboxEmail, SandboxSms
from streams.calls.sms import Sms
from streams.calls.smtp import SmtpEmail
from streams.calls.twilio import TwilioSms
from streams.clock import Clock, ManualClock, SystemClock
from streams.embedded import EmbeddedRuntime
from streams.engine import Engine
from streams.kafka.node import ApiNode
from streams.keys import read_or_create_secret
from streams.metrics import WAITING
from streams.postgres import start_embedded
from streams.rebuild import Progress
from streams.status import installation, measure
from streams.wiring import Context

log = logging.getLogger(__name__)

CONTEXTS: tuple[Context, ...] = (replace(COMMUNICATION, read_models=COMMUNICATION_MODELS),)
SCOPES = {"communication": communication_api.SCOPES}
LIMITS = {"communication": communication_api.LIMITS}
FIRST_REQUESTS = {"communication": communication_api.FIRST_REQUEST}

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
        settings.twilio_account_sid, settings.twilio_auth_token.get_secret_value(), settings.twilio_from,
        settings.twilio_base_url, settings.twilio_webhook_url,
    )  # fmt: skip


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


def connectors(settings: Settings) -> dict[type[Effect], AnyConnector]:
    """Who performs which effect."""
    by_sms, by_email, own = sms(settings), email(settings), secrets(settings)
    return {
        SendText: Rendering(text_of, by_sms),
        SendVerificationCode: Rendering(code_of(own), by_sms),
        SendMail: Rendering(mail_of(own), by_email),
        Sms: by_sms,
        Email: by_email,
    }


def signers(settings: Settings) -> Signers:
    """What providers' reports are checked with."""
    return Signers(
        _clear(settings.twilio_auth_token), settings.twilio_webhook_url, _clear(settings.resend_webhook_secret)
    )


def _clear(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def surfaces(settings: Settings, engine: Engine) -> dict[str, ASGIApp]:
    """What is mounted where."""
    limits = Limits(daily=microcents(settings.daily_budget), monthly=microcents(settings.monthly_budget))
    providers = {
        "twilio_configured": None
        not in (settings.twilio_account_sid, settings.twilio_auth_token, settings.twilio_from),
        "resend_configured": None not in (settings.resend_api_key, settings.resend_from),
    }
    return {
        "communication": Direct(communication_api.app(
            engine, MemoryStorage(), tokens(settings, "communication"), secrets(settings), signers(settings), limits,
            providers,
        )),
    }  # fmt: skip


def embedded_edge(settings: Settings, on_ready: Callable[[], None], progress: Progress) -> Edge:
    """The whole product in one process, as an ASGI app whose lifespan is the runtime's.

    Starts the embedded database; raises OSError or psycopg.OperationalError when that fails.
    """
    done_by = connectors(settings)
    runtime = EmbeddedRuntime(
        database(settings), CONTEXTS, master_key(settings), clock(settings), done_by, settings.partitions
    )

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with runtime.run(progress):
            on_ready()
            yield
        for connector in done_by.values():
            await connector.close()

    edge = edge_of(settings, runtime, lifespan, lambda: runtime.gateway.waiting)
    runtime.gateway.on_failure = edge.failed
    return edge


def distributed_edge(settings: Settings, node: ApiNode) -> Edge:
    """An API node of the distributed runtime, as an ASGI app whose lifespan is the node's."""
    return edge_of(settings, node, node.run, lambda: node.gateway.waiting)


def edge_of(settings: Settings, engine: Engine, lifespan: Lifespan, waiting: Callable[[], int]) -> Edge:
    """The surfaces over a running engine, with what the process says of itself."""

    async def ready() -> dict[str, object]:
        return await readiness(engine)

    async def measured() -> None:
        WAITING.set(waiting())
        async with engine.reads.connection() as connection:
            measure(await installation(connection))

    return Edge(surfaces(settings, engine), lifespan, ready, measured)


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

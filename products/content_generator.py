"""The content product: its settings and its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from api.content_generator.access import LIMITS, SCOPES, TIERS, WRITE
from commands.content_generator.effects import (
    ComposeContent,
    CountAudience,
    FindPost,
    Publish,
    PublishPost,
    ReadMetrics,
    ReadReports,
    ResolveAudience,
    SendBatch,
)
from commands.content_generator.wiring import CONTENT_GENERATOR as CONTEXT
from connectors.settings import (
    CrmSettings,
    FacebookSettings,
    GoogleSettings,
    LinkedInSettings,
    ModelSettings,
    NotionSettings,
    PlatformSettings,
    ResendSettings,
    SmtpSettings,
    XSettings,
)
from domain.calls.document import FetchDocument
from domain.calls.outbox import ForgetMessages
from domain.calls.social_post import Network
from domain.content_generator.marks import MARK, marks_of, recipient_mark
from domain.content_generator.sync_job import SyncJobCompleted, SyncJobFailed, SyncJobStarted
from domain.messages import Effect
from products.product import App, Credential, EdgeParts, Product, SubjectParts, Webhooks, WorkerParts
from projections.content_generator import READ_MODELS
from projections.content_generator.queries import tenants
from settings import Settings
from streams.core.calls import AnyConnector
from streams.telemetry.live_figures import Delivery

if TYPE_CHECKING:
    from effects.content_generator.model_texts import ModelTexts

FIRST_REQUEST = """\
KEY={token}
API={base}/content-generator/api
JOB=$(curl -s $API/v2/content/sync -H "X-API-Key: $KEY" -H 'Content-Type: application/json' \\
  -d '{{"document_id": "gdocs:newsletter", "channels": ["email", "website", "twitter", "linkedin", "facebook"]}}' \\
  | tee /dev/stderr | sed 's/.*"job_id":"\\([^"]*\\)".*/\\1/'); echo; sleep 2
curl -s $API/v2/jobs/$JOB -H "X-API-Key: $KEY"; echo
curl -s $API/v2/jobs/$JOB/explanation -H "X-API-Key: $KEY"; echo
"""


class ContentGeneratorSettings(BaseSettings):
    """The settings of the content product; an empty variable counts as unset. Raises pydantic's ValidationError."""

    model_config = SettingsConfigDict(env_prefix="HEADWATER_CONTENT_GENERATOR_", env_ignore_empty=True, extra="ignore")

    mailer: Literal["crm", "email"] = "crm"
    """Who sends newsletters: the CRM, or the product's own e-mail connector."""
    test_recipients: Annotated[tuple[str, ...], NoDecode] = ()
    """The addresses that test mode may write to, separated by commas; without any, tests stay in the outbox."""
    fresh_seconds: float = Field(default=60.0, ge=0, le=86_400)
    """How long a fetched document is good for requests; never for jobs."""
    model: str | None = None
    """The language model that words content; without one the rules' text stands."""

    @field_validator("test_recipients", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def sandboxed() -> list[str]:
    """What is not configured, so that the sandbox stands in for it."""
    configured = {
        "crm": CrmSettings().complete,
        "platform": PlatformSettings().complete,
        "google_docs": GoogleSettings().complete,
        "notion": NotionSettings().complete,
        "twitter": XSettings().complete,
        "linkedin": LinkedInSettings().complete,
        "facebook": FacebookSettings().complete,
    }
    return [name for name, complete in configured.items() if not complete]


def app(parts: EdgeParts) -> App:
    """The surface `content-generator`."""
    from api.content_generator.app import build
    from api.content_generator.dependencies import Dependencies
    from api.content_generator.dependency_health import DependencyHealth
    from api.content_generator.live_hub import LiveHub
    from api.surface import caller_if_known
    from connectors import providers

    own, outbox = ContentGeneratorSettings(), parts.settings.outbox
    crm, platform = providers.crm(CrmSettings(), outbox), providers.platform(PlatformSettings(), outbox)

    async def close() -> None:
        await crm.close()
        await platform.close()

    dependencies = Dependencies.of(
        parts.engine,
        parts.secrets,
        DependencyHealth(parts.engine, crm.healthy, platform.healthy, sandboxed(), close),
        LiveHub(parts.engine, caller_if_known, alone=parts.settings.kafka is None),
        fresh_seconds=own.fresh_seconds,
        report_secret=CrmSettings().webhook_secret,
    )
    tokens = parts.tokens("content_generator")
    built = build(parts.engine, parts.counters, tokens, dependencies, parts.settings.cors_origins)
    return App(built, dependencies.close, dependencies.live.start)


def performers(parts: WorkerParts) -> Mapping[type[Effect], AnyConnector]:
    """The performers of this product's effects."""
    from connectors import providers
    from connectors.sandbox import SandboxEmail, SandboxSocial
    from connectors.sandbox_crm import SandboxCrm
    from connectors.sandbox_platform import SandboxPlatform
    from connectors.social import SocialNetworks
    from content.content_generator.demonstration import DEMONSTRATION
    from content.content_generator.links import MailLinks
    from effects.content_generator.audience import PAGE, AudienceCount, AudienceReading
    from effects.content_generator.batches import BatchContent, CrmBatches, MailedBatches
    from effects.content_generator.composition import Composition
    from effects.content_generator.pages import MetricsReading, PagePublication
    from effects.content_generator.posts import PinnedPosts, PostPublication, PostSearch
    from effects.content_generator.reports import ReportReading
    from effects.outbox import OutboxRemoval

    own, outbox, dsn = ContentGeneratorSettings(), parts.settings.outbox, parts.dsn
    mark, mac = partial(recipient_mark, parts.secrets.mark_of), parts.secrets.mac
    root = f"{parts.settings.public}/content-generator"
    crm = providers.crm(CrmSettings(), outbox)
    platform = providers.platform(PlatformSettings(), outbox)
    networks = providers.social(XSettings(), LinkedInSettings(), FacebookSettings(), outbox)
    tests = SocialNetworks(dict.fromkeys(Network, SandboxSocial(outbox)))
    content, mailed = BatchContent(dsn), own.mailer == "email"
    batches: AnyConnector = CrmBatches(content, crm, crm if own.test_recipients else SandboxCrm(outbox))
    if mailed:
        mail = providers.email(ResendSettings(), SmtpSettings(), outbox)
        links = partial(MailLinks, mac, root)
        batches = MailedBatches(content, mail, mail if own.test_recipients else SandboxEmail(outbox), links)
    return {
        FetchDocument: providers.documents(
            GoogleSettings(), NotionSettings(), DEMONSTRATION, parts.settings.allow_private_fetches
        ),
        ComposeContent: Composition(dsn, language_model(own, ModelSettings())),
        CountAudience: AudienceCount(crm),
        ResolveAudience: AudienceReading(dsn, crm, mark, own.test_recipients, 1 if mailed else PAGE),
        SendBatch: batches,
        ReadReports: ReportReading(dsn, crm, mark),
        Publish: PagePublication(dsn, platform, SandboxPlatform(outbox)),
        ReadMetrics: MetricsReading(platform),
        PublishPost: PostPublication(PinnedPosts(dsn), networks, tests),
        FindPost: PostSearch(PinnedPosts(dsn), networks, tests),
        ForgetMessages: OutboxRemoval(outbox),
    }


def language_model(own: ContentGeneratorSettings, settings: ModelSettings) -> ModelTexts | None:
    """The model that words content: only where it is named, and a provider is configured."""
    from connectors import providers
    from effects.content_generator.model_texts import ModelTexts

    if own.model is None:
        return None
    model = providers.language_model(settings.model_copy(update={"ollama_model": own.model}))
    return None if model is None else ModelTexts(model, own.model)


def check(_settings: Settings) -> Sequence[str]:
    """Read every setting of this product; returns what an operator may have forgotten.

    Raises pydantic's ValidationError.
    """
    own, model = ContentGeneratorSettings(), ModelSettings()
    crm, missing = CrmSettings(), sandboxed()
    found = {
        f"{name} is not configured: the sandbox stands in for it": name in missing and len(missing) < 7
        for name in ("crm", "platform", "google_docs", "notion", "twitter", "linkedin", "facebook")
    }
    found["CRM_WEBHOOK_SECRET is not set: reports that the CRM pushes are refused"] = (
        crm.complete and crm.webhook_secret is None
    )
    found["HEADWATER_CONTENT_GENERATOR_MODEL is set, and no language model is configured: the rules' text stands"] = (
        own.model is not None and model.anthropic_api_key is None and model.ollama_base_url is None
    )
    return [warning for warning, holds in found.items() if holds]


def subjects_of(parts: SubjectParts, typed: str) -> Sequence[str]:
    """The marks of an address or client id in every tenant; a mark itself stays one."""
    from api.auth import DEFAULT_TENANT

    given = [typed] if MARK.fullmatch(typed) else []
    found = {DEFAULT_TENANT, *tenants.known_tenants(parts.connection)}
    return [*given, *(mark for tenant in sorted(found) for mark in marks_of(parts.secrets.mark_of, tenant, typed))]


CONTENT_GENERATOR = Product(
    context=replace(CONTEXT, read_models=READ_MODELS),
    apps={"content_generator": app},
    performers=performers,
    credential=Credential(scopes=SCOPES, default=(WRITE,), options=frozenset({"tier", "tenant"}), tiers=TIERS),
    limits=LIMITS,
    first_request=FIRST_REQUEST,
    deliveries=Delivery(
        "content_generator",
        begun=frozenset({SyncJobStarted.name}),
        arrived=frozenset({SyncJobCompleted.name}),
        failed=frozenset({SyncJobFailed.name}),
    ),
    webhooks=Webhooks(signature_field="signature"),
    check=check,
    subjects_of=subjects_of,
    subject_sources=tenants.SOURCES,
)

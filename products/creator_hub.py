"""The creators' product: its settings and its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.creator_hub.access import CREATOR, LIMITS, SCOPES, UNITS
from commands.creator_hub.effects import (
    AnswerMember,
    BuildExport,
    EmbedChunks,
    ExtractText,
    FindInactive,
    MailExport,
    SendToMember,
    SetWebhook,
)
from commands.creator_hub.wiring import CREATOR_HUB as CONTEXT
from connectors.settings import (
    EmbeddingSettings,
    ModelSettings,
    ResendSettings,
    SmtpSettings,
    TelegramSettings,
    WhatsAppSettings,
)
from domain.calls.chat import FindChatSender
from domain.calls.outbox import ForgetMessages
from domain.creator_hub.message import MessageFailed, MessageQueued, MessageSent
from domain.messages import Effect
from products.product import App, Credential, EdgeParts, Product, Webhooks, WorkerParts
from projections.creator_hub import READ_MODELS
from settings import Settings
from streams.core.calls import AnyConnector
from streams.telemetry.live_figures import Delivery

ACCESS_LIFETIME = timedelta(minutes=15)

FIRST_REQUEST = """\
TOKEN={token}
API={base}/creator-hub/api/v1
made() {{
  curl -s "$@" -H "Authorization: Bearer $TOKEN" | tee /dev/stderr | sed 's/.*"id":"\\([^"]*\\)".*/\\1/'; echo >&2
}}
JSON='Content-Type: application/json'
BASE=$(made $API/knowledge-bases -H "$JSON" -d '{{"name": "Breathing"}}')
printf 'A long breath out calms you: breathe in for four counts, and out for six.' \\
  | made $API/knowledge-bases/$BASE/documents -F 'file=@-;filename=breathing.txt' > /dev/null; sleep 3
CHANNEL=$(made $API/channels -H "$JSON" -d '{{"channel_type": "web", "channel_name": "Widget", "configuration": {{}}}}')
VISITOR=$(curl -s $API/widget/$CHANNEL | sed 's/.*"visitor_token":"\\([^"]*\\)".*/\\1/')
MESSAGE=$(curl -s $API/widget/$CHANNEL/messages -H "$JSON" \\
  -d "{{\\"visitor_token\\": \\"$VISITOR\\", \\"text\\": \\"How do I calm down?\\"}}" \\
  | sed 's/.*"message_id":"\\([^"]*\\)".*/\\1/'); sleep 3
curl -s "$API/widget/$CHANNEL/messages?visitor_token=$VISITOR"; echo
USER=$(curl -s $API/users -H "Authorization: Bearer $TOKEN" | sed 's/.*"users":.{{"id":"\\([^"]*\\)".*/\\1/')
curl -s $API/users/$USER/interactions/$MESSAGE/explanation -H "Authorization: Bearer $TOKEN"; echo
curl -s "$API/knowledge-bases/$BASE/search?query=calm" -H "Authorization: Bearer $TOKEN"; echo
"""


class CreatorHubSettings(BaseSettings):
    """The settings of the creators' product; an empty variable counts as unset. Raises pydantic's ValidationError."""

    model_config = SettingsConfigDict(env_prefix="HEADWATER_CREATOR_HUB_", env_ignore_empty=True, extra="ignore")

    max_upload: int = Field(default=26_214_400, ge=1, le=104_857_600)
    """The largest file that is taken in, in bytes."""
    model: str = Field(default="claude-sonnet-4-5-20250929", min_length=1)
    """Anthropic's model that answers members."""


def has_model(settings: ModelSettings) -> bool:
    """Whether a language model can answer members."""
    return settings.anthropic_api_key is not None or settings.ollama_base_url is not None


def app(parts: EdgeParts) -> App:
    """The surface `creator-hub`."""
    from api.auth import refresh_audience
    from api.creator_hub.app import build
    from api.creator_hub.dependencies import NAME, Dependencies
    from connectors import providers

    tokens, model = parts.tokens(NAME), ModelSettings()
    dependencies = Dependencies.of(
        parts.engine,
        parts.counters,
        parts.secrets,
        parts.objects,
        parts.vault,
        tokens,
        parts.tokens(refresh_audience(NAME)),
        access_lifetime=ACCESS_LIFETIME,
        root=root_of(parts.settings),
        model=has_model(model),
        embeddings=providers.embeddings(EmbeddingSettings(), model),
        largest_upload=CreatorHubSettings().max_upload,
        whatsapp_app_secret=WhatsAppSettings().app_secret,
    )
    return App(build(parts.counters, tokens, dependencies), dependencies.close)


def performers(parts: WorkerParts) -> Mapping[type[Effect], AnyConnector]:
    """The performers of this product's effects."""
    from connectors import providers
    from connectors.sandbox import SandboxChat
    from documents.extract.pool import ExtractionPool
    from effects.attachments import AttachmentLoading
    from effects.chat import ChatSenderSearch, ChatSending, ChatWebhookSetting
    from effects.creator_hub.answers import MemberAnswers
    from effects.creator_hub.chunk_vectors import ChunkVectors
    from effects.creator_hub.exports import ExportBuilding, ExportMailing
    from effects.creator_hub.extraction import DocumentExtraction
    from effects.creator_hub.inactivity import InactivitySearch
    from effects.creator_hub.messages import MemberSending
    from effects.creator_hub.search import DocumentSearch
    from effects.creator_hub.webhooks import ChannelWebhookSetting
    from effects.outbox import OutboxRemoval

    outbox, dsn, opened = parts.settings.outbox, parts.dsn, parts.vault.open
    services = providers.chat(WhatsAppSettings(), TelegramSettings())
    mail = AttachmentLoading(parts.objects, providers.email(ResendSettings(), SmtpSettings(), outbox))
    model = ModelSettings()
    return {
        ExtractText: DocumentExtraction(parts.objects, ExtractionPool()),
        EmbedChunks: ChunkVectors(parts.objects, providers.embeddings(EmbeddingSettings(), model)),
        AnswerMember: MemberAnswers(
            dsn,
            DocumentSearch(dsn, providers.embeddings(EmbeddingSettings(), model)),
            providers.language_model(model),
            model_name(model),
        ),
        SendToMember: MemberSending(dsn, ChatSending(services, SandboxChat(outbox), opened)),
        SetWebhook: ChannelWebhookSetting(ChatWebhookSetting(services, opened), root_of(parts.settings)),
        FindChatSender: ChatSenderSearch(services, opened),
        FindInactive: InactivitySearch(dsn),
        BuildExport: ExportBuilding(dsn, parts.objects),
        MailExport: ExportMailing(mail),
        ForgetMessages: OutboxRemoval(outbox),
    }


def model_name(settings: ModelSettings) -> str:
    """The name of the language model that answers members."""
    return CreatorHubSettings().model if settings.anthropic_api_key is not None else settings.ollama_model


def root_of(settings: Settings) -> str:
    """The address of this surface as providers reach it."""
    return f"{settings.public}/creator-hub"


def check(_settings: Settings) -> Sequence[str]:
    """Read every setting of this product; returns what an operator may have forgotten.

    Raises pydantic's ValidationError.
    """
    CreatorHubSettings()
    TelegramSettings()
    EmbeddingSettings()
    if WhatsAppSettings().app_secret is None or has_model(ModelSettings()):
        return ()
    return ("WHATSAPP_APP_SECRET is set, and no language model is configured: members' messages are not answered",)


CREATOR_HUB = Product(
    context=replace(CONTEXT, read_models=READ_MODELS),
    apps={"creator_hub": app},
    performers=performers,
    credential=Credential(
        scopes=SCOPES,
        default=(CREATOR,),
        lifetime=ACCESS_LIFETIME,
        options=frozenset({"no-scope", "refresh"}),
        units=UNITS,
    ),
    limits=LIMITS,
    first_request=FIRST_REQUEST,
    deliveries=Delivery(
        "creator_hub",
        begun=frozenset({MessageQueued.name}),
        arrived=frozenset({MessageSent.name}),
        failed=frozenset({MessageFailed.name}),
    ),
    webhooks=Webhooks(),
    check=check,
    keys_of=lambda _subject: (),
)

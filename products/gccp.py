"""The course product: its settings and its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from api.gccp.access import LIMITS, SCOPES
from commands.gccp.wiring import GCCP as CONTEXT
from connectors.setting_values import HttpAddress
from connectors.settings import ModelSettings
from domain.calls.completion import Completion
from domain.gccp.generation import GenerationCompleted, GenerationFailed, GenerationQueued
from domain.messages import Effect
from products.product import App, Credential, EdgeParts, Product, Webhooks, WorkerParts
from projections.gccp import READ_MODELS
from settings import Settings
from streams.core.calls import AnyConnector
from streams.telemetry.live_figures import Delivery

if TYPE_CHECKING:
    from connectors.model import LanguageModel

SHORTEST_SECRET = 32
"""Bytes of a key for HS256 (RFC 7518, 3.2); Supabase's keys are longer."""

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


class GccpSettings(BaseSettings):
    """The settings of the course product; an empty variable counts as unset. Raises pydantic's ValidationError."""

    model_config = SettingsConfigDict(env_prefix="HEADWATER_GCCP_", env_ignore_empty=True, extra="ignore")

    supabase_jwt_secret: SecretStr | None = Field(default=None, validation_alias="SUPABASE_JWT_SECRET")
    supabase_url: HttpAddress | None = Field(default=None, validation_alias="SUPABASE_URL")

    model: str = Field(default="claude-sonnet-4-5-20250929", min_length=1)
    """Anthropic's model that writes generations."""
    models: Annotated[tuple[str, ...], NoDecode] = ()
    """The models that requests to /api/stream may name, separated by commas; empty allows every model."""
    max_tokens: int = Field(default=64_000, ge=1, le=1_000_000)
    """The largest `maxTokens` of a proxied answer."""
    generation_max_tokens: int = Field(default=32_000, ge=1, le=1_000_000)
    """The largest number of tokens that a step of a generation may write."""
    pdf_workers: int = Field(default=2, ge=1, le=64)
    """The number of processes that render PDFs; each starts at first use."""

    @field_validator("models", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("supabase_jwt_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < SHORTEST_SECRET:
            raise ValueError(f"must have at least {SHORTEST_SECRET} bytes")
        return value

    @property
    def issuer(self) -> str | None:
        """The `iss` of Supabase's tokens."""
        return None if self.supabase_url is None else f"{self.supabase_url.rstrip('/')}/auth/v1"


def language_model(settings: ModelSettings) -> LanguageModel:
    """The configured provider's model, else the offline writer."""
    from connectors import providers
    from effects.gccp.offline_writer import OfflineWriter

    return providers.language_model(settings) or OfflineWriter()


def generation_model(own: GccpSettings, model: ModelSettings) -> str:
    """The name of the model that writes generations."""
    from effects.gccp.offline_writer import MODEL

    if model.anthropic_api_key is not None:
        return own.model
    return MODEL if model.ollama_base_url is None else model.ollama_model


def app(parts: EdgeParts) -> App:
    """The surface `gccp`."""
    from api.gccp.app import build
    from api.gccp.dependencies import Dependencies
    from api.gccp.identity import verifier
    from documents.render.pool import PdfPool

    own, model = GccpSettings(), ModelSettings()
    secret = None if own.supabase_jwt_secret is None else own.supabase_jwt_secret.get_secret_value()
    dependencies = Dependencies.of(
        parts.engine,
        model=language_model(model),
        models=own.models,
        max_tokens=own.max_tokens,
        generation_model=generation_model(own, model),
        generation_max_tokens=own.generation_max_tokens,
        pdf=PdfPool(workers=own.pdf_workers),
        identity=verifier(secret, own.issuer, parts.tokens("gccp")),
    )
    return App(build(parts.engine, parts.counters, parts.secrets, dependencies), dependencies.close)


def check(_settings: Settings) -> Sequence[str]:
    """Read every setting of this product; raises pydantic's ValidationError."""
    GccpSettings()
    ModelSettings()
    return ()


def performers(_parts: WorkerParts) -> Mapping[type[Effect], AnyConnector]:
    """The performers of this product's effects."""
    return {Completion: language_model(ModelSettings())}


GCCP = Product(
    context=replace(CONTEXT, read_models=READ_MODELS),
    apps={"gccp": app},
    performers=performers,
    credential=Credential(scopes=SCOPES, default=SCOPES),
    limits=LIMITS,
    first_request=FIRST_REQUEST,
    deliveries=Delivery(
        "gccp",
        begun=frozenset({GenerationQueued.name}),
        arrived=frozenset({GenerationCompleted.name}),
        failed=frozenset({GenerationFailed.name}),
    ),
    webhooks=Webhooks(),
    check=check,
)

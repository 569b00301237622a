"""What this surface is configured with, by the providers' own usual names where they have one."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

SHORTEST_SECRET = 32
"""Bytes of a key for HS256 (RFC 7518, 3.2); Supabase's own are longer."""


class GccpSettings(BaseSettings):
    """Read once from the environment; an empty variable is as good as none. Raises pydantic's ValidationError."""

    model_config = SettingsConfigDict(env_prefix="HEADWATER_GCCP_", env_ignore_empty=True, extra="ignore")

    anthropic_api_key: SecretStr | None = Field(default=None, validation_alias="ANTHROPIC_API_KEY")
    anthropic_base_url: str = Field(default="https://api.anthropic.com", validation_alias="ANTHROPIC_BASE_URL")
    anthropic_version: str = Field(default="2023-06-01", validation_alias="ANTHROPIC_VERSION")
    ollama_base_url: str | None = Field(default=None, validation_alias="OLLAMA_BASE_URL")
    ollama_model: str = Field(default="llama3.2", validation_alias="OLLAMA_MODEL")
    """The model that answers everything when Ollama does, whatever a request names."""
    supabase_jwt_secret: SecretStr | None = Field(default=None, validation_alias="SUPABASE_JWT_SECRET")
    supabase_url: str | None = Field(default=None, validation_alias="SUPABASE_URL")
    webhook_url: str | None = Field(default=None, validation_alias="GCCP_WEBHOOK_URL")
    webhook_secret: SecretStr | None = Field(default=None, validation_alias="GCCP_WEBHOOK_SECRET")

    model: str = Field(default="claude-sonnet-4-5-20250929", min_length=1)
    """The model that generations are written with when Anthropic answers."""
    models: Annotated[tuple[str, ...], NoDecode] = ()
    """The models that requests to /api/stream may name, separated by commas; without any, the provider decides."""
    max_tokens: int = Field(default=64_000, ge=1, le=1_000_000)
    """The most tokens that one proxied answer may be asked for."""
    generation_max_tokens: int = Field(default=32_000, ge=1, le=1_000_000)
    """The most tokens that one step of a generation may write."""
    pdf_workers: int = Field(default=2, ge=1, le=64)
    """Processes that render PDFs; each is started when it is first needed."""

    @field_validator("models", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("supabase_jwt_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < SHORTEST_SECRET:
            raise ValueError(f"must have at least {SHORTEST_SECRET} bytes")
        return value

    @model_validator(mode="after")
    def _signed(self) -> Self:  # noqa: N804 - an `after` validator is called on the instance
        if (self.webhook_url is None) != (self.webhook_secret is None):
            raise ValueError("GCCP_WEBHOOK_URL and GCCP_WEBHOOK_SECRET are set together or not at all")
        return self

    @property
    def issuer(self) -> str | None:
        """The `iss` of Supabase's tokens."""
        return None if self.supabase_url is None else f"{self.supabase_url.rstrip('/')}/auth/v1"

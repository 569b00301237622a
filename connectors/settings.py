"""Settings of providers, under their usual names. The process that calls a provider reads them from the environment.

An empty variable counts as unset. Raises pydantic's ValidationError for a value that does not fit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.setting_values import (
    FacebookPage,
    HttpAddress,
    LinkedInAuthor,
    Mailbox,
    SecretToken,
    SigningSecret,
    SmtpAddress,
    Token,
    UnversionedAddress,
    is_http_address,
    is_signing_text,
)


class ProviderSettings(BaseSettings):
    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore")


class TwilioSettings(ProviderSettings):
    """SMS by Twilio. `webhook_url` is the public address of the status webhook."""

    account_sid: Token | None = Field(default=None, validation_alias="TWILIO_ACCOUNT_SID")
    auth_token: SecretToken | None = Field(default=None, validation_alias="TWILIO_AUTH_TOKEN")
    sender: str | None = Field(default=None, validation_alias="TWILIO_FROM")
    base_url: HttpAddress = Field(default="https://api.twilio.com", validation_alias="TWILIO_BASE_URL")
    webhook_url: HttpAddress | None = Field(default=None, validation_alias="TWILIO_WEBHOOK_URL")

    @property
    def complete(self) -> bool:
        """Whether text messages can be sent."""
        return None not in (self.account_sid, self.auth_token, self.sender)


class ResendSettings(ProviderSettings):
    """E-mail by Resend. `webhook_secret` verifies its reports."""

    api_key: SecretToken | None = Field(default=None, validation_alias="RESEND_API_KEY")
    sender: Mailbox | None = Field(default=None, validation_alias="RESEND_FROM")
    base_url: HttpAddress = Field(default="https://api.resend.com", validation_alias="RESEND_BASE_URL")
    webhook_secret: SigningSecret | None = Field(default=None, validation_alias="RESEND_WEBHOOK_SECRET")

    @property
    def complete(self) -> bool:
        """Whether e-mail can be sent."""
        return None not in (self.api_key, self.sender)


class SmtpSettings(ProviderSettings):
    """E-mail by SMTP: `smtp://user:password@host:587` or `smtps://…`."""

    url: SmtpAddress | None = Field(default=None, validation_alias="SMTP_URL")
    sender: Mailbox = Field(default="headwater@localhost", validation_alias="SMTP_FROM")


class ModelSettings(ProviderSettings):
    """The language model: Anthropic's, or one that Ollama serves."""

    anthropic_api_key: SecretToken | None = Field(default=None, validation_alias="ANTHROPIC_API_KEY")
    anthropic_base_url: HttpAddress = Field(default="https://api.anthropic.com", validation_alias="ANTHROPIC_BASE_URL")
    anthropic_version: Token = Field(default="2023-06-01", validation_alias="ANTHROPIC_VERSION")
    ollama_base_url: HttpAddress | None = Field(default=None, validation_alias="OLLAMA_BASE_URL")
    ollama_model: str = Field(default="llama3.2", validation_alias="OLLAMA_MODEL")
    """The model for all answers from Ollama, instead of the model that a request names."""


class EmbeddingSettings(ProviderSettings):
    """A server of embeddings in OpenAI's format, its key where it needs one, and its model for all texts."""

    url: HttpAddress | None = Field(default=None, validation_alias="CREATOR_HUB_EMBEDDINGS_URL")
    key: SecretToken | None = Field(default=None, validation_alias="CREATOR_HUB_EMBEDDINGS_KEY")
    model: Token | None = Field(default=None, validation_alias="CREATOR_HUB_EMBEDDINGS_MODEL")


class GoogleSettings(ProviderSettings):
    """Google Docs and Drive: an access token, or else a service account's file, or else an API key."""

    docs_base_url: HttpAddress = Field(default="https://docs.googleapis.com", validation_alias="GOOGLE_DOCS_BASE_URL")
    drive_base_url: HttpAddress = Field(default="https://www.googleapis.com", validation_alias="GOOGLE_DRIVE_BASE_URL")
    token_url: HttpAddress = Field(default="https://oauth2.googleapis.com/token", validation_alias="GOOGLE_TOKEN_URL")
    access_token: SecretToken | None = Field(default=None, validation_alias="GOOGLE_ACCESS_TOKEN")
    api_key: SecretToken | None = Field(default=None, validation_alias="GOOGLE_DOCS_API_KEY")
    service_account_file: Path | None = Field(default=None, validation_alias="GOOGLE_SERVICE_ACCOUNT_FILE")

    @property
    def complete(self) -> bool:
        """Whether documents can be read."""
        return not (self.access_token is None and self.service_account_file is None and self.api_key is None)


class NotionSettings(ProviderSettings):
    """Notion; `base_url` is without the version's `/v1`. The token goes before the key, which is the same by name."""

    base_url: HttpAddress = Field(default="https://api.notion.com", validation_alias="NOTION_BASE_URL")
    token: SecretToken | None = Field(default=None, validation_alias="NOTION_TOKEN")
    api_key: SecretToken | None = Field(default=None, validation_alias="NOTION_API_KEY")

    @property
    def credential(self) -> SecretStr | None:
        return self.token or self.api_key

    @property
    def complete(self) -> bool:
        """Whether pages can be read."""
        return self.credential is not None


class XSettings(ProviderSettings):
    """Posts on X, by a user's token. Its old names hold where the new ones are not set."""

    base_url: UnversionedAddress | None = Field(default=None, validation_alias="X_BASE_URL")
    old_base_url: UnversionedAddress = Field(default="https://api.x.com", validation_alias="TWITTER_BASE_URL")
    access_token: SecretToken | None = Field(default=None, validation_alias="X_ACCESS_TOKEN")
    old_access_token: SecretToken | None = Field(default=None, validation_alias="TWITTER_ACCESS_TOKEN")
    bearer_token: SecretToken | None = Field(default=None, validation_alias="TWITTER_BEARER_TOKEN")

    @property
    def address(self) -> str:
        return self.base_url or self.old_base_url

    @property
    def credential(self) -> SecretStr | None:
        return self.access_token or self.old_access_token or self.bearer_token

    @property
    def complete(self) -> bool:
        """Whether posts can be published."""
        return self.credential is not None


class LinkedInSettings(ProviderSettings):
    """Posts on LinkedIn in the author's name. LinkedIn keeps a version of its API for a year."""

    base_url: UnversionedAddress = Field(default="https://api.linkedin.com", validation_alias="LINKEDIN_BASE_URL")
    access_token: SecretToken | None = Field(default=None, validation_alias="LINKEDIN_ACCESS_TOKEN")
    author: LinkedInAuthor | None = Field(default=None, validation_alias="LINKEDIN_AUTHOR")
    version: Token = Field(default="202609", validation_alias="LINKEDIN_VERSION")

    @property
    def complete(self) -> bool:
        """Whether posts can be published."""
        return None not in (self.access_token, self.author)


class FacebookSettings(ProviderSettings):
    """Posts on a Facebook Page, by the Page's token, which goes by two names."""

    base_url: UnversionedAddress = Field(default="https://graph.facebook.com", validation_alias="FACEBOOK_BASE_URL")
    access_token: SecretToken | None = Field(default=None, validation_alias="FACEBOOK_ACCESS_TOKEN")
    page_access_token: SecretToken | None = Field(default=None, validation_alias="FACEBOOK_PAGE_ACCESS_TOKEN")
    page_id: FacebookPage | None = Field(default=None, validation_alias="FACEBOOK_PAGE_ID")

    @property
    def credential(self) -> SecretStr | None:
        return self.access_token or self.page_access_token

    @property
    def complete(self) -> bool:
        """Whether posts can be published."""
        return None not in (self.credential, self.page_id)


class WhatsAppSettings(ProviderSettings):
    """Chat on WhatsApp. Tokens are of channels; `app_secret` verifies the calls of channels that have none."""

    base_url: UnversionedAddress = Field(default="https://graph.facebook.com", validation_alias="WHATSAPP_BASE_URL")
    api_version: Token = Field(default="v26.0", validation_alias="WHATSAPP_API_VERSION")
    app_secret: SecretStr | None = Field(default=None, validation_alias="WHATSAPP_APP_SECRET")


class TelegramSettings(ProviderSettings):
    """Chat on Telegram. Tokens are of channels."""

    base_url: HttpAddress = Field(default="https://api.telegram.org", validation_alias="TELEGRAM_BASE_URL")


class CrmSettings(ProviderSettings):
    """The CRM with the subscribers of newsletters. `webhook_secret` verifies its reports."""

    base_url: HttpAddress | None = Field(default=None, validation_alias="CRM_BASE_URL")
    api_key: SecretToken | None = Field(default=None, validation_alias="CRM_API_KEY")
    webhook_secret: SecretStr | None = Field(default=None, validation_alias="CRM_WEBHOOK_SECRET")

    @property
    def complete(self) -> bool:
        """Whether newsletters can be sent."""
        return None not in (self.base_url, self.api_key)


class PlatformSettings(ProviderSettings):
    """The website on which pages are published."""

    base_url: HttpAddress | None = Field(default=None, validation_alias="PLATFORM_BASE_URL")
    api_key: SecretToken | None = Field(default=None, validation_alias="PLATFORM_API_KEY")

    @property
    def complete(self) -> bool:
        """Whether pages can be published."""
        return None not in (self.base_url, self.api_key)


class WebhookSettings(ProviderSettings):
    """The webhook endpoint that is a setting: `<SURFACE>_WEBHOOK_URL` and `<SURFACE>_WEBHOOK_SECRET`."""

    surface: str
    webhook_url: str | None = None
    webhook_secret: SecretStr | None = None

    @classmethod
    def of(cls, surface: str) -> Self:
        """The settings of one surface."""
        return cls(_env_prefix=f"{surface.upper()}_", surface=surface)

    @model_validator(mode="after")
    def _complete(self) -> Self:  # noqa: N804 - an `after` validator is called on the instance
        name = f"{self.surface.upper()}_WEBHOOK"
        if (self.webhook_url is None) != (self.webhook_secret is None):
            raise ValueError(f"{name}_URL and {name}_SECRET are set together or not at all")
        if self.webhook_url is not None and not is_http_address(self.webhook_url):
            raise ValueError(f"{name}_URL must be an address that begins with http:// or https://")
        if self.webhook_secret is not None and not is_signing_text(self.webhook_secret.get_secret_value()):
            raise ValueError(f"{name}_SECRET must have base64 after whsec_, or be a text without that prefix")
        return self

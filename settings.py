"""Every setting, read once from the environment. `HEADWATER_…` for our own, the providers' usual names for theirs."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """How this process runs. Secrets are `SecretStr`, so that no log or error shows them."""

    model_config = SettingsConfigDict(env_prefix="HEADWATER_", extra="ignore")

    data: Path = Path("headwater-data")
    """Directory of the embedded database, the secrets and the sandbox outbox."""
    host: str = "127.0.0.1"
    port: int = 8000
    postgres: str | None = Field(default=None, repr=False)
    """DSN of a PostgreSQL server; without one, an embedded server runs in the data directory."""
    partitions: int = Field(default=4, ge=1, le=1024)
    """Partitions per context: fixed when the data is born."""
    clock: Literal["system", "manual"] = "system"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    master_key: SecretStr | None = None
    """32 bytes in hexadecimal; without it, `master.key` in the data directory, made at the first start."""
    token_secret: SecretStr | None = None
    """32 bytes in hexadecimal; without it, `token.key` in the data directory, made at the first start."""
    public_url: str | None = None
    """Where recipients reach this installation (unsubscribe links); without one, http://host:port."""
    daily_budget: Decimal = Field(default=Decimal(100), ge=0)
    """Dollars that messages may cost in a day (UTC)."""
    monthly_budget: Decimal = Field(default=Decimal(3000), ge=0)
    """Dollars that messages may cost in a month (UTC)."""
    allow_private_webhooks: bool = False
    """Whether outgoing webhooks may go to private addresses."""

    kafka: str | None = None
    """`host:port,…` of the brokers; connection settings pass through as HEADWATER_KAFKA_… (…_SASL_USERNAME)."""
    prefix: str = "headwater"
    """What topics and groups begin with."""
    instance: str | None = None
    """This process's own stable name, unique among those of its role; without one, the host's name."""
    replicas: int = Field(default=3, ge=1)
    """Replicas of a topic, checked at start."""
    min_insync: int = Field(default=2, ge=1)
    """Replicas that must have a record before it counts, checked at start."""
    metrics_port: int | None = None
    """Where a processor, projector or worker shows its metrics; without one, it shows none."""

    twilio_account_sid: str | None = Field(default=None, validation_alias="TWILIO_ACCOUNT_SID")
    twilio_auth_token: SecretStr | None = Field(default=None, validation_alias="TWILIO_AUTH_TOKEN")
    twilio_from: str | None = Field(default=None, validation_alias="TWILIO_FROM")
    twilio_base_url: str = Field(default="https://api.twilio.com", validation_alias="TWILIO_BASE_URL")
    twilio_webhook_url: str | None = Field(default=None, validation_alias="TWILIO_WEBHOOK_URL")
    resend_api_key: SecretStr | None = Field(default=None, validation_alias="RESEND_API_KEY")
    resend_from: str | None = Field(default=None, validation_alias="RESEND_FROM")
    resend_base_url: str = Field(default="https://api.resend.com", validation_alias="RESEND_BASE_URL")
    resend_webhook_secret: SecretStr | None = Field(default=None, validation_alias="RESEND_WEBHOOK_SECRET")
    smtp_url: SecretStr | None = Field(default=None, validation_alias="SMTP_URL")
    smtp_from: str = Field(default="headwater@localhost", validation_alias="SMTP_FROM")

    @property
    def public(self) -> str:
        """The address that links in messages lead to."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def has_twilio(self) -> bool:
        """Whether texts can go out by Twilio."""
        return None not in (self.twilio_account_sid, self.twilio_auth_token, self.twilio_from)

    @property
    def has_resend(self) -> bool:
        """Whether e-mail can go out by Resend."""
        return None not in (self.resend_api_key, self.resend_from)

    @property
    def outbox(self) -> Path:
        """Where the sandbox puts what no provider is configured for."""
        return self.data / "outbox"


def load() -> Settings:
    """The settings of this process; raises pydantic's ValidationError for a value that does not fit."""
    return Settings()

"""The settings of a process, read once from the environment as `HEADWATER_…`.

Those of a product are in its record (`products/`), those of providers in `connectors/settings.py`.
"""

from __future__ import annotations

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
    """32 bytes in hexadecimal that sign tokens; without it, `token.key` in the data directory."""
    secret: SecretStr | None = None
    """32 bytes in hexadecimal that codes, marks, links and webhook secrets derive from; without it, `secret.key`."""
    public_url: str | None = None
    """Where recipients reach this installation (unsubscribe links); without one, http://host:port."""
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

    @property
    def public(self) -> str:
        """The address that links in messages lead to."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def outbox(self) -> Path:
        """Where the sandbox puts what no provider is configured for."""
        return self.data / "outbox"


def load() -> Settings:
    """The settings of this process; raises pydantic's ValidationError for a value that does not fit."""
    return Settings()

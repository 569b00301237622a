"""The settings of a process, read once from the environment as `HEADWATER_…`.

Settings of a product are in `products/<surface>.py`, settings of providers in `connectors/settings.py`.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from connectors.setting_values import HttpAddress

LOOPBACK = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - names of addresses, nothing is bound here
"""Loopback addresses, which reach a process that listens on all addresses."""


LEAST_TOKEN = 32


def _of_32_bytes(secret: SecretStr) -> SecretStr:
    try:
        length = len(bytes.fromhex(secret.get_secret_value()))
    except ValueError:
        length = 0
    if length != 32:
        raise ValueError("must hold 32 bytes in hexadecimal (64 digits)")
    return secret


def _path_prefix(path: str) -> str:
    if path.strip("/") and not path.startswith("/"):
        raise ValueError("must begin with a slash, as /headwater")
    return path.rstrip("/")


def _public(value: str) -> str:
    if "?" in value or "#" in value:
        raise ValueError("must be an address without a query, as https://example.com/headwater")
    return value


def _networks(value: object) -> object:
    """A text is what the environment has; the default is a tuple already."""
    if not isinstance(value, str):
        return value
    try:
        return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
    except ValueError:
        raise ValueError("must be addresses or networks, separated by commas, as 10.0.0.0/8, 127.0.0.1") from None


ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@\s]+")


def _origins(value: object) -> object:
    """A text is what the environment has; the default is a tuple already."""
    if not isinstance(value, str):
        return value
    origins = tuple(part.strip().lower() for part in value.split(",") if part.strip())
    if not origins or any(origin != "*" and ORIGIN.fullmatch(origin) is None for origin in origins):
        raise ValueError("must be * or origins, separated by commas, as https://app.example.com")
    return origins


def _unguessable(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < LEAST_TOKEN:
        raise ValueError(f"must have {LEAST_TOKEN} characters or more")
    return value


Secret = Annotated[SecretStr, AfterValidator(_of_32_bytes)]
"""A secret of 32 bytes in hexadecimal."""

TOPIC_PREFIX = re.compile(r"[a-zA-Z0-9._-]{1,100}")
"""Characters that Kafka allows in the name of a topic, with room for the rest of the name."""


def _topic_prefix(value: str) -> str:
    if TOPIC_PREFIX.fullmatch(value) is None:
        raise ValueError("must have letters, digits, dots, underscores and hyphens only, at most 100")
    return value


def _conninfo(value: str) -> str:
    """Check the form only. The driver is imported only where a server is set."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        conninfo_to_dict(value)
    except ProgrammingError:
        raise ValueError("must be an address as postgresql://user:password@host:5432/database") from None
    return value


Port = Annotated[int, Field(ge=0, le=65535)]
Conninfo = Annotated[str, AfterValidator(_conninfo)]
"""The DSN of a PostgreSQL server, as an address or as `key=value` pairs."""


class Settings(BaseSettings):
    """The settings of the engine and the process; an empty variable counts as unset.

    Secrets are `SecretStr`, so that no log or error shows them.
    """

    model_config = SettingsConfigDict(
        env_prefix="HEADWATER_", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    data: Path = Path("headwater-data")
    """Directory of the embedded database, the secrets and the sandbox outbox."""
    host: str = "127.0.0.1"
    port: Port = 8000
    postgres: Conninfo | None = Field(default=None, repr=False)
    """DSN of a PostgreSQL server; without one, an embedded server runs in the data directory."""
    partitions: int = Field(default=4, ge=1, le=1024)
    """Partitions per context, fixed when the installation is created."""
    clock: Literal["system", "manual"] = "system"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    master_key: Secret | None = None
    """The key that wraps subjects' keys, 32 bytes in hexadecimal; without it, `master.key` in the data directory."""
    token_secret: Secret | None = None
    """The key that signs tokens, 32 bytes in hexadecimal; without it, `token.key` in the data directory."""
    token_secret_next: Secret | None = None
    """A second key that signs tokens, beside a given `token_secret`: both are valid, and new tokens get this one."""
    secret: Secret | None = None
    """The secret of codes, marks, links and webhooks, 32 bytes in hexadecimal; without it, `secret.key` likewise."""
    public_url: Annotated[HttpAddress, AfterValidator(_public)] | None = None
    """The address of this installation for recipients (unsubscribe links); without it, http://host:port."""
    root_path: Annotated[str, AfterValidator(_path_prefix)] | None = None
    """The prefix that a proxy in front strips from paths; without it, the path of `public_url`."""
    root: str | None = None
    """The surface that is also at the root of every host that names none, /health and /ready included."""
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)] = ()
    """Addresses or networks, separated by commas, whose `X-Forwarded-For` counts."""
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = ("*",)
    """The origins, separated by commas, whose pages may call the surfaces that browsers may call; `*` for all."""
    internal_port: int | None = Field(default=None, ge=1, le=65535)
    """A port for /ready, /metrics and /live, which are then served on no other; without it, that of the surfaces."""
    internal_token: Annotated[SecretStr, AfterValidator(_unguessable)] | None = None
    """The bearer token that /ready, /metrics and /live ask for; without it, they ask for none."""
    connections: int = Field(default=1000, ge=1)
    """The largest number of HTTP connections, less where the process may open fewer files."""
    sockets: int = Field(default=10_000, ge=1)
    """The largest number of WebSockets, less where the process may open fewer files."""
    header_seconds: float = Field(default=10.0, gt=0)
    """Seconds in which a request's headers must have come."""
    body_seconds: float = Field(default=60.0, gt=0)
    """Seconds in which a request's body must have come, or 500 kB of it: then it is given as long again."""
    allow_private_webhooks: bool = False
    """Whether outgoing webhooks may go to private addresses."""
    allow_private_fetches: bool = False
    """Whether documents may be fetched from private addresses."""

    kafka: str | None = None
    """`host:port,…` of the brokers; connection settings pass through as HEADWATER_KAFKA_… (…_SASL_USERNAME)."""
    prefix: Annotated[str, AfterValidator(_topic_prefix)] = "headwater"
    """The prefix of topics and consumer groups."""
    instance: str | None = None
    """The stable name of this process, unique within its role; without it, the host's name."""
    replicas: int = Field(default=3, ge=1)
    """The number of replicas of a topic, checked at start."""
    min_insync: int = Field(default=2, ge=1)
    """The number of in-sync replicas that a write requires, checked at start."""
    metrics_port: Port | None = None
    """The port of the health and metrics of a processor, projector or worker; without it, they serve none."""
    live_url: HttpAddress = "http://127.0.0.1:8001"
    """The address of `headwater live`, whose figures an API node shows at `/live`."""

    @property
    def public(self) -> str:
        """The address that links in messages start with."""
        return (self.public_url or self.own_address).rstrip("/")

    @property
    def path_prefix(self) -> str:
        """The prefix of every path outside, empty for none."""
        return urlsplit(self.public).path.rstrip("/") if self.root_path is None else self.root_path

    @property
    def own_address(self) -> str:
        """The address for callers on this machine."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{LOOPBACK.get(host, host)}:{self.port}"

    @property
    def outbox(self) -> Path:
        """The directory in which the sandbox writes messages without a configured provider."""
        return self.data / "outbox"


def load() -> Settings:
    """The settings of this process; raises pydantic's ValidationError for an invalid value."""
    return Settings()

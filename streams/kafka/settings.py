"""Settings of the cluster. Connection settings pass through; those that the protocol relies on cannot be changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PREFIX = "HEADWATER_KAFKA_"
PASSED_THROUGH = ("security.", "sasl.", "ssl.", "socket.", "client.", "broker.", "reconnect.", "metadata.", "debug")

ADMIN_NAMES = {
    "security.protocol": "security_protocol",
    "sasl.mechanism": "sasl_mechanism",
    "sasl.mechanisms": "sasl_mechanism",
    "sasl.username": "sasl_plain_username",
    "sasl.password": "sasl_plain_password",
    "sasl.kerberos.service.name": "sasl_kerberos_service_name",
    "ssl.ca.location": "ssl_cafile",
    "ssl.certificate.location": "ssl_certfile",
    "ssl.key.location": "ssl_keyfile",
    "ssl.key.password": "ssl_password",
    "ssl.crl.location": "ssl_crlfile",
    "client.id": "client_id",
}
"""librdkafka's names of connection settings, with kafka-python's names for the same."""

ONE_CLIENT_ONLY = ("ssl.ca.pem", "ssl.certificate.pem", "ssl.key.pem", "ssl.keystore.", "ssl.engine.", "sasl.oauth")
"""Identity settings that only librdkafka understands, of the three clients."""

GSSAPI = "GSSAPI"
MECHANISMS = (GSSAPI, "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
"""SASL mechanisms that all three clients know."""


class WrongSetting(Exception):
    """An environment variable would change something that the protocol relies on, or reach only some of the clients."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Kafka cluster: `host:port,…`, the prefix of its topics and groups, connection settings (librdkafka's names)."""

    bootstrap: str
    prefix: str = "headwater"
    connection: Mapping[str, str] = field(default_factory=dict, repr=False)

    def commands(self, context: str) -> str:
        """Topic of a context's commands."""
        return f"{self.prefix}.{context}.commands"

    def events(self, context: str) -> str:
        """Topic of a context's events and outcomes: its log."""
        return f"{self.prefix}.{context}.events"

    def client(self, **settings: Any) -> dict[str, Any]:
        """Settings of a confluent-kafka client; the keyword `a_b` stands for `a.b`."""
        own = {name.replace("_", "."): value for name, value in settings.items()}
        quick = {"socket.nagle.disable": True, "reconnect.backoff.max.ms": 1000, "log_level": 0}
        return {"bootstrap.servers": self.bootstrap} | quick | dict(self.connection) | own

    def reader(self, **settings: Any) -> dict[str, Any]:
        """Settings of a confluent-kafka consumer that is in no group and stores no offsets."""
        alone = {
            "group.id": f"{self.prefix}.none",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "allow.auto.create.topics": False,
            "fetch.wait.max.ms": 50,
        }
        return alone | self.client(**settings)

    def admin(self) -> dict[str, Any]:
        """Settings of a kafka-python client for the same connection."""
        translated = ((ADMIN_NAMES.get(name), value) for name, value in self.connection.items())
        known: dict[str, Any] = {name: value for name, value in translated if name is not None}
        if "security_protocol" in known:
            known["security_protocol"] = known["security_protocol"].upper()
        if self.connection.get("ssl.endpoint.identification.algorithm") == "none":
            known["ssl_check_hostname"] = False
        return {"bootstrap_servers": self.bootstrap.split(","), "bootstrap_timeout_ms": 10_000} | known


@dataclass(frozen=True, slots=True)
class Role:
    """Parameters of a process of the distributed runtime. `instance` is its stable name, unique in its group."""

    cluster: Cluster
    dsn: str = field(repr=False)
    instance: str
    master_key: bytes = field(repr=False)
    partitions: int = 4
    log_ends: Mapping[tuple[str, int], int] = field(default_factory=dict)
    """Ends of the log's partitions at the start of the process. No new key is made before the database covers them."""


def connection_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Read librdkafka's connection settings from `HEADWATER_KAFKA_…` (`…_SASL_USERNAME` is `sasl.username`).

    Raises WrongSetting for a setting that is not about the connection, and for one, or a SASL mechanism, that not every
    client knows.
    """
    found = {}
    for variable, value in environment.items():
        if not variable.startswith(PREFIX):
            continue
        name = variable.removeprefix(PREFIX).lower().replace("_", ".")
        if not name.startswith(PASSED_THROUGH):
            raise WrongSetting(f"{variable}: {name} cannot be set; only {', '.join(PASSED_THROUGH)}… pass through")
        if name.startswith(ONE_CLIENT_ONLY):
            raise WrongSetting(
                f"{variable}: not every Kafka client in here knows {name}; give certificates and keys "
                f"as files (ssl.ca.location, …), and users by SCRAM, PLAIN or GSSAPI"
            )
        if name in ("sasl.mechanism", "sasl.mechanisms") and value not in MECHANISMS:
            raise WrongSetting(f"{variable}: not every Kafka client in here knows {value}, but {', '.join(MECHANISMS)}")
        found[name] = value
    return found

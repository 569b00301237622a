"""A broker as a careful operator runs it: TLS by an authority of its own, a password per user, and rights per role."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from streams.kafka.settings import Cluster, connection_settings
from tests.kafka.broker import Broker, Listener

BROKER = "broker"
SETTINGS = """
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required username="{broker}" password="{password}";
ssl.keystore.type=PEM
ssl.keystore.location={certificate}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{broker};User:ANONYMOUS
"""
"""ANONYMOUS is who comes in by the controller's listener, which is the broker itself."""


class Authority(NamedTuple):
    """Somebody who signs certificates; `location` is what its clients are given to trust."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    location: Path

    def issue(self, path: Path) -> Path:
        """A certificate for 127.0.0.1 and its key, in one PEM file."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        signed = _certificate("broker", self.certificate.subject, key).add_extension(names, critical=False)
        certificate = signed.sign(self.key, hashes.SHA256())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        return path


def authority(path: Path) -> Authority:
    """A new one, its certificate in a PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    own = _certificate("authority", _named("authority"), key)
    certificate = own.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
        key, hashes.SHA256()
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return Authority(key, certificate, path)


def _certificate(name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    begin = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder(issuer, _named(name), key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=1))
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


class Secured(NamedTuple):
    """A broker that lets in whoever has a password, and lets nobody do anything without a right to it."""

    bootstrap: str
    passwords: Mapping[str, str]
    authority: Path

    def connection(self, user: str) -> dict[str, str]:
        """How this user connects, by librdkafka's names."""
        return connection_settings(self.environment(user))

    def environment(self, user: str) -> dict[str, str]:
        """How this user connects, as an operator sets it."""
        return {
            "HEADWATER_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "HEADWATER_KAFKA_SSL_CA_LOCATION": str(self.authority),
            "HEADWATER_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "HEADWATER_KAFKA_SASL_USERNAME": user,
            "HEADWATER_KAFKA_SASL_PASSWORD": self.passwords[user],
        }

    def cluster(self, user: str, prefix: str) -> Cluster:
        """The broker as this user sees it."""
        return Cluster(self.bootstrap, prefix, self.connection(user))


@contextmanager
def secured(directory: Path, users: Sequence[str]) -> Iterator[Secured]:
    """Starts one with these users, none of whom has any right yet; its own user, `BROKER`, may do everything."""
    trusted = authority(directory / "authority.pem")
    passwords = {user: f"{user}-s3cret" for user in (*users, BROKER)}
    given = Secured("", passwords, trusted.location)
    settings = SETTINGS.format(
        broker=BROKER,
        password=passwords[BROKER],
        certificate=trusted.issue(directory / "broker.pem"),
        authority=trusted.location,
    )
    with Broker(listener=Listener("SASL_SSL", settings, passwords, given.connection(BROKER))) as broker:
        yield given._replace(bootstrap=broker.bootstrap)

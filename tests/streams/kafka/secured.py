"""Secured test broker: TLS by a private authority, a password or a certificate per user, and rights per role."""

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
from tests.streams.kafka.broker import Broker, Listener, free_port

BROKER = "broker"
CERTIFIED = "CN=client"
"""Who comes in with the clients' certificate: a user is its subject."""

KEY_PASSWORD = "key-s3cret"
SETTINGS = """
sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256,PLAIN
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required username="{broker}" password="{password}";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required {plain};
ssl.keystore.type=PEM
ssl.keystore.location={certificate}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
listener.name.ssl.ssl.client.auth=required
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{broker};User:ANONYMOUS
"""
"""ANONYMOUS is who comes in by the controller's listener, which is the broker itself."""


class Authority(NamedTuple):
    """Somebody who signs certificates; `location` is what its clients are given to trust."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    location: Path

    def issue(self, name: str, password: str = "") -> Path:
        """A certificate for somebody at 127.0.0.1 and its key, in one PEM file."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        signed = _certificate(name, self.certificate.subject, key).add_extension(names, critical=False)
        certificate, path = signed.sign(self.key, hashes.SHA256()), self.location.with_name(f"{name}.pem")
        path.write_bytes(_private(key, password) + certificate.public_bytes(serialization.Encoding.PEM))
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


def _private(key: ec.EllipticCurvePrivateKey, password: str) -> bytes:
    how = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


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
    """A broker that lets in whoever has a password, or by another listener whoever has a certificate, and lets nobody
    do anything without a right to it."""

    bootstrap: str
    with_certificates: str
    passwords: Mapping[str, str]
    authority: Path
    certificate: Path

    def environment(self, user: str, mechanism: str = "SCRAM-SHA-512") -> dict[str, str]:
        """How this user connects, as an operator sets it."""
        return {
            "HEADWATER_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "HEADWATER_KAFKA_SSL_CA_LOCATION": str(self.authority),
            "HEADWATER_KAFKA_SASL_MECHANISM": mechanism,
            "HEADWATER_KAFKA_SASL_USERNAME": user,
            "HEADWATER_KAFKA_SASL_PASSWORD": self.passwords[user],
        }

    def cluster(self, user: str, prefix: str, mechanism: str = "SCRAM-SHA-512") -> Cluster:
        """The broker as this user sees it."""
        return Cluster(self.bootstrap, prefix, connection_settings(self.environment(user, mechanism)))

    def certified(self, prefix: str, *without: str) -> Cluster:
        """The broker as `CERTIFIED` sees it, without some settings."""
        environment = {
            "HEADWATER_KAFKA_SECURITY_PROTOCOL": "SSL",
            "HEADWATER_KAFKA_SSL_CA_LOCATION": str(self.authority),
            "HEADWATER_KAFKA_SSL_CERTIFICATE_LOCATION": str(self.certificate),
            "HEADWATER_KAFKA_SSL_KEY_LOCATION": str(self.certificate),
            "HEADWATER_KAFKA_SSL_KEY_PASSWORD": KEY_PASSWORD,
        }
        given = {name: value for name, value in connection_settings(environment).items() if name not in without}
        return Cluster(self.with_certificates, prefix, given)


@contextmanager
def secured(directory: Path, users: Sequence[str]) -> Iterator[Secured]:
    """Starts one with these users, none of whom has any right yet; its own user, `BROKER`, may do everything."""
    trusted, port = authority(directory / "authority.pem"), free_port()
    passwords = {user: f"{user}-s3cret" for user in (*users, BROKER)}
    certificate = trusted.issue("client", KEY_PASSWORD)
    given = Secured("", f"127.0.0.1:{port}", passwords, trusted.location, certificate)
    settings = SETTINGS.format(
        broker=BROKER,
        password=passwords[BROKER],
        plain=" ".join(f'user_{user}="{password}"' for user, password in passwords.items()),
        certificate=trusted.issue("broker"),
        authority=trusted.location,
    )
    connection = connection_settings(given.environment(BROKER))
    with Broker(listener=Listener("SASL_SSL", settings, passwords, connection, {"SSL": port})) as broker:
        yield given._replace(bootstrap=broker.bootstrap)

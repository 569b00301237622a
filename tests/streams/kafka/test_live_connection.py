"""Connection settings for faust-streaming: the same names and the same meaning as for the other clients."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from faust.auth import Credentials, GSSAPICredentials, SASLCredentials, SSLCredentials
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from streams.core.clock import SystemClock
from streams.kafka.live import Live
from streams.kafka.live_connection import credentials
from streams.kafka.settings import Cluster

PASSWORD = {"sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "headwater", "sasl.password": "secret"}


def of(**connection: str) -> Credentials | None:
    """`sasl_username` stands for `sasl.username`."""
    return credentials(Cluster("one:9093", connection={name.replace("_", "."): to for name, to in connection.items()}))


def test_without_settings_the_connection_is_a_plain_one() -> None:
    assert of() is None
    assert of(security_protocol="PLAINTEXT", client_id="live") is None


@pytest.mark.parametrize(("protocol", "tls"), [("SASL_PLAINTEXT", False), ("sasl_ssl", True)])
def test_name_and_password_pass_through_encrypted_or_not(protocol: str, tls: bool) -> None:
    found = credentials(Cluster("one:9093", connection=PASSWORD | {"security.protocol": protocol}))
    assert isinstance(found, SASLCredentials)
    assert (found.username, found.password, found.mechanism.value) == ("headwater", "secret", "SCRAM-SHA-512")
    assert (found.protocol.value, found.ssl_context is not None) == (protocol.upper(), tls)
    assert "secret" not in repr(found)


def test_kerberos_passes_through_and_is_what_no_mechanism_means() -> None:
    found = of(security_protocol="SASL_PLAINTEXT", sasl_kerberos_service_name="broker")
    assert isinstance(found, GSSAPICredentials)
    assert (found.kerberos_service_name, found.mechanism.value) == ("broker", "GSSAPI")


@pytest.mark.parametrize(("algorithm", "checked"), [("https", True), ("none", False)])
def test_tls_trusts_the_authority_that_is_set_and_checks_names_unless_told_not_to(
    tmp_path: Path, algorithm: str, checked: bool
) -> None:
    certificate, key = own_certificate(tmp_path)
    found = of(
        security_protocol="SSL",
        ssl_ca_location=str(certificate),
        ssl_certificate_location=str(certificate),
        ssl_key_location=str(key),
        ssl_endpoint_identification_algorithm=algorithm,
    )
    assert isinstance(found, SSLCredentials)
    assert (found.context.check_hostname, found.context.verify_mode) == (checked, ssl.CERT_REQUIRED)
    assert len(found.context.get_ca_certs()) == 1


def own_certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate that vouches for itself, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    begin = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "key.pem").write_bytes(private)
    return directory / "certificate.pem", directory / "key.pem"


async def test_what_is_set_is_what_faust_connects_with() -> None:
    cluster = Cluster("one:9093", connection=PASSWORD | {"security.protocol": "SASL_PLAINTEXT"})
    app = Live(cluster, ["shelf"], 1, [], SystemClock())._app()
    given = credentials_to_aiokafka_auth(app.conf.broker_credentials, app.conf.ssl_context)
    assert (given["security_protocol"], given["sasl_plain_username"]) == ("SASL_PLAINTEXT", "headwater")

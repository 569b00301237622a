"""Webhooks delivered to a local receiver that checks the signatures, and to places that must not be called."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from connectors.signatures import webhook_valid
from connectors.webhook import Destination, WebhookSender
from domain.calls.webhook import ERASED, GONE, NOT_CONFIGURED, DeliverWebhook
from streams.core.calls import Accepted, Connector, Deferred, Rejected, Unknown, Verdict
from tests.imitations import dropping, failing, hanging, throttling
from tests.imitations.webhook_sink import SECRET, WebhookSink

BODY = '{"event":"generation.completed","data":{"topic":"Übung"}}'


def effect(endpoint: str = "gccp", body: str | None = BODY) -> DeliverWebhook:
    return DeliverWebhook(
        data_subject="gccp:ada", endpoint_id=endpoint, webhook_id="msg_1", event_type="generation.completed", body=body
    )


def sender(url: str, secret: str = SECRET, allow_private: bool = True, seconds: float = 5.0) -> WebhookSender:
    return WebhookSender({"gccp": Destination(url, SecretStr(secret))}, allow_private, seconds)


@pytest.fixture
def sink() -> Iterator[WebhookSink]:
    with WebhookSink() as imitation:
        yield imitation


@pytest.fixture
async def send(sink: WebhookSink) -> AsyncIterator[Connector[DeliverWebhook]]:
    connector = sender(f"{sink.url}/hook?token=t")
    yield connector
    await connector.close()


async def once(connector: WebhookSender, key: str = "key") -> Verdict:
    verdict = await connector(effect(), key)
    await connector.close()
    return verdict


async def test_a_webhook_is_delivered_with_both_signatures(send: Connector[DeliverWebhook], sink: WebhookSink) -> None:
    assert await send(effect(), "key") == Accepted("msg_1")
    (received,) = sink.journal.received
    assert (received.to, received.content) == ("/hook", json.loads(BODY))
    assert received.headers["content-type"] == "application/json"
    assert received.headers["webhook-id"] == "msg_1"


async def test_a_wrong_secret_is_noticed_by_the_receiver(sink: WebhookSink) -> None:
    other = "whsec_" + "QUJD" * 8
    assert await once(sender(sink.url, other)) == Rejected("http_401", "the receiver answered 401")


async def test_the_id_is_the_same_for_every_attempt(send: Connector[DeliverWebhook], sink: WebhookSink) -> None:
    sink.behave(failing(503, recorded=True))
    assert isinstance(await send(effect(), "key"), Deferred)
    assert isinstance(await send(effect(), "key"), Accepted)
    assert [received.headers["webhook-id"] for received in sink.journal.received] == ["msg_1", "msg_1"]


def test_the_timestamp_is_signed_and_is_the_attempts_own() -> None:
    destination = Destination("https://example.com/", SecretStr(SECRET))
    first, second = (destination.headers("msg_1", at, b"{}") for at in (1_000, 1_600))
    assert first["webhook-signature"] != second["webhook-signature"]
    assert first["X-Webhook-Signature"] == second["X-Webhook-Signature"]
    assert webhook_valid(SECRET, "msg_1", "1600", b"{}", second["webhook-signature"], now=1_600)


def test_a_secret_without_the_prefix_signs_with_its_own_bytes() -> None:
    headers = Destination("https://example.com/", SecretStr("plain secret")).headers("msg_1", 1_600, b"{}")
    standard = "whsec_cGxhaW4gc2VjcmV0"
    assert webhook_valid(standard, "msg_1", "1600", b"{}", headers["webhook-signature"], now=1_600)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
async def test_a_receiver_in_trouble_is_tried_again(
    send: Connector[DeliverWebhook], sink: WebhookSink, status: int
) -> None:
    sink.behave(failing(status))
    assert await send(effect(), "key") == Deferred(f"http_{status}", f"the receiver answered {status}")


async def test_a_receiver_that_names_a_time_is_left_alone_until_then(
    send: Connector[DeliverWebhook], sink: WebhookSink
) -> None:
    sink.behave(throttling("90"))
    assert await send(effect(), "key") == Deferred("http_429", "the receiver answered 429", 90.0)


async def test_a_receiver_that_is_gone_is_told_from_others(send: Connector[DeliverWebhook], sink: WebhookSink) -> None:
    sink.behave(failing(410))
    verdict = await send(effect(), "key")
    assert isinstance(verdict, Rejected)
    assert verdict.code == GONE


async def test_a_redirect_is_not_followed(send: Connector[DeliverWebhook], sink: WebhookSink) -> None:
    sink.behave(failing(307, headers={"Location": f"{sink.url}/elsewhere"}))
    verdict = await send(effect(), "key")
    assert isinstance(verdict, Rejected)
    assert verdict.code == "http_307"
    assert sink.journal.counts == {}


async def test_an_attempt_without_an_answer_ends_in_time_and_may_be_repeated(sink: WebhookSink) -> None:
    sink.behave(hanging())
    connector = sender(sink.url, seconds=0.3)
    assert isinstance(await once(connector), Unknown)
    assert connector.idempotent


async def test_a_connection_that_is_cut_leaves_the_outcome_unknown(
    send: Connector[DeliverWebhook], sink: WebhookSink
) -> None:
    sink.behave(dropping(recorded=True))
    assert isinstance(await send(effect(), "key"), Unknown)


async def test_nobody_there_is_a_passing_failure(nobody_there: int) -> None:
    verdict = await once(sender(f"http://127.0.0.1:{nobody_there}/"))
    assert isinstance(verdict, Deferred)
    assert verdict.code == "unreachable"


async def test_a_name_that_cannot_be_resolved_is_a_passing_failure() -> None:
    verdict = await once(sender("https://nothing.invalid/hook"))
    assert isinstance(verdict, Deferred)
    assert verdict.code == "unresolvable"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]"])
async def test_a_private_address_is_not_called_unless_that_is_allowed(sink: WebhookSink, host: str) -> None:
    verdict = await once(sender(f"http://{host}:{sink.port}/hook", allow_private=False))
    assert isinstance(verdict, Rejected)
    assert verdict.code == "private_address"
    assert sink.journal.requests == 0


async def test_the_receiver_is_called_by_its_address_and_told_its_name(sink: WebhookSink) -> None:
    assert isinstance(await once(sender(f"http://localhost:{sink.port}/hook")), Accepted)
    (received,) = sink.journal.received
    assert received.headers["host"] == f"localhost:{sink.port}"


async def test_an_endpoint_without_a_destination_gets_nothing(send: Connector[DeliverWebhook]) -> None:
    verdict = await send(effect("another"), "key")
    assert isinstance(verdict, Rejected)
    assert verdict.code == NOT_CONFIGURED


async def test_an_erased_body_is_not_sent(send: Connector[DeliverWebhook], sink: WebhookSink) -> None:
    verdict = await send(effect(body=None), "key")
    assert isinstance(verdict, Rejected)
    assert verdict.code == ERASED
    assert sink.journal.requests == 0


@pytest.mark.parametrize("url", ["", "ftp://example.com/", "example.com/hook", "http://", "http://[::1"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="http or https"):
        Destination(url, SecretStr(SECRET))


def test_a_malformed_secret_is_refused_at_once_and_shown_to_nobody() -> None:
    with pytest.raises(ValueError, match="base64"):
        Destination("https://example.com/", SecretStr("whsec_###"))
    with pytest.raises(ValueError, match="secret"):
        Destination("https://example.com/", SecretStr(""))
    assert SECRET not in repr(Destination("https://example.com/", SecretStr(SECRET)))


def test_what_is_shown_of_a_destination_holds_nothing_secret() -> None:
    destination = Destination("https://user:pass@example.com:8443/hook?token=t", SecretStr(SECRET))
    assert destination.origin == "https://example.com:8443"
    assert "token" not in destination.fingerprint
    assert destination.fingerprint != Destination("https://example.com/", SecretStr(SECRET)).fingerprint


async def test_the_certificate_is_checked_for_the_name_and_not_for_the_address(tmp_path: Path) -> None:
    async with tls_server("localhost", tmp_path) as (port, trust):
        for host, kind in (("localhost", Accepted), ("127.0.0.1", Deferred)):
            destination = Destination(f"https://{host}:{port}/", SecretStr(SECRET))
            assert isinstance(await once(WebhookSender({"gccp": destination}, True, 5.0, trust)), kind)


@asynccontextmanager
async def tls_server(name: str, directory: Path) -> AsyncIterator[tuple[int, ssl.SSLContext]]:
    """Answers 204 over TLS with a certificate for that name, which the context given trusts."""
    chain = directory / "chain.pem"
    chain.write_bytes(self_signed(name))
    serving, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=str(chain))
    serving.load_cert_chain(chain)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=serving)
    async with server:
        yield int(server.sockets[0].getsockname()[1]), trusting


def self_signed(name: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(pem, form, serialization.NoEncryption()) + certificate.public_bytes(pem)

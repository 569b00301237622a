"""E-mail through SMTP, against a local server that does as it is told."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from connectors.email import ERASED, INVALID, NOT_CARRIED
from connectors.smtp import SmtpEmail
from domain.calls.email import Email
from streams.core.calls import Accepted, Connector, Deferred, Rejected, Unknown
from tests.imitations import Behaviour, Fate, Stage, dropping, failing, hanging, slow
from tests.imitations.smtp import PASSWORD, USER, SmtpImitation

SENDER = "Acme <hello@acme.example>"
LOGIN = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}"
MakeEmail = Callable[..., Email]


@pytest.fixture
def send(smtp: SmtpImitation) -> Connector[Email]:
    return SmtpEmail(f"smtp://{smtp.address}", SENDER, timeout_seconds=5.0)


@pytest.fixture
def impatient(smtp: SmtpImitation) -> Connector[Email]:
    return SmtpEmail(f"smtp://{smtp.address}", SENDER, timeout_seconds=0.3)


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's TLS for 127.0.0.1, by an authority that this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(signed.public_bytes(pem) + private)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def test_an_email_goes_out_in_both_forms_under_a_message_id_made_of_the_key(
    send: Connector[Email], smtp: SmtpImitation, an_email: MakeEmail
) -> None:
    assert await send(an_email(text="Grüße, bis 3."), "key-1") == Accepted("<key-1@acme.example>")
    [received] = smtp.journal.received
    assert received.to == "ada@example.com"
    assert received.content["mail_from"] == "hello@acme.example"
    assert received.content["text"].strip() == "Grüße, bis 3."
    assert received.content["html"].strip() == "<p>At <b>3</b>.</p>"
    headers = received.content["headers"]
    assert headers["Message-ID"] == "<key-1@acme.example>"
    assert (headers["From"], headers["To"], headers["Subject"]) == (SENDER, "ada@example.com", "Your appointment")
    assert headers["Date"].endswith("+0000")


async def test_an_email_may_have_one_form_only(
    send: Connector[Email], smtp: SmtpImitation, an_email: MakeEmail
) -> None:
    assert isinstance(await send(an_email(html=None), "key-1"), Accepted)
    assert isinstance(await send(an_email(text=None), "key-2"), Accepted)
    forms = [(received.content["text"], received.content["html"]) for received in smtp.journal.received]
    assert [(text is None, html is None) for text, html in forms] == [(False, True), (True, False)]


async def test_a_line_that_is_one_dot_does_not_end_the_email(
    send: Connector[Email], smtp: SmtpImitation, an_email: MakeEmail
) -> None:
    await send(an_email(html=None, text="before\n.\nafter"), "key-1")
    assert smtp.journal.received[0].content["text"].splitlines() == ["before", ".", "after"]


async def test_a_long_unsubscribe_address_arrives_as_it_was_written(
    send: Connector[Email], smtp: SmtpImitation, an_email: MakeEmail
) -> None:
    address = f"<https://acme.example/unsubscribe?token={'x' * 300}>"
    await send(an_email(headers={"List-Unsubscribe": address}), "key-1")
    assert f"List-Unsubscribe: {address}\r\n" in smtp.journal.received[0].content["raw"]


@pytest.mark.parametrize(
    "typed", ["user@bücher.example", "user@xn--bcher-kva.example", "user@BÜCHER.example", "user@bücher。example"]
)
async def test_the_domain_goes_out_as_a_labels_whatever_was_typed(
    send: Connector[Email], smtp: SmtpImitation, an_email: MakeEmail, typed: str
) -> None:
    assert isinstance(await send(an_email(to=typed), "key-1"), Accepted)
    [received] = smtp.journal.received
    assert received.content["rcpt_tos"] == ["user@xn--bcher-kva.example"]
    assert "To: user@xn--bcher-kva.example\r\n" in received.content["raw"]


async def test_the_senders_domain_goes_out_as_a_labels(smtp: SmtpImitation, an_email: MakeEmail) -> None:
    send = SmtpEmail(f"smtp://{smtp.address}", "Bücher & Söhne <hallo@bücher.example>", timeout_seconds=5.0)
    assert await send(an_email(), "key-1") == Accepted("<key-1@xn--bcher-kva.example>")
    [received] = smtp.journal.received
    assert received.content["mail_from"] == "hallo@xn--bcher-kva.example"
    assert received.content["headers"]["From"] == "Bücher & Söhne <hallo@xn--bcher-kva.example>"


async def test_a_mailbox_beyond_ascii_goes_to_a_server_that_offers_smtputf8(an_email: MakeEmail) -> None:
    with SmtpImitation(utf8=True) as smtp:
        send = SmtpEmail(f"smtp://{smtp.address}", SENDER, timeout_seconds=5.0)
        assert await send.carries("ädä@example.com")
        assert isinstance(await send(an_email(to="ädä@bücher.example", subject_line="Grüße"), "key-1"), Accepted)
        [received] = smtp.journal.received
        assert received.content["rcpt_tos"] == ["ädä@xn--bcher-kva.example"]
        assert "SMTPUTF8" in received.content["options"]
        assert "To: ädä@xn--bcher-kva.example\r\n" in received.content["raw"]


async def test_a_mailbox_beyond_ascii_is_refused_where_the_server_offers_no_smtputf8(
    smtp: SmtpImitation, an_email: MakeEmail
) -> None:
    send = SmtpEmail(f"smtp://{smtp.address}", SENDER, timeout_seconds=5.0)
    assert await send.carries("ada@bücher.example")
    assert not await send.carries("ädä@example.com")
    assert await send(an_email(to="ädä@example.com"), "key-1") == NOT_CARRIED
    assert smtp.journal.received == []


async def test_a_server_that_cannot_be_asked_is_taken_to_carry_every_mailbox(nobody_there: int) -> None:
    assert await SmtpEmail(f"smtp://127.0.0.1:{nobody_there}", SENDER, timeout_seconds=5.0).carries("ädä@example.com")


async def test_the_size_is_told_and_what_is_too_large_is_not_handed_over(an_email: MakeEmail) -> None:
    with SmtpImitation(largest=20_000) as smtp:
        send = SmtpEmail(f"smtp://{smtp.address}", SENDER, timeout_seconds=5.0)
        assert isinstance(await send(an_email(), "key-1"), Accepted)
        size = len(smtp.journal.received[0].content["raw"].encode())
        assert smtp.journal.received[0].content["options"] == [f"SIZE={size}"]
        verdict = await send(an_email(text="x" * 30_000), "key-2")
        assert isinstance(verdict, Rejected)
        assert verdict.code == "too_large"
        assert len(smtp.journal.received) == 1


async def test_text_goes_out_in_seven_bits_which_every_server_takes(
    send: Connector[Email], smtp: SmtpImitation, an_email: MakeEmail
) -> None:
    await send(an_email(text="Grüße " * 200, html=f"<p>{'Grüße ' * 200}</p>"), "key-1")
    [received] = smtp.journal.received
    assert received.content["raw"].isascii()
    assert max(map(len, received.content["raw"].splitlines())) <= 76
    assert received.content["text"].strip() == ("Grüße " * 200).strip()


async def test_any_key_makes_a_message_id(send: Connector[Email], smtp: SmtpImitation, an_email: MakeEmail) -> None:
    assert await send(an_email(), "a key/ä>") == Accepted("<a%20key%2F%C3%A4%3E@acme.example>")
    assert smtp.journal.received[0].content["headers"]["Message-ID"] == "<a%20key%2F%C3%A4%3E@acme.example>"


async def test_smtp_recognises_no_repeat_so_the_connector_must_not_claim_it(
    send: Connector[Email], smtp: SmtpImitation, an_email: MakeEmail
) -> None:
    assert send.idempotent is False
    await send(an_email(), "same-key")
    await send(an_email(), "same-key")
    assert smtp.journal.counts == {"ada@example.com": 2}


@pytest.mark.parametrize("missing", [{"to": None}, {"subject_line": None}, {"html": None, "text": None}])
async def test_an_erased_recipient_is_not_written_to(
    send: Connector[Email], smtp: SmtpImitation, an_email: MakeEmail, missing: dict[str, None]
) -> None:
    assert await send(an_email(**missing), "key-1") == ERASED
    assert smtp.journal.requests == 0


@pytest.mark.parametrize(
    "content",
    [
        {"to": "ada@example.com\r\nBcc: eve@example.com"},
        {"to": "b@"},
        {"to": '"'},
        {"to": "ada@b\u00fccher..example"},
        {"subject_line": "=?utf-8?q?Hello=0D=0ABcc:_eve@example.com?="},
        {"subject_line": "Hello\nBcc: eve@example.com"},
        {"headers": {"X-A": "1\r\nBcc: eve@example.com"}},
        {"headers": {"Subject": "twice"}},
        {"headers": {"Reply-To": "<"}},
    ],
)
async def test_what_cannot_be_written_or_would_smuggle_a_header_is_refused(
    send: Connector[Email], smtp: SmtpImitation, an_email: MakeEmail, content: dict[str, str]
) -> None:
    assert await send(an_email(**content), "key-1") == INVALID
    assert smtp.journal.requests == 0


@pytest.mark.parametrize("stage", [Stage.GREETING, Stage.RECIPIENT, Stage.MESSAGE])
@pytest.mark.parametrize(("status", "kind"), [(421, Deferred), (451, Deferred), (550, Rejected), (554, Rejected)])
async def test_a_reply_decides_at_every_step(
    send: Connector[Email],
    smtp: SmtpImitation,
    an_email: MakeEmail,
    stage: Stage,
    status: int,
    kind: type[Deferred | Rejected],
) -> None:
    smtp.behave(failing(status, stage=stage, text="not now", times=2))  # EHLO is followed by HELO
    assert await send(an_email(), "key-1") == kind(f"smtp_{status}", "not now")
    assert smtp.journal.received == []


async def test_the_recipient_is_in_no_verdict_and_no_log(
    send: Connector[Email], smtp: SmtpImitation, an_email: MakeEmail, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    smtp.behave(failing(550, stage=Stage.RECIPIENT, text="5.1.1 <ada@example.com>: no such user"))
    assert await send(an_email(), "key-1") == Rejected("smtp_5.1.1", "5.1.1 <[address]>: no such user")
    ours = [record for record in caplog.records if not record.name.startswith(("mail", "uvicorn"))]
    assert "ada@example.com" not in " ".join(record.getMessage() for record in ours)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("5.1.1 no such user", "smtp_5.1.1"),
        ("5.1.10 takes no mail", "smtp_5.1.10"),
        ("5.2.1 disabled", "smtp_5.2.1"),
        ("5.2.2 mailbox full", "smtp_550"),
        ("5.7.1 unsolicited", "smtp_550"),
        ("no such user (5.1.1)", "smtp_550"),
    ],
)
async def test_a_status_about_the_mailbox_is_the_code_of_a_refusal(
    send: Connector[Email], smtp: SmtpImitation, an_email: MakeEmail, text: str, code: str
) -> None:
    smtp.behave(failing(550, stage=Stage.RECIPIENT, text=text))
    assert await send(an_email(), "key-1") == Rejected(code, text)


@pytest.mark.parametrize("stage", [Stage.GREETING, Stage.RECIPIENT])
async def test_a_connection_cut_before_data_is_deferred(
    send: Connector[Email], smtp: SmtpImitation, an_email: MakeEmail, stage: Stage
) -> None:
    smtp.behave(dropping(recorded=False, stage=stage))
    assert isinstance(await send(an_email(), "key-1"), Deferred)


async def test_a_server_that_is_silent_before_data_is_deferred(
    impatient: Connector[Email], smtp: SmtpImitation, an_email: MakeEmail
) -> None:
    smtp.behave(Behaviour(fate=Fate.HANG, stage=Stage.RECIPIENT))
    assert isinstance(await impatient(an_email(), "key-1"), Deferred)


@pytest.mark.parametrize("recorded", [True, False])
async def test_a_connection_cut_after_data_is_unknown(
    send: Connector[Email], smtp: SmtpImitation, an_email: MakeEmail, recorded: bool
) -> None:
    smtp.behave(dropping(recorded=recorded))
    assert isinstance(await send(an_email(), "key-1"), Unknown)
    assert len(smtp.journal.received) == recorded


async def test_an_email_that_was_taken_and_never_answered_is_unknown(
    impatient: Connector[Email], smtp: SmtpImitation, an_email: MakeEmail
) -> None:
    smtp.behave(hanging())
    assert isinstance(await impatient(an_email(), "key-1"), Unknown)
    assert smtp.journal.counts == {"ada@example.com": 1}


async def test_a_reply_that_makes_no_sense_after_data_is_unknown(
    send: Connector[Email], smtp: SmtpImitation, an_email: MakeEmail
) -> None:
    smtp.behave(failing(354, text="go on", recorded=True))
    assert isinstance(await send(an_email(), "key-1"), Unknown)


async def test_a_reply_that_comes_in_time_counts(
    send: Connector[Email], smtp: SmtpImitation, an_email: MakeEmail
) -> None:
    smtp.behave(slow(0.3))
    assert isinstance(await send(an_email(), "key-1"), Accepted)


async def test_a_server_that_cannot_be_reached_defers(nobody_there: int, an_email: MakeEmail) -> None:
    connector = SmtpEmail(f"smtp://127.0.0.1:{nobody_there}", SENDER, timeout_seconds=5.0)
    assert isinstance(await connector(an_email(), "key-1"), Deferred)


async def test_user_and_password_are_percent_decoded(smtp: SmtpImitation, an_email: MakeEmail) -> None:
    connector = SmtpEmail(f"smtp://{LOGIN}@{smtp.address}", SENDER, timeout_seconds=5.0)
    assert isinstance(await connector(an_email(), "key-1"), Accepted)
    assert smtp.journal.received[0].content["user"] == USER


async def test_a_wrong_password_is_a_refusal_that_shows_no_password(smtp: SmtpImitation, an_email: MakeEmail) -> None:
    connector = SmtpEmail(f"smtp://someone:wrong-secret@{smtp.address}", SENDER, timeout_seconds=5.0)
    verdict = await connector(an_email(), "key-1")
    assert isinstance(verdict, Rejected)
    assert verdict.code == "smtp_535"
    assert "wrong-secret" not in repr(connector) + verdict.reason


async def test_tls_is_begun_where_it_is_offered(certificate: ssl.SSLContext, an_email: MakeEmail) -> None:
    with SmtpImitation(tls=certificate) as smtp:
        connector = SmtpEmail(f"smtp://{LOGIN}@{smtp.address}", SENDER, timeout_seconds=5.0)
        assert isinstance(await connector(an_email(), "key-1"), Accepted)
        assert smtp.journal.received[0].content["tls"] is True


async def test_smtps_speaks_tls_from_the_first_byte(certificate: ssl.SSLContext, an_email: MakeEmail) -> None:
    with SmtpImitation(tls=certificate, tls_first=True) as smtp:
        assert isinstance(await SmtpEmail(f"smtps://{smtp.address}", SENDER, 5.0)(an_email(), "key-1"), Accepted)
        assert isinstance(await SmtpEmail(f"smtp://{smtp.address}", SENDER, 0.5)(an_email(), "key-1"), Deferred)


async def test_a_certificate_that_is_not_trusted_defers(
    certificate: ssl.SSLContext, an_email: MakeEmail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with SmtpImitation(tls=certificate) as smtp:
        assert isinstance(await SmtpEmail(f"smtp://{smtp.address}", SENDER, 5.0)(an_email(), "key-1"), Deferred)
        assert smtp.journal.requests == 0


@pytest.mark.parametrize("url", ["", "mail.example", "http://mail.example", "smtp://", "smtp://mail.example:many"])
def test_an_address_of_no_smtp_server_is_an_error(url: str) -> None:
    with pytest.raises(ValueError, match=r"SMTP|Port"):
        SmtpEmail(url, SENDER)


def test_a_sender_without_an_address_is_an_error() -> None:
    with pytest.raises(ValueError, match="sender"):
        SmtpEmail("smtp://mail.example", "Acme")

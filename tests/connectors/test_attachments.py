"""Attachments of e-mails, as every provider is given them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.email import FILES_MISSING, INVALID, EmailConnector, EmailFile
from connectors.resend import ResendEmail
from connectors.sandbox import SandboxEmail, forget
from connectors.smtp import SmtpEmail
from domain.calls.email import Attachment, Email
from streams.core.calls import Accepted
from tests.imitations.resend import API_KEY, ResendImitation
from tests.imitations.smtp import SmtpImitation

MakeEmail = Callable[..., Email]
SENDER = "hello@acme.example"
CSV = EmailFile("users.csv", "text/csv", "\ufeffmetric,date\r\nusers,2026-01-01\r\n\u00fc".encode())
PDF = EmailFile(
    "Bericht \u00fcber \u4e00\u6708, ein langer Name f\u00fcr eine Datei.pdf", "application/pdf", bytes(range(256)) * 40
)
PLAIN = EmailFile("notes.txt", "text/plain", b"At 4, not at 3.")
FILES = (CSV, PDF, PLAIN)


def with_files(email: Email, files: tuple[EmailFile, ...] = FILES) -> Email:
    named = [Attachment(name=one.name, media_type=one.media_type, object_id=f"o-{n}") for n, one in enumerate(files)]
    return email.model_copy(update={"attachments": tuple(named)})


def told(files: tuple[EmailFile, ...] = FILES) -> list[dict[str, Any]]:
    return [
        {"filename": one.name, "content": base64.b64encode(one.content).decode(), "content_type": one.media_type}
        for one in files
    ]


async def test_smtp_carries_every_file_as_it_is_beside_both_texts(smtp: SmtpImitation, an_email: MakeEmail) -> None:
    send = SmtpEmail(f"smtp://{smtp.address}", SENDER, timeout_seconds=5.0)
    assert isinstance(await send(with_files(an_email()), "key-1", FILES), Accepted)
    [received] = smtp.journal.received
    assert received.content["attachments"] == told()
    assert (received.content["text"].strip(), received.content["html"].strip()) == ("At 3.", "<p>At <b>3</b>.</p>")
    assert received.content["raw"].isascii()
    assert max(map(len, received.content["raw"].split("\r\n"))) <= 200


@pytest.mark.parametrize("gone", ["html", "text"])
async def test_smtp_carries_files_beside_one_text(smtp: SmtpImitation, an_email: MakeEmail, gone: str) -> None:
    send = SmtpEmail(f"smtp://{smtp.address}", SENDER, timeout_seconds=5.0)
    email = with_files(an_email(), (PLAIN,)).model_copy(update={gone: None})
    assert isinstance(await send(email, "key-1", (PLAIN,)), Accepted)
    [received] = smtp.journal.received
    assert received.content["attachments"] == told((PLAIN,))
    assert [received.content["html"] is None, received.content["text"] is None] == [gone == "html", gone == "text"]


async def test_no_name_of_a_file_adds_a_header(smtp: SmtpImitation, an_email: MakeEmail) -> None:
    send = SmtpEmail(f"smtp://{smtp.address}", SENDER, timeout_seconds=5.0)
    for name in ("a\r\nBcc: eve@example.com", "a\nb.csv", "a\0.csv"):
        files = (CSV._replace(name=name),)
        assert await send(with_files(an_email(), files), "key-1", files) == INVALID
    assert smtp.journal.received == []


async def test_resend_is_given_every_file_in_base64(resend: ResendImitation, an_email: MakeEmail) -> None:
    send = ResendEmail(API_KEY, SENDER, resend.url, timeout_seconds=5.0)
    first = await send(with_files(an_email()), "key-1", FILES)
    again = await send(with_files(an_email()), "key-1", FILES)
    await send.close()
    assert isinstance(first, Accepted)
    assert again == first
    [received] = resend.journal.received
    assert received.content["attachments"] == told()


async def test_resend_is_told_of_no_attachments_where_there_are_none(
    resend: ResendImitation, an_email: MakeEmail
) -> None:
    send = ResendEmail(API_KEY, SENDER, resend.url, timeout_seconds=5.0)
    assert isinstance(await send(an_email(), "key-1"), Accepted)
    await send.close()
    assert "attachments" not in resend.journal.received[0].content


async def test_the_sandbox_writes_the_files_into_the_message_and_forgets_them_with_it(
    tmp_path: Path, an_email: MakeEmail
) -> None:
    assert isinstance(await SandboxEmail(tmp_path)(with_files(an_email()), "key-1", FILES), Accepted)
    written = json.loads((tmp_path / "email-key-1.json").read_text("utf-8"))
    assert [base64.b64decode(one) for one in written["files"]] == [one.content for one in FILES]
    assert [one["name"] for one in written["attachments"]] == [one.name for one in FILES]
    forget(tmp_path, "communication:7")
    assert list(tmp_path.iterdir()) == []


async def test_no_provider_sends_an_email_without_the_files_that_it_names(
    smtp: SmtpImitation, resend: ResendImitation, tmp_path: Path, an_email: MakeEmail
) -> None:
    connectors: list[EmailConnector] = [
        SmtpEmail(f"smtp://{smtp.address}", SENDER, timeout_seconds=5.0),
        ResendEmail(API_KEY, SENDER, resend.url, timeout_seconds=5.0),
        SandboxEmail(tmp_path),
    ]
    for connector in connectors:
        assert await connector(with_files(an_email()), "key-1") == FILES_MISSING
        assert await connector(with_files(an_email()), "key-1", FILES[:1]) == FILES_MISSING
        await connector.close()
    assert (smtp.journal.requests, resend.journal.requests, list(tmp_path.iterdir())) == (0, 0, [])


def test_an_email_is_stored_as_before_where_it_has_no_attachments(an_email: MakeEmail) -> None:
    assert "attachments" not in an_email().model_dump(mode="json")
    stored = with_files(an_email()).model_dump_json()
    assert Email.model_validate_json(stored) == with_files(an_email())


@pytest.mark.parametrize("media_type", ["csv", "text/csv; charset=utf-8", "text/csv\r\nBcc: x", "Text/CSV", ""])
def test_a_media_type_is_two_words(media_type: str) -> None:
    with pytest.raises(ValidationError):
        Attachment(name="a", media_type=media_type, object_id="o")

"""E-mail through an SMTP server (RFC 5321), one connection per message."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import aiosmtplib

from connectors.email import (
    INVALID,
    NOT_CARRIED,
    EmailFile,
    needs_utf8,
    unsendable,
    wire_address,
    without_addresses,
)
from connectors.email_policy import WIRE, WIRE_UTF8
from domain.calls.email import Email
from streams.core.calls import Accepted, Deferred, Rejected, Unknown, Verdict, begin_call

_MAILBOX_STATUS = re.compile(r"5\.1\.\d{1,3}\b|5\.2\.1\b")
"""The enhanced statuses (RFC 3463) that say something of the mailbox, not of the message: they become the code."""

_GOODBYE_SECONDS = 1.0
_PORTS = {"smtp": 587, "smtps": 465}


class SmtpEmail:
    """The connector to an SMTP server. `sender` is an address, or `Name <address>`.

    `url` is `smtp://user:password@host:port`. `smtp` (default port 587) uses STARTTLS if the server offers it, `smtps`
    (465) uses TLS; user and password are percent-encoded and optional. `timeout_seconds` bounds connecting and each
    reply. The provider's id is the Message-ID, made from the key. Raises ValueError for another url or sender.

    Domains go out as A-labels, headers and text in seven bits, so any server takes them; a mailbox beyond ASCII goes
    to servers that offer SMTPUTF8 (RFC 6531).
    """

    provider = "smtp"
    idempotent = False

    def __init__(self, url: str, sender: str, timeout_seconds: float = 10.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("an SMTP address reads smtp://user:password@host:port or smtps://...")
        name, address = parseaddr(sender)
        if "@" not in address:
            raise ValueError("the sender of e-mail is an address, or Name <address>")
        self._envelope_sender = wire_address(address)
        self._sender = Address(name, addr_spec=self._envelope_sender)
        self._options: Mapping[str, Any] = {
            "hostname": parts.hostname,
            "port": parts.port or _PORTS[parts.scheme],
            "username": unquote(parts.username) if parts.username else None,
            "password": unquote(parts.password or "") if parts.username else None,
            "use_tls": parts.scheme == "smtps",
            "tls_context": ssl.create_default_context(),
            "timeout": timeout_seconds,
        }
        self._own_name: str | None = None

    async def __call__(self, effect: Email, key: str, files: Sequence[EmailFile] = ()) -> Verdict:
        if refused := unsendable(effect, files):
            return refused
        message_id = f"<{quote(key, safe='')}@{self._envelope_sender.rpartition('@')[2]}>"
        try:
            to = wire_address(effect.to or "")
            content = _content(effect, to, self._sender, message_id, files)
        except (ValueError, LookupError, AttributeError, TypeError):  # raised by the standard library's parser
            return INVALID
        client = aiosmtplib.SMTP(local_hostname=await self._name(), **self._options)
        begin_call()
        return await self._send(client, to, content) or Accepted(message_id)

    async def carries(self, address: str) -> bool:
        """Whether the server takes mail to such a mailbox. A server that cannot be asked is taken to do so."""
        if not needs_utf8(address):
            return True
        client = aiosmtplib.SMTP(local_hostname=await self._name(), **self._options)
        try:
            await client.connect()
            await _greet(client)
            offered = client.supports_extension("smtputf8")
            await client.quit(timeout=_GOODBYE_SECONDS)
        except (aiosmtplib.SMTPException, OSError):
            return True
        finally:
            client.close()
        return offered

    async def close(self) -> None:
        """Nothing to close: no connection outlives its message."""

    async def _send(self, client: aiosmtplib.SMTP, to: str, content: bytes) -> Verdict | None:
        try:
            failure = await self._announce(client, to, len(content)) or await _hand_over(client, content)
            with suppress(aiosmtplib.SMTPException, OSError):  # the verdict stays
                await client.quit(timeout=_GOODBYE_SECONDS)
            return failure
        finally:
            client.close()

    async def _announce(self, client: aiosmtplib.SMTP, to: str, size: int) -> Verdict | None:
        """Send everything before DATA: after a failure here, nothing has gone out."""
        try:
            await client.connect()
            await _greet(client)
            unfit = _unfit(client, to, size)
            if unfit is None:
                await self._address(client, to, size)
            return unfit
        except aiosmtplib.SMTPResponseException as error:
            return _refused(error)
        except (aiosmtplib.SMTPException, OSError) as error:
            return Deferred("unreachable", f"the SMTP server could not be reached ({type(error).__name__})")
        except ValueError:  # control characters
            return INVALID

    async def _address(self, client: aiosmtplib.SMTP, to: str, size: int) -> None:
        """Name sender, size and recipient, with the parameters that the server offers."""
        utf8 = needs_utf8(to)
        options = [*([f"SIZE={size}"] if client.supports_extension("size") else []), *(["SMTPUTF8"] if utf8 else [])]
        await client.mail(self._envelope_sender, options=options)
        await client.rcpt(to, encoding="utf-8" if utf8 else "ascii")

    async def _name(self) -> str:
        """The name for EHLO. Looked up once, as the name service may be slow."""
        if self._own_name is None:
            self._own_name = await asyncio.to_thread(socket.getfqdn)
        return self._own_name


async def _greet(client: aiosmtplib.SMTP) -> None:
    """Say EHLO, unless connecting did, so that the server's offers are known; HELO to a server that knows no EHLO."""
    if client.is_ehlo_or_helo_needed:
        try:
            await client.ehlo()
        except aiosmtplib.SMTPHeloError:
            if not client.is_connected:
                raise
            await client.helo()


def _unfit(client: aiosmtplib.SMTP, to: str, size: int) -> Verdict | None:
    """The verdict for a message that the server does not offer to take."""
    if needs_utf8(to) and not client.supports_extension("smtputf8"):
        return NOT_CARRIED
    limit = client.esmtp_extensions.get("size", "")
    if limit.isdecimal() and 0 < int(limit) < size:
        return Rejected("too_large", f"the server takes {limit} bytes, and the e-mail has {size}")
    return None


async def _hand_over(client: aiosmtplib.SMTP, content: bytes) -> Verdict | None:
    """Send DATA: after that, only a reply shows the outcome."""
    try:
        await client.data(content)
    except aiosmtplib.SMTPDataError as error:
        return _refused(error) if error.code >= 400 else Unknown(f"the server answered {error.code} to the e-mail")
    except (aiosmtplib.SMTPException, OSError) as error:
        return Unknown(f"the e-mail was handed over and no reply came ({type(error).__name__})")
    return None


def _refused(error: aiosmtplib.SMTPResponseException) -> Verdict:
    code, reason = f"smtp_{error.code}", without_addresses(error.message)
    if not 500 <= error.code < 600:
        return Deferred(code, reason)
    about_mailbox = _MAILBOX_STATUS.match(error.message)
    return Rejected(f"smtp_{about_mailbox[0]}" if about_mailbox else code, reason)


def _content(effect: Email, to: str, sender: Address, message_id: str, files: Sequence[EmailFile]) -> bytes:
    message = EmailMessage(policy=WIRE_UTF8 if needs_utf8(to) else WIRE)
    message["From"] = sender
    message["To"] = to
    message["Subject"] = effect.subject_line
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = message_id
    for name, value in effect.headers.items():
        message[name] = value
    _check_addresses(message)
    if effect.text is not None:
        message.set_content(effect.text)
        if effect.html is not None:
            message.add_alternative(effect.html, subtype="html")
    elif effect.html is not None:
        message.set_content(effect.html, subtype="html")
    for file in files:
        maintype, _, subtype = file.media_type.partition("/")
        message.add_attachment(file.content, maintype=maintype, subtype=subtype, filename=file.name)
    return message.as_bytes()


def _check_addresses(message: EmailMessage) -> None:
    """Refuse half an address, as Python up to 3.12 does itself; later versions leave it to the server."""
    for header in message.values():
        if not all(address.username and address.domain for address in getattr(header, "addresses", ())):
            raise ValueError("half an address")

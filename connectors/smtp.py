"""E-mail through an SMTP server (RFC 5321), one connection per message."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime, parseaddr
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import aiosmtplib

from connectors.email import ERASED, without_addresses
from domain.calls.email import Email
from streams.core.calls import Accepted, Deferred, Rejected, Unknown, Verdict

INVALID = Rejected("invalid_message", "an address or a header of the e-mail cannot be written")

_GOODBYE_SECONDS = 1.0
_PORTS = {"smtp": 587, "smtps": 465}

# Refolding at 78 columns would turn a long List-Unsubscribe address into encoded words, which are not links.
_POLICY = WIRE.clone(max_line_length=998)


class SmtpEmail:
    """The connector to an SMTP server. `sender` is an address, or `Name <address>`.

    `url` is `smtp://user:password@host:port`. `smtp` (default port 587) uses STARTTLS if the server offers it, `smtps`
    (465) uses TLS; user and password are percent-encoded and optional. `timeout_seconds` bounds connecting and each
    reply. The provider's id is the Message-ID, made from the key. Raises ValueError for another url or sender.
    """

    provider = "smtp"
    idempotent = False

    def __init__(self, url: str, sender: str, timeout_seconds: float = 10.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("an SMTP address reads smtp://user:password@host:port or smtps://...")
        self._sender, self._envelope_sender = sender, parseaddr(sender)[1]
        if "@" not in self._envelope_sender:
            raise ValueError("the sender of e-mail is an address, or Name <address>")
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

    async def __call__(self, effect: Email, key: str) -> Verdict:
        if effect.to is None or effect.subject_line is None or (effect.html is None and effect.text is None):
            return ERASED
        message_id = f"<{quote(key, safe='')}@{self._envelope_sender.rpartition('@')[2]}>"
        try:
            content = _content(effect, self._sender, message_id)
        except (ValueError, LookupError, AttributeError, TypeError):  # raised by the standard library's parser
            return INVALID
        client = aiosmtplib.SMTP(local_hostname=await self._name(), **self._options)
        return await self._send(client, effect.to, content) or Accepted(message_id)

    async def close(self) -> None:
        """Nothing to close: no connection outlives its message."""

    async def _send(self, client: aiosmtplib.SMTP, to: str, content: bytes) -> Verdict | None:
        try:
            failure = await self._announce(client, to) or await _hand_over(client, content)
            with suppress(aiosmtplib.SMTPException, OSError):  # the verdict stays
                await client.quit(timeout=_GOODBYE_SECONDS)
            return failure
        finally:
            client.close()

    async def _announce(self, client: aiosmtplib.SMTP, to: str) -> Verdict | None:
        """Send everything before DATA: after a failure here, nothing has gone out."""
        try:
            await client.connect()
            await client.mail(self._envelope_sender)
            await client.rcpt(to)
        except aiosmtplib.SMTPResponseException as error:
            return _refused(error)
        except (aiosmtplib.SMTPException, OSError) as error:
            return Deferred("unreachable", f"the SMTP server could not be reached ({type(error).__name__})")
        except ValueError:  # control characters, or an address beyond ASCII (SMTPUTF8 is rarely spoken)
            return INVALID
        return None

    async def _name(self) -> str:
        """The name for EHLO. Looked up once, as the name service may be slow."""
        if self._own_name is None:
            self._own_name = await asyncio.to_thread(socket.getfqdn)
        return self._own_name


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
    return Rejected(code, reason) if 500 <= error.code < 600 else Deferred(code, reason)


def _content(effect: Email, sender: str, message_id: str) -> bytes:
    message = EmailMessage(policy=_POLICY)
    message["From"] = sender
    message["To"] = effect.to
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
    return message.as_bytes()


def _check_addresses(message: EmailMessage) -> None:
    """Refuse half an address, as Python up to 3.12 does itself; later versions leave it to the server."""
    for header in message.values():
        if not all(address.username and address.domain for address in getattr(header, "addresses", ())):
            raise ValueError("half an address")

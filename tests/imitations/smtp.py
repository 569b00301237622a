"""An SMTP server (aiosmtpd) with an HTTP control port. As a process it prints both ports."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from tests.imitations import Behaviour, Fate, Imitation, Received, Stage, listener, main

USER = "imitated@user"
PASSWORD = "imitated/password"


class SmtpImitation(Imitation):
    """Takes mail at `smtp_port`, with or without USER and PASSWORD; each that goes out is recorded under its recipient.

    It offers SIZE with `largest` bytes, and SMTPUTF8 if `utf8`. With `tls` it offers STARTTLS, or speaks TLS from the
    first byte if `tls_first`.
    """

    def __init__(
        self,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        tls_first: bool = False,
        utf8: bool = False,
        largest: int = 1 << 25,
    ) -> None:
        super().__init__()
        self._utf8, self._largest = utf8, largest
        self._tls, self._tls_first = tls, tls_first
        self._mail = listener(port)
        self.smtp_port = int(self._mail.getsockname()[1])
        self.address = f"127.0.0.1:{self.smtp_port}"

    @property
    def announcement(self) -> str:
        return f"{self.smtp_port} {self.port}"

    def routes(self) -> Sequence[BaseRoute]:
        return []

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._mail.close()

    def _app(self) -> Starlette:
        app = super()._app()
        app.router.lifespan_context = self._serving
        return app

    @asynccontextmanager
    async def _serving(self, _: Starlette) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        first = self._tls if self._tls_first else None
        server = await loop.create_server(self._conversation, sock=self._mail, ssl=first)
        try:
            yield
        finally:
            server.close()

    def _conversation(self) -> SMTP:
        return SMTP(
            self,
            hostname="imitation.invalid",
            loop=asyncio.get_running_loop(),
            tls_context=None if self._tls_first else self._tls,
            auth_require_tls=False,
            authenticator=_authenticate,
            enable_SMTPUTF8=self._utf8,
            data_size_limit=self._largest,
        )

    async def handle_EHLO(  # noqa: N802 - aiosmtpd finds its hooks by these names
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        reply = await _suffer(server, self.journal.following("", Stage.GREETING))
        return [reply] if reply else responses

    async def handle_HELO(self, server: SMTP, session: Session, envelope: Envelope, hostname: str) -> str:  # noqa: N802
        session.host_name = hostname
        return await _suffer(server, self.journal.following("", Stage.GREETING)) or f"250 {server.hostname}"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if reply := await _suffer(server, self.journal.following(address, Stage.RECIPIENT)):
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        to = envelope.rcpt_tos[0]
        behaviour = self.journal.following(to)
        if behaviour.recorded:
            self.journal.record(Received(to=to, content=_content(session, envelope)))
        return await _suffer(server, behaviour) or f"250 OK queued as {len(self.journal.received)}"


async def _suffer(server: SMTP, behaviour: Behaviour) -> str | None:
    """Waits, hangs or cuts the connection as told; returns the failing reply, if there is to be one."""
    await asyncio.sleep(behaviour.delay)
    if behaviour.fate is Fate.HANG:
        await asyncio.Event().wait()  # ended with the connection, by aiosmtpd
    if behaviour.fate is Fate.DROP and isinstance(server.transport, asyncio.WriteTransport):
        server.transport.abort()
    return f"{behaviour.status} {behaviour.text}" if behaviour.status else None


def _authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    expected = LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=data == expected, handled=False, auth_data=data)


def _user(session: Session) -> str | None:
    given: Any = session.auth_data
    return given.login.decode() if isinstance(given, LoginPassword) else None


def _content(session: Session, envelope: Envelope) -> dict[str, Any]:
    raw = envelope.content if isinstance(envelope.content, bytes) else b""
    message = message_from_bytes(raw, _class=EmailMessage, policy=default)
    leaves = [part for part in message.walk() if not part.is_multipart()]
    parts = {part.get_content_type(): part.get_content() for part in leaves if not part.is_attachment()}
    return {
        "mail_from": envelope.mail_from,
        "rcpt_tos": envelope.rcpt_tos,
        "headers": dict(message.items()),
        "text": parts.get("text/plain"),
        "html": parts.get("text/html"),
        "attachments": [_attachment(part) for part in leaves if part.is_attachment()],
        "user": _user(session),
        "tls": session.ssl is not None,
        "raw": raw.decode("utf-8", "replace"),
        "options": envelope.mail_options,
    }


def _attachment(part: EmailMessage) -> dict[str, Any]:
    content: Any = part.get_payload(decode=True)
    told = {"filename": part.get_filename(), "content_type": part.get_content_type()}
    return told | {"content": base64.b64encode(content).decode()}


if __name__ == "__main__":
    main(SmtpImitation)

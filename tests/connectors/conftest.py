"""Providers to talk to, and messages to hand them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, suppress

import pytest
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount

from domain.calls.chat import ChatChannel, ChatTemplate, SendChat
from domain.calls.email import Email
from domain.calls.sms import Sms
from domain.calls.social_post import Network, SocialPost
from tests.connectors.names import Names, names
from tests.imitations import Imitation, Journal
from tests.imitations.resend import ResendImitation
from tests.imitations.smtp import SmtpImitation
from tests.imitations.twilio import TwilioImitation
from tests.imitations.web import WebImitation
from tests.imitations.whatsapp import PHONE_NUMBER_ID


@pytest.fixture
def twilio() -> Iterator[TwilioImitation]:
    with TwilioImitation() as imitation:
        yield imitation


@pytest.fixture
def resend() -> Iterator[ResendImitation]:
    with ResendImitation() as imitation:
        yield imitation


@pytest.fixture
def smtp() -> Iterator[SmtpImitation]:
    with SmtpImitation() as imitation:
        yield imitation


@pytest.fixture(scope="module")
def web_server() -> Iterator[WebImitation]:
    with WebImitation() as imitation:
        yield imitation


@pytest.fixture
def web(web_server: WebImitation) -> WebImitation:
    """A server of web pages, which has served nothing yet."""
    web_server.journal = Journal()
    web_server.published.clear()
    return web_server


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Names in which 127.0.0.1 counts as public, and any other address of this machine does not."""
    return names(monkeypatch)


@pytest.fixture
def nobody_there() -> Iterator[int]:
    """A loopback port that refuses connections: bound, so that nobody else gets it, and never listened on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield int(bound.getsockname()[1])


@pytest.fixture
def answering() -> Iterator[Callable[[int, bytes], str]]:
    """Starts a server that answers everything with that status and body; returns its address."""
    with ExitStack() as started:

        def start(status: int, body: bytes) -> str:
            return started.enter_context(_Answering(status, body)).url

        yield start


class _Answering(Imitation):
    def __init__(self, status: int, body: bytes) -> None:
        self._answer = Response(body, status, media_type="application/json")
        super().__init__()

    def routes(self) -> Sequence[BaseRoute]:
        return [Mount("/", app=self._answer)]


@pytest.fixture
async def dripping() -> AsyncIterator[int]:
    """The port of a server whose one answer comes byte by byte and never ends."""
    left = asyncio.Event()

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 1000000\r\n\r\n")
        with suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.close()
        left.set()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    yield int(server.sockets[0].getsockname()[1])
    server.close()
    await left.wait()


@pytest.fixture
def an_sms() -> Callable[..., Sms]:
    def make(
        to: str | None = "+4915112345678",
        body: str | None = "Your appointment is at 3.",
        reference: str = "message-1",
    ) -> Sms:
        return Sms(context="communication", recipient_id="7", reference=reference, to=to, body=body)

    return make


@pytest.fixture
def an_email() -> Callable[..., Email]:
    def make(
        to: str | None = "ada@example.com",
        subject_line: str | None = "Your appointment",
        html: str | None = "<p>At <b>3</b>.</p>",
        text: str | None = "At 3.",
        headers: dict[str, str] | None = None,
    ) -> Email:
        return Email(
            context="communication",
            recipient_id="7",
            reference="message-1",
            to=to,
            subject_line=subject_line,
            html=html,
            text=text,
            headers=headers or {},
        )

    return make


@pytest.fixture
def a_post() -> Callable[..., SocialPost]:
    def make(text: str = "Breathe in, breathe out.", network: Network = Network.TWITTER) -> SocialPost:
        return SocialPost(network=network, text=text, reference="post-1")

    return make


@pytest.fixture
def a_chat() -> Callable[..., SendChat]:
    def make(
        to: str | None = "+16505551234",
        text: str | None = "Breathe in, breathe out.",
        channel: ChatChannel = ChatChannel.WHATSAPP,
        sender: str | None = PHONE_NUMBER_ID,
        template: ChatTemplate | None = None,
        part: int = 1,
    ) -> SendChat:
        return SendChat(
            context="communication",
            recipient_id="7",
            channel=channel,
            reference="message-1",
            part=part,
            sender=sender,
            template=template,
            to=to,
            text=text,
        )

    return make

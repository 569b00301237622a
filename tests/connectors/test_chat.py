"""Chat messages on every service: what each failure says, and what is recorded of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import NamedTuple

import httpx2
import pytest

from connectors.chat import ERASED, ChatService, Secrets
from connectors.telegram import TelegramChat
from connectors.whatsapp import WhatsAppChat
from domain.calls.chat import ChatChannel, SendChat, callback_of, part_of
from streams.core.calls import Accepted, Deferred, Rejected, Unknown
from tests.imitations import Imitation, dropping, failing, hanging, throttling
from tests.imitations import telegram as telegram_imitation
from tests.imitations import whatsapp as whatsapp_imitation

MakeChat = Callable[..., SendChat]


class Case(NamedTuple):
    """A chat service: its imitation, its connector at an address, a channel's secrets, and an address of a person."""

    imitation: type[Imitation]
    connector: Callable[[str, float], ChatService]
    secrets: Secrets
    to: str


CASES = {
    ChatChannel.WHATSAPP: Case(
        whatsapp_imitation.WhatsAppImitation,
        lambda url, seconds: WhatsAppChat(url, timeout_seconds=seconds),
        {"access_token": whatsapp_imitation.ACCESS_TOKEN},
        "+16505551234",
    ),
    ChatChannel.TELEGRAM: Case(
        telegram_imitation.TelegramImitation,
        lambda url, seconds: TelegramChat(url, timeout_seconds=seconds),
        {"bot_token": telegram_imitation.BOT_TOKEN},
        "1111111",
    ),
}


@pytest.fixture(params=list(ChatChannel))
def channel(request: pytest.FixtureRequest) -> ChatChannel:
    found: ChatChannel = request.param
    return found


@pytest.fixture
def case(channel: ChatChannel) -> Case:
    return CASES[channel]


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[type[Imitation], Imitation]]:
    with ExitStack() as running:
        yield {case.imitation: running.enter_context(case.imitation()) for case in CASES.values()}


@pytest.fixture
def service(case: Case, servers: dict[type[Imitation], Imitation]) -> Imitation:
    imitation = servers[case.imitation]
    imitation.begin_anew()
    return imitation


@pytest.fixture
async def chat(case: Case, service: Imitation) -> AsyncIterator[ChatService]:
    connector = case.connector(service.url, 5.0)
    yield connector
    await connector.close()


@pytest.fixture
def message(channel: ChatChannel, case: Case, a_chat: MakeChat) -> SendChat:
    return a_chat(to=case.to, channel=channel)


async def test_a_message_goes_out_once_and_has_an_id(
    chat: ChatService, case: Case, service: Imitation, message: SendChat
) -> None:
    verdict = await chat.send(message, case.secrets)
    assert isinstance(verdict, Accepted)
    assert verdict.provider_id
    assert service.journal.counts == {case.to: 1}


async def test_a_text_is_no_markup_and_arrives_as_it_is(
    chat: ChatService, channel: ChatChannel, case: Case, service: Imitation, a_chat: MakeChat
) -> None:
    text = "Tip <1> *of* _3_ [in](out) & `so` \u2013 \U0001f600\n\n#Breathwork"
    await chat.send(a_chat(to=case.to, channel=channel, text=text), case.secrets)
    [received] = service.journal.received
    assert text in (received.content["text"], received.content["text"]["body" if channel == "whatsapp" else 0])
    assert "parse_mode" not in received.content


@pytest.mark.parametrize("gone", ["to", "text"])
async def test_an_erased_person_is_not_written_to(
    chat: ChatService, case: Case, service: Imitation, message: SendChat, gone: str
) -> None:
    assert await chat.send(message.model_copy(update={gone: None}), case.secrets) == ERASED
    assert service.journal.requests == 0


async def test_too_many_requests_are_deferred_for_as_long_as_the_service_asks(
    chat: ChatService, case: Case, service: Imitation, message: SendChat
) -> None:
    service.behave(throttling("17"))
    verdict = await chat.send(message, case.secrets)
    assert isinstance(verdict, Deferred)
    assert verdict.after == 17.0
    assert isinstance(await chat.send(message, case.secrets), Accepted)
    assert service.journal.counts == {case.to: 1}


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_a_server_error_is_unknown_for_the_message_may_have_gone_out(
    chat: ChatService, case: Case, service: Imitation, message: SendChat, status: int
) -> None:
    service.behave(failing(status, recorded=True))
    assert isinstance(await chat.send(message, case.secrets), Unknown)


@pytest.mark.parametrize("recorded", [True, False])
async def test_a_connection_cut_after_the_request_left_is_unknown(
    chat: ChatService, case: Case, service: Imitation, message: SendChat, recorded: bool
) -> None:
    service.behave(dropping(recorded=recorded))
    assert isinstance(await chat.send(message, case.secrets), Unknown)
    assert len(service.journal.received) == recorded


async def test_a_message_that_is_never_answered_is_unknown(case: Case, service: Imitation, message: SendChat) -> None:
    impatient = case.connector(service.url, 0.2)
    service.behave(hanging())
    assert isinstance(await impatient.send(message, case.secrets), Unknown)
    await impatient.close()


async def test_a_service_that_cannot_be_reached_defers_for_nothing_has_left(
    case: Case, nobody_there: int, message: SendChat
) -> None:
    away = case.connector(f"http://127.0.0.1:{nobody_there}", 5.0)
    assert isinstance(await away.send(message, case.secrets), Deferred)
    await away.close()


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"messages": [], "ok": true, "result": {}}', b"\xff"])
async def test_a_success_that_names_no_message_is_unknown(
    case: Case, answering: Callable[..., str], message: SendChat, content: bytes
) -> None:
    connector = case.connector(answering(200, content), 5.0)
    assert isinstance(await connector.send(message, case.secrets), Unknown)
    await connector.close()


@pytest.mark.parametrize("content", [b"", b"<html>", b'{"error": [], "error_code": {}}', b"[" * 10_000])
async def test_a_refusal_without_words_is_final(
    case: Case, answering: Callable[..., str], message: SendChat, content: bytes
) -> None:
    connector = case.connector(answering(400, content), 5.0)
    verdict = await connector.send(message, case.secrets)
    assert isinstance(verdict, Rejected)
    assert verdict.code == "http_400"
    await connector.close()


@pytest.mark.parametrize("token", ["wrong-token", "", "two words", "schl\u00fcssel", "a\r\nb", "../x?y=#z"])
async def test_a_wrong_token_is_refused_as_credentials_and_shown_nowhere(
    chat: ChatService,
    case: Case,
    service: Imitation,
    message: SendChat,
    caplog: pytest.LogCaptureFixture,
    token: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    verdict = await chat.send(message, {chat.required: token})
    assert isinstance(verdict, Rejected)
    assert verdict.code == "credentials"
    assert service.journal.received == []
    if token:
        assert token not in f"{verdict} {chat!r} {logged(caplog)}"


async def test_the_token_and_the_person_are_in_no_log_whatever_happens(
    chat: ChatService, case: Case, service: Imitation, message: SendChat, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    [token] = case.secrets.values()
    service.behave(
        failing(400, text=f"{token} may not write to {case.to}"),
        dropping(recorded=False),
        failing(500, text=token),
        throttling("3", text=token),
    )
    verdicts = [await chat.send(message, case.secrets) for _ in range(5)]
    told = f"{verdicts} {logged(caplog)}"
    assert "HTTP Request: POST" in told
    assert token not in told
    assert token.rpartition(":")[2] not in told
    assert case.to not in told
    assert str(message.text) not in told


async def test_an_error_that_names_its_request_does_not_name_the_token(
    case: Case, service: Imitation, message: SendChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    request = httpx2.AsyncClient.request

    async def watched(self: httpx2.AsyncClient, *given: object, **named: object) -> httpx2.Response:
        try:
            return await request(self, *given, **named)  # type: ignore[arg-type]
        except httpx2.RequestError as error:
            seen.append(f"{error!r} {error.request.url} {error.request!r}")
            raise

    monkeypatch.setattr(httpx2.AsyncClient, "request", watched)
    service.behave(dropping(recorded=False))
    connector = case.connector(service.url, 5.0)
    await connector.send(message, case.secrets)
    await connector.close()
    [token] = case.secrets.values()
    assert len(seen) == 1
    assert token.rpartition(":")[2] not in seen[0]


async def test_channels_are_served_at_once_each_with_its_own_token(
    chat: ChatService, case: Case, service: Imitation, message: SendChat
) -> None:
    wrong = {chat.required: "wrong-token"}
    verdicts = await asyncio.gather(*(chat.send(message, secrets) for secrets in [case.secrets, wrong] * 5))
    assert [type(verdict) for verdict in verdicts] == [Accepted, Rejected] * 5


async def test_an_answer_that_never_ends_is_given_up_as_unknown(case: Case, dripping: int, message: SendChat) -> None:
    connector = case.connector(f"http://127.0.0.1:{dripping}", 0.2)
    assert isinstance(await asyncio.wait_for(connector.send(message, case.secrets), 10), Unknown)
    await connector.close()


def test_the_data_subject_is_the_asking_contexts(a_chat: MakeChat) -> None:
    assert a_chat().subject == "communication:7"
    assert SendChat.personal_fields == ("to", "text")


@pytest.mark.parametrize(("reference", "part"), [("message-1", 1), ("creator/a/b", 12)])
def test_a_part_is_identified_by_its_callback(reference: str, part: int) -> None:
    assert part_of(callback_of(reference, part)) == (reference, part)


@pytest.mark.parametrize("callback", ["", "/", "a", "a/", "/1", "a/x", "a/-1", "a/\u0661", "a/1.5", f"a/{'9' * 5000}"])
def test_another_callback_is_not_ours(callback: str) -> None:
    assert part_of(callback) is None


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """All that was logged, but for the imitation's server."""
    ours = [record for record in caplog.records if not record.name.startswith("uvicorn")]
    return " ".join(f"{record.getMessage()} {record.args}" for record in ours)

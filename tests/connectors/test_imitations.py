"""The imitations as processes of their own, steered over HTTP, as the fault tests use them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from connectors.resend import ResendEmail
from connectors.smtp import SmtpEmail
from connectors.twilio import TwilioSms
from domain.calls.email import Email
from domain.calls.sms import Sms
from streams.core.calls import Accepted, Deferred
from tests.imitations import BEHAVED, Behaviour, Journal, failing
from tests.imitations.resend import API_KEY
from tests.imitations.twilio import ACCOUNT_SID, AUTH_TOKEN

ROOT = Path(__file__).parents[2]


@contextmanager
def process(module: str) -> Iterator[list[int]]:
    """The ports it printed."""
    command = [sys.executable, "-m", f"tests.imitations.{module}", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            yield [int(port) for port in running.stdout.readline().split()]
        finally:
            running.terminate()


def behave(control: int, *script: Behaviour) -> None:
    body = [behaviour.model_dump(mode="json") for behaviour in script]
    httpx2.post(f"http://127.0.0.1:{control}/_imitation/behave", json=body).raise_for_status()


def told(control: int) -> dict[str, object]:
    answer: dict[str, object] = httpx2.get(f"http://127.0.0.1:{control}/_imitation/received").json()
    return answer


async def test_twilio_runs_as_a_process_and_does_as_it_is_told(an_sms: Callable[..., Sms]) -> None:
    with process("twilio") as [port]:
        send = TwilioSms(ACCOUNT_SID, AUTH_TOKEN, "+18005551212", f"http://127.0.0.1:{port}", timeout_seconds=5.0)
        behave(port, failing(503, to="+4915112345678"), failing(503, to="+4900000000", times=None))
        assert isinstance(await send(an_sms(), "key-1"), Deferred)
        assert isinstance(await send(an_sms(), "key-1"), Accepted)
        await send.close()
        answer = told(port)
        assert (answer["counts"], answer["requests"]) == ({"+4915112345678": 1}, 2)


async def test_resend_runs_as_a_process_and_forgets_its_script(an_email: Callable[..., Email]) -> None:
    with process("resend") as [port]:
        send = ResendEmail(API_KEY, "hello@acme.example", f"http://127.0.0.1:{port}", timeout_seconds=5.0)
        behave(port, failing(503, times=None))
        assert isinstance(await send(an_email(), "key-1"), Deferred)
        assert isinstance(await send(an_email(), "key-1"), Deferred)
        httpx2.delete(f"http://127.0.0.1:{port}/_imitation/behave").raise_for_status()
        assert isinstance(await send(an_email(), "key-1"), Accepted)
        await send.close()
        assert told(port)["counts"] == {"ada@example.com": 1}


async def test_smtp_runs_as_a_process_with_a_port_for_its_control(an_email: Callable[..., Email]) -> None:
    with process("smtp") as [port, control]:
        send = SmtpEmail(f"smtp://127.0.0.1:{port}", "hello@acme.example", timeout_seconds=5.0)
        behave(control, failing(451))
        assert isinstance(await send(an_email(), "key-1"), Deferred)
        assert isinstance(await send(an_email(), "key-1"), Accepted)
        assert told(control)["counts"] == {"ada@example.com": 1}


@pytest.mark.parametrize("times", [1, 3])
def test_a_behaviour_holds_as_often_as_it_was_told(times: int) -> None:
    journal = Journal()
    journal.behave(failing(500, times=times))
    followed = [journal.following("+1") for _ in range(times + 1)]
    assert [behaviour.status for behaviour in followed] == [500] * times + [BEHAVED.status]

"""The port by which a connector tells that its request leaves: what raises before leaves no call in doubt."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any

import aiosmtplib
import httpx2
import pytest

import connectors
from connectors.anthropic import AnthropicModel
from connectors.facebook import FacebookPosts
from connectors.linkedin import LinkedInPosts
from connectors.smtp import SmtpEmail
from connectors.social import SocialNetworks
from connectors.twilio import TwilioSms
from connectors.x import XPosts
from domain.calls.email import Email
from domain.calls.sms import Sms
from domain.calls.social_post import Network, SocialPost
from domain.messages import Effect
from streams.core.calls import AnyConnector, begin_call, call_state
from tests.connectors.completions import completion

TEXT = Sms(context="communication", recipient_id="1", reference="r", to="+15005550006", body="words")
MAIL = Email(
    context="communication", recipient_id="1", reference="r", to="ada@example.com", subject_line="May", text="words"
)
POST = SocialPost(network=Network.TWITTER, text="words", reference="r")
CALLS: list[tuple[AnyConnector, Effect]] = [
    (TwilioSms("AC1", "secret", "+15005550001"), TEXT),
    (SmtpEmail("smtp://localhost", "headwater@example.com"), MAIL),
    (AnthropicModel("key"), completion()),
    (XPosts("token"), POST),
    (LinkedInPosts("token", "urn:li:person:1", "202609"), POST),
    (FacebookPosts("token", "1"), POST),
    (SocialNetworks({Network.TWITTER: XPosts("token")}), POST),
]


class Left(Exception):
    """The first byte is about to leave."""


@pytest.mark.parametrize(("connector", "effect"), CALLS, ids=lambda one: type(one).__name__)
async def test_a_connector_without_repeats_says_that_its_call_begins_before_anything_leaves(
    connector: AnyConnector, effect: Effect, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def leave(*_: Any, **__: Any) -> None:
        raise Left

    monkeypatch.setattr(httpx2.AsyncClient, "send", leave)
    monkeypatch.setattr(aiosmtplib.SMTP, "connect", leave)
    with call_state() as call, pytest.raises(Left):
        await connector(effect, "key")
    assert call.begun
    await connector.close()


def test_every_connector_without_repeats_is_tried() -> None:
    modules = [importlib.import_module(one.name) for one in pkgutil.iter_modules(connectors.__path__, "connectors.")]
    classes = {found for module in modules for _, found in inspect.getmembers(module, inspect.isclass)}
    assert {one for one in classes if vars(one).get("idempotent") is False} == {type(one) for one, _ in CALLS}


async def test_what_raises_while_a_call_is_made_ready_has_begun_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.smtp._content", lambda *_: 1 / 0)
    with call_state() as call, pytest.raises(ZeroDivisionError):
        await SmtpEmail("smtp://localhost", "headwater@example.com")(MAIL, "key")
    assert not call.begun


async def test_the_state_is_that_of_the_innermost_attempt() -> None:
    begin_call()
    with call_state() as outer:
        with call_state() as inner:
            begin_call()
        assert (outer.begun, inner.begun) == (False, True)

"""Every setting is read once, before anything starts, and what is wrong with it is said in a sentence."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import httpcore2
import pytest
from pydantic import ValidationError
from pydantic_settings import BaseSettings

import bootstrap
import settings as process
from commandline.setting_errors import _variable, check_settings, sentences
from tests.api.conformance import LIBRARY
from tests.api.product import CERTIFICATES

PROVIDERS = {
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "secret",
    "TWILIO_FROM": "+15005550006",
    "TWILIO_WEBHOOK_URL": "https://hooks.example.com/communication/api/communication/webhooks/twilio",
    "RESEND_API_KEY": "re_1",
    "RESEND_FROM": "Acme <acme@example.com>",
    "RESEND_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "HEADWATER_PUBLIC_URL": "https://headwater.example.com",
}
"""The settings of an installation that lacks nothing."""

NONSENSE = ["no such thing", "v1,whsec_x", "-1", "1e999", "NaN", "https://", "http://[", "héé@x", "smtp://h:many", "'"]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment without settings; data goes to a directory of the test."""
    for variable in variables():
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HEADWATER_DATA", str(tmp_path))
    monkeypatch.setattr(httpcore2, "default_ssl_context", CERTIFICATES)
    return monkeypatch


def kinds(base: type[BaseSettings] = BaseSettings) -> list[type[BaseSettings]]:
    """Every class of settings of ours."""
    ours = [
        one for one in base.__subclasses__() if one.__module__.partition(".")[0] not in ("pydantic_settings", "tests")
    ]
    return [found for one in ours for found in (one, *kinds(one))]


def variables() -> list[str]:
    """The variable of every setting, and those of a configured webhook endpoint."""
    names = [
        _variable(kind.__name__, str(field.validation_alias or name))
        for kind in kinds()
        for name, field in kind.model_fields.items()
        if kind.__name__ != "WebhookSettings"
    ]
    return [*names, "COMMUNICATION_WEBHOOK_URL", "COMMUNICATION_WEBHOOK_SECRET"]


def started(environment: pytest.MonkeyPatch, given: Mapping[str, str]) -> str:
    """What a start says of these settings: "" when it goes on, and then it builds the performers as well."""
    for variable, value in given.items():
        environment.setenv(variable, value)
    try:
        loaded = process.load()
        check_settings(loaded)
    except ValidationError as error:
        return sentences(error)
    bootstrap.performers(loaded, "dbname=none")
    return ""


SAID = {
    "HEADWATER_PORT": ("abc", "must be a whole number"),
    "HEADWATER_METRICS_PORT": ("70000", "must be 65535 or less"),
    "HEADWATER_POSTGRES": ("somewhere", "must be an address as postgresql://user:password@host:5432/database"),
    "HEADWATER_PUBLIC_URL": ("example.com", "must be an address that begins with http:// or https://"),
    "HEADWATER_CLOCK": ("broken", "must be 'system' or 'manual'"),
    "HEADWATER_ROOT": ("nowhere", "must be the name of a surface: communication, content-generator, creator-hub, gccp"),
    "HEADWATER_CORS_ORIGINS": (
        "example.com",
        "must be * or origins, separated by commas, as https://app.example.com",
    ),
    "HEADWATER_PREFIX": ("a/b", "must have letters, digits, dots, underscores and hyphens only, at most 100"),
    "HEADWATER_DAILY_BUDGET": ("lots", "must be a number"),
    "HEADWATER_MONTHLY_BUDGET": ("NaN", "must be a finite number"),
    "HEADWATER_GCCP_MAX_TOKENS": ("0", "must be 1 or more"),
    "TWILIO_BASE_URL": ("api.twilio.com", "must be an address that begins with http:// or https://"),
    "TWILIO_WEBHOOK_URL": ("https:///x", "must be an address that begins with http:// or https://"),
    "TWILIO_AUTH_TOKEN": ("sécret", "must have printable ASCII characters only, and no spaces"),
    "RESEND_API_KEY": ("re 1", "must have printable ASCII characters only, and no spaces"),
    "RESEND_FROM": ("Acme", "must be an e-mail address, or Name <address>"),
    "RESEND_WEBHOOK_SECRET": (
        "v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "must be a signing secret as the provider shows it: whsec_ followed by base64",
    ),
    "SMTP_URL": ("mail", "must be an address as smtp://user:password@host:587 or smtps://user:password@host:465"),
    "SMTP_FROM": ("@example.com", "must be an e-mail address, or Name <address>"),
    "ANTHROPIC_API_KEY": ("k\u00fcy", "must have printable ASCII characters only, and no spaces"),
    "OLLAMA_BASE_URL": ("localhost:11434", "must be an address that begins with http:// or https://"),
    "SUPABASE_URL": ("ref", "must be an address that begins with http:// or https://"),
    "SUPABASE_JWT_SECRET": ("short", "must have at least 32 bytes"),
}


@pytest.mark.parametrize("variable", SAID)
def test_a_wrong_setting_is_said_with_its_variable_before_anything_starts(
    environment: pytest.MonkeyPatch, variable: str
) -> None:
    value, sentence = SAID[variable]
    assert started(environment, {variable: value}) == f"{variable} {sentence}"


@pytest.mark.parametrize(
    ("url", "secret", "sentence"),
    [
        ("ftp://example.com", "s", "COMMUNICATION_WEBHOOK_URL must be an address that begins with http:// or https://"),
        (
            "https://example.com",
            "whsec_?",
            "COMMUNICATION_WEBHOOK_SECRET must have base64 after whsec_, or be a text without that prefix",
        ),
        (
            "https://example.com",
            "",
            "COMMUNICATION_WEBHOOK_URL and COMMUNICATION_WEBHOOK_SECRET are set together or not at all",
        ),
    ],
)
def test_a_wrong_webhook_endpoint_is_said_with_its_variable(
    environment: pytest.MonkeyPatch, url: str, secret: str, sentence: str
) -> None:
    given = {"COMMUNICATION_WEBHOOK_URL": url, "COMMUNICATION_WEBHOOK_SECRET": secret}
    assert started(environment, given) == sentence


@pytest.mark.parametrize("variable", [name for name in variables() if not name.endswith(("_KEY", "SECRET", "_DATA"))])
def test_no_setting_fails_later_than_at_the_start(environment: pytest.MonkeyPatch, variable: str) -> None:
    for value in NONSENSE:
        said = started(environment, {**PROVIDERS, variable: value})
        assert LIBRARY.search(said) is None, said
        assert said == "" or said.startswith(variable.rpartition("_")[0])


def test_an_empty_variable_is_an_unset_one(environment: pytest.MonkeyPatch) -> None:
    assert started(environment, {variable: "" for variable in variables() if variable != "HEADWATER_DATA"}) == ""


def test_an_installation_that_lacks_nothing_warns_of_nothing(
    environment: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    assert started(environment, PROVIDERS) == ""
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("missing", "warning"),
    [
        (
            "HEADWATER_PUBLIC_URL",
            "HEADWATER_PUBLIC_URL is not set: e-mails carry unsubscribe links to http://127.0.0.1:8000, which "
            "recipients cannot open",
        ),
        (
            "TWILIO_FROM",
            "TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM are not all set: texts go to the sandbox",
        ),
        ("TWILIO_WEBHOOK_URL", "TWILIO_WEBHOOK_URL is not set: Twilio reports no deliveries"),
        ("RESEND_FROM", "RESEND_FROM is not set: e-mails do not go out by Resend"),
        ("RESEND_WEBHOOK_SECRET", "RESEND_WEBHOOK_SECRET is not set: reports by Resend are refused"),
    ],
)
def test_what_an_operator_may_have_forgotten_is_a_warning(
    environment: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, missing: str, warning: str
) -> None:
    caplog.set_level(logging.WARNING)
    assert started(environment, {name: value for name, value in PROVIDERS.items() if name != missing}) == ""
    assert warning in caplog.messages


def test_mail_by_smtp_without_a_public_address_is_a_warning_and_the_sandbox_alone_none(
    environment: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    assert started(environment, {}) == ""
    assert caplog.messages == []
    assert started(environment, {"SMTP_URL": "smtp://mail.example.com"}) == ""
    assert [message.partition(" ")[0] for message in caplog.messages] == ["HEADWATER_PUBLIC_URL"]

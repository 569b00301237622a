"""The settings of networks, the CRM and the platform: their names, their sentences, and the provider they choose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from connectors import providers
from connectors.chat import close_all
from connectors.crm_http import HttpCrm
from connectors.platform_http import HttpPlatform
from connectors.sandbox_crm import SandboxCrm
from connectors.sandbox_platform import SandboxPlatform
from connectors.settings import (
    CrmSettings,
    FacebookSettings,
    LinkedInSettings,
    PlatformSettings,
    TelegramSettings,
    WhatsAppSettings,
    XSettings,
)
from domain.calls.social_post import Network

AUTHOR = "urn:li:organization:5515715"


def social_providers(tmp_path: Path) -> dict[Network, str]:
    networks = providers.social(XSettings(), LinkedInSettings(), FacebookSettings(), tmp_path)
    return {network: networks.provider_of(network) for network in Network}


def test_without_credentials_everything_goes_to_the_sandbox(tmp_path: Path) -> None:
    assert set(social_providers(tmp_path).values()) == {"sandbox"}
    assert isinstance(providers.crm(CrmSettings(), tmp_path), SandboxCrm)
    assert isinstance(providers.platform(PlatformSettings(), tmp_path), SandboxPlatform)
    assert not XSettings().complete
    assert not LinkedInSettings().complete
    assert not FacebookSettings().complete
    assert not CrmSettings().complete
    assert not PlatformSettings().complete


@pytest.mark.parametrize("token", ["X_ACCESS_TOKEN", "TWITTER_ACCESS_TOKEN", "TWITTER_BEARER_TOKEN"])
@pytest.mark.parametrize("address", ["X_BASE_URL", "TWITTER_BASE_URL"])
def test_x_has_its_old_names_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, token: str, address: str) -> None:
    monkeypatch.setenv("X_ACCESS_TOKEN", "")
    monkeypatch.setenv(token, "secret")
    monkeypatch.setenv(address, "http://127.0.0.1:1")
    assert XSettings().address == "http://127.0.0.1:1"
    assert XSettings().complete
    assert social_providers(tmp_path)[Network.TWITTER] == "x"


@pytest.mark.parametrize("token", ["FACEBOOK_ACCESS_TOKEN", "FACEBOOK_PAGE_ACCESS_TOKEN"])
def test_facebook_needs_a_token_and_a_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, token: str) -> None:
    monkeypatch.setenv(token, "secret")
    assert social_providers(tmp_path)[Network.FACEBOOK] == "sandbox"
    monkeypatch.setenv("FACEBOOK_PAGE_ID", "546349135390552")
    assert FacebookSettings().complete
    assert social_providers(tmp_path)[Network.FACEBOOK] == "facebook"


def test_linkedin_needs_a_token_and_an_author(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LINKEDIN_ACCESS_TOKEN", "secret")
    assert social_providers(tmp_path)[Network.LINKEDIN] == "sandbox"
    monkeypatch.setenv("LINKEDIN_AUTHOR", AUTHOR)
    assert LinkedInSettings().complete
    assert social_providers(tmp_path)[Network.LINKEDIN] == "linkedin"


@pytest.mark.parametrize(
    ("name", "choose", "chosen"),
    [
        ("CRM", lambda outbox: providers.crm(CrmSettings(), outbox), HttpCrm),
        ("PLATFORM", lambda outbox: providers.platform(PlatformSettings(), outbox), HttpPlatform),
    ],
)
def test_the_crm_and_the_platform_need_an_address_and_a_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, choose: Callable[[Path], object], chosen: type
) -> None:
    monkeypatch.setenv(f"{name}_BASE_URL", "https://acme.example")
    assert not isinstance(choose(tmp_path), chosen)
    monkeypatch.setenv(f"{name}_API_KEY", "secret")
    assert isinstance(choose(tmp_path), chosen)


async def test_chat_services_have_addresses_and_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (WhatsAppSettings().base_url, WhatsAppSettings().api_version) == ("https://graph.facebook.com", "v26.0")
    assert TelegramSettings().base_url == "https://api.telegram.org"
    assert WhatsAppSettings().app_secret is None
    monkeypatch.setenv("WHATSAPP_APP_SECRET", "shared secret")
    assert "shared secret" not in repr(WhatsAppSettings())
    services = providers.chat(WhatsAppSettings(), TelegramSettings())
    assert {channel.value: service.provider for channel, service in services.items()} == {
        "whatsapp": "whatsapp",
        "telegram": "telegram",
    }
    await close_all(services)


@pytest.mark.parametrize(
    ("settings", "name", "value", "sentence"),
    [
        (XSettings, "X_BASE_URL", "https://api.x.com/2", "must be an address without a version of the API at its end"),
        (XSettings, "X_BASE_URL", "api.x.com", "must be an address that begins with http:// or https://"),
        (XSettings, "X_ACCESS_TOKEN", "two words", "must have printable ASCII characters only, and no spaces"),
        (FacebookSettings, "FACEBOOK_BASE_URL", "https://graph.facebook.com/v26.0/", "without a version of the API"),
        (FacebookSettings, "FACEBOOK_PAGE_ID", "acme/../x", "must be the id of a Page, as in its address"),
        (LinkedInSettings, "LINKEDIN_AUTHOR", "5515715", "must be urn:li:person:… or urn:li:organization:…"),
        (CrmSettings, "CRM_BASE_URL", "crm.example", "must be an address that begins with http:// or https://"),
        (PlatformSettings, "PLATFORM_API_KEY", "clé", "must have printable ASCII characters only"),
        (WhatsAppSettings, "WHATSAPP_BASE_URL", "https://graph.facebook.com/v26.0", "without a version of the API"),
        (WhatsAppSettings, "WHATSAPP_API_VERSION", "v 26", "must have printable ASCII characters only, and no spaces"),
        (TelegramSettings, "TELEGRAM_BASE_URL", "api.telegram.org", "must be an address that begins with http://"),
    ],
)
def test_a_bad_value_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, settings: type[BaseSettings], name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as refused:
        settings()
    assert sentence in str(refused.value)

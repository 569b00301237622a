"""Webhooks of generations from the shell: shown, held while their endpoint is disabled, and recovered."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

import bootstrap
from api.gccp import GccpSettings
from commandline import Stop
from commandline.webhooks import add_webhook, disable_webhook, enable_webhook, list_webhooks, recover_webhook
from commands.gccp.reactions import ENDPOINT
from tests.api.communication.serving import Served, serving
from tests.imitations.webhook_sink import SECRET, WebhookSink

COURSE = {"topic": "Plants", "subtopics": "roots, leaves", "mode": "pre-read"}


def test_what_a_disabled_endpoint_misses_is_held_until_it_is_recovered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with WebhookSink() as sink:
        monkeypatch.setenv("GCCP_WEBHOOK_URL", f"{sink.url}/hook")
        monkeypatch.setenv("GCCP_WEBHOOK_SECRET", SECRET)
        with serving(allow_private_webhooks=True) as product, product.hurrying():
            introduced(product)
            disable_webhook(product.settings, "gccp", ENDPOINT)
            generate(product)
            product.wait(lambda: standing(product) == [("held",)], "it was not held")
            list_webhooks(product.settings, "gccp")
            assert f"{ENDPOINT}  disabled (by command)\n  {sink.url}\n" in capsys.readouterr().out
            enable_webhook(product.settings, "gccp", ENDPOINT)
            assert recover_webhook(product.settings, "gccp", ENDPOINT, None) == 1
            product.wait(lambda: standing(product) == [("delivered",)], "it was not delivered")
            assert [one.content["event"] for one in sink.journal.received] == ["generation.completed"]
            with pytest.raises(Stop, match="GCCP_WEBHOOK_URL"):
                add_webhook(product.settings, "gccp", "https://example.com", [])
            with pytest.raises(Stop, match="no endpoint is called"):
                enable_webhook(product.settings, "gccp", "ep_unknown")
            with pytest.raises(Stop, match="creator_hub"):
                list_webhooks(product.settings, "creator_hub")


def introduced(product: Served) -> None:
    """Puts the configured endpoint on record, as a start does."""
    introducing = bootstrap.introduce(product.runtime, GccpSettings())
    asyncio.run_coroutine_threadsafe(introducing, product._loop).result(60)


def generate(product: Served) -> None:
    tokens = bootstrap.tokens(product.settings, "gccp")
    token = tokens.issue("grace", bootstrap.SCOPES["gccp"], datetime.now(UTC), timedelta(hours=1), {})
    url, headers = f"{product.root}/gccp/api/generate", {"Authorization": f"Bearer {token}"}
    assert product.api.post(url, json=COURSE, headers=headers).is_success


def standing(product: Served) -> list[tuple[str]]:
    """Where the webhooks of generations stand."""
    return product.ask("select status from read_models.gccp_webhooks")

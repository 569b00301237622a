"""Webhooks of generations from the shell: shown, held while their endpoint is disabled, and recovered."""

from __future__ import annotations

import pytest

from commandline import Stop
from commandline.webhooks import add_webhook, disable_webhook, enable_webhook, list_webhooks, recover_webhook
from commands.gccp.reactions import ENDPOINT
from tests.api.product import Served, serving
from tests.imitations.webhook_sink import SECRET, WebhookSink

COURSE = {"topic": "Plants", "subtopics": "roots, leaves", "mode": "pre-read"}


def test_what_a_disabled_endpoint_misses_is_held_until_it_is_recovered(capsys: pytest.CaptureFixture[str]) -> None:
    with WebhookSink() as sink, serving(Served, variables_of(sink)) as product, product.hurrying():
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
        with pytest.raises(Stop, match="guestbook"):
            list_webhooks(product.settings, "guestbook")


def variables_of(sink: WebhookSink) -> dict[str, str]:
    """The environment in which generations are told to this receiver."""
    return {
        "GCCP_WEBHOOK_URL": f"{sink.url}/hook",
        "GCCP_WEBHOOK_SECRET": SECRET,
        "HEADWATER_ALLOW_PRIVATE_WEBHOOKS": "true",
    }


def generate(product: Served) -> None:
    with product.client("gccp") as client:
        assert client.post("/api/generate", json=COURSE).is_success


def standing(product: Served) -> list[tuple[str]]:
    """Where the webhooks of generations stand."""
    return product.ask("select status from read_models.gccp_webhooks")

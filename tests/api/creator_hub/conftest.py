"""The product that the tests of this surface share: between imitations of its providers, without a language model."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.api.creator_hub.creator import APP_SECRET, Creator
from tests.api.product import Served, serving
from tests.imitations.telegram import TelegramImitation
from tests.imitations.whatsapp import WhatsAppImitation


@pytest.fixture(scope="session")
def hub() -> Iterator[Served]:
    """The product, which knows the secret of WhatsApp's application."""
    with WhatsAppImitation() as whatsapp, TelegramImitation() as telegram:
        addresses = {"WHATSAPP_BASE_URL": whatsapp.url, "TELEGRAM_BASE_URL": telegram.url}
        with serving(Served, addresses | {"WHATSAPP_APP_SECRET": APP_SECRET}) as product:
            yield product


@pytest.fixture
def creator(hub: Served) -> Iterator[Creator]:
    """A creator who has done nothing yet."""
    with Creator(hub, f"creator-{uuid4()}") as made:
        yield made

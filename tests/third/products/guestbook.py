"""The guest book: its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from api.guestbook.access import LIMITS, SCOPES
from commands.guestbook.wiring import GUESTBOOK as CONTEXT
from content.guestbook.webhooks import webhook_content
from domain.guestbook.entry import AuthorThanked, EntrySigned, ThanksFailed
from domain.guestbook.webhooks import TYPES
from projections.guestbook import READ_MODELS

from connectors.settings import TwilioSettings
from domain.calls.sms import Sms
from domain.messages import Effect
from products.product import App, Credential, EdgeParts, Product, Webhooks, WorkerParts
from streams.core.calls import AnyConnector
from streams.telemetry.live_figures import Delivery

FIRST_REQUEST = """\
curl -s {base}/guestbook/api/entries -H "Authorization: Bearer {token}" -H 'Content-Type: application/json' \\
  -d '{{"text": "It was lovely here.", "phone_number": "+15550001111"}}'; echo
"""


def app(parts: EdgeParts) -> App:
    """The surface `guestbook`."""
    from api.guestbook.app import build

    return App(build(parts.engine, parts.counters, parts.tokens("guestbook"), parts.secrets), close)


async def close() -> None:
    """Nothing is held open."""


def performers(parts: WorkerParts) -> Mapping[type[Effect], AnyConnector]:
    """Who performs the effects of this product."""
    from connectors import providers

    return {Sms: providers.sms(TwilioSettings(), parts.settings.outbox)}


GUESTBOOK = Product(
    context=replace(CONTEXT, read_models=READ_MODELS),
    apps={"guestbook": app},
    performers=performers,
    credential=Credential(scopes=SCOPES, default=SCOPES),
    limits=LIMITS,
    first_request=FIRST_REQUEST,
    deliveries=Delivery(
        "guestbook",
        begun=frozenset({EntrySigned.name}),
        arrived=frozenset({AuthorThanked.name}),
        failed=frozenset({ThanksFailed.name}),
    ),
    webhooks=Webhooks(types=TYPES, content=webhook_content),
)

"""`headwater webhook`: endpoints registered, listed, disabled, enabled, and sent what they missed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import TypeVar

from psycopg import AsyncConnection
from rich.console import Console

import bootstrap
from commandline import Stop
from commandline.orders import give
from commands.webhook_endpoints import DisableWebhookEndpoint, EnableWebhookEndpoint, RegisterWebhookEndpoint
from commands.webhooks import RecoverWebhook
from effects.webhooks import destination
from products.product import Webhooks
from projections.webhook_endpoints import EndpointRow, endpoints
from projections.webhooks import WebhookRow, queued_at, undelivered
from settings import Settings
from streams.core.envelope import Position
from streams.core.read_models import Row
from streams.postgres.database import connect

console = Console(highlight=False, soft_wrap=True)
AT_ONCE = 1000
T = TypeVar("T")


def add_webhook(settings: Settings, surface: str, url: str, types: Sequence[str]) -> tuple[str, str]:
    """Registers an address for these types of events (none: all); gives its id and the secret that signs.

    The same address is the same endpoint: registered again its types are replaced, and it is enabled.
    """
    name, webhooks = _webhooks(surface)
    every = tuple(dict.fromkeys(webhooks.types.values()))
    if not every:
        raise Stop(f"{name} registers no webhooks: its endpoint is a setting ({name.upper()}_WEBHOOK_URL)")
    unknown = [type_ for type_ in types if type_ not in every]
    if unknown:
        raise Stop(f"no event is called {unknown[0]!r}; there are {', '.join(every)}")
    endpoint_id = f"ep_{sha256(url.encode()).hexdigest()[:16]}"
    own = bootstrap.secrets(settings)
    try:
        goes_to = destination(own, endpoint_id, url)
    except ValueError as error:
        raise Stop(str(error)) from None
    command = RegisterWebhookEndpoint(
        at=datetime.now(UTC),
        endpoint_id=endpoint_id,
        url=url,
        types=tuple(types) or every,
        origin=goes_to.origin,
        fingerprint=goes_to.fingerprint,
    )
    give(settings, name, command)
    return endpoint_id, own.webhook_secret(endpoint_id)


def list_webhooks(settings: Settings, surface: str) -> None:
    """Prints every endpoint: its address, its health, and the types of events that it is told."""
    for found in _endpoints(settings, surface):
        trouble = f", takes nothing since {found.failing_since:%Y-%m-%d %H:%M} UTC" if found.failing_since else ""
        reason = f" ({found.reason})" if found.reason else ""
        about = [found.url or found.origin or "", *([" ".join(found.types)] if found.types else [])]
        console.print("\n  ".join((f"{found.endpoint_id}  {found.health}{reason}{trouble}", *about)))


def disable_webhook(settings: Settings, surface: str, endpoint_id: str) -> None:
    """Tells an endpoint nothing any more; what it misses is held."""
    _known(settings, surface, endpoint_id)
    command = DisableWebhookEndpoint(at=datetime.now(UTC), endpoint_id=endpoint_id, reason="by command")
    give(settings, surface, command)


def enable_webhook(settings: Settings, surface: str, endpoint_id: str) -> None:
    """Tells it again from now on; what was held waits for `recover`."""
    _known(settings, surface, endpoint_id)
    give(settings, surface, EnableWebhookEndpoint(at=datetime.now(UTC), endpoint_id=endpoint_id))


def recover_webhook(settings: Settings, surface: str, endpoint_id: str, since: str | None) -> int:
    """Sends what failed or was held on its way again, in order; gives how many that were.

    `since` is the `position` in a webhook's body: only what was queued after that one.
    """
    _known(settings, surface, endpoint_id)
    after, count = 0 if since is None else _sequence(settings, surface, endpoint_id, since), 0
    while found := _read(settings, _missed(surface, endpoint_id, after)):
        give(settings, surface, *(_recovery(endpoint_id, missed) for missed in found))
        after, count = found[-1].sequence, count + len(found)
    return count


def _recovery(endpoint_id: str, missed: WebhookRow) -> RecoverWebhook:
    return RecoverWebhook(
        at=datetime.now(UTC), endpoint_id=endpoint_id, webhook_id=missed.webhook_id, data_subject=missed.data_subject
    )


def _missed(
    surface: str, endpoint_id: str, after: int
) -> Callable[[AsyncConnection[Row]], Awaitable[list[WebhookRow]]]:
    return lambda connection: undelivered(connection, surface, endpoint_id, after, AT_ONCE)


def _webhooks(surface: str) -> tuple[str, Webhooks]:
    """The context behind a surface's name, and its webhooks; raises Stop for one that sends none."""
    product = bootstrap.product_of(surface)
    if product is None or product.webhooks is None:
        there = (name for name, one in bootstrap.SURFACES.items() if one.webhooks is not None)
        raise Stop(f"{surface} sends no webhooks; choose among {', '.join(there)}")
    return product.name, product.webhooks


def _endpoints(settings: Settings, surface: str) -> list[EndpointRow]:
    name, _ = _webhooks(surface)
    return _read(settings, lambda connection: endpoints(connection, name))


def _known(settings: Settings, surface: str, endpoint_id: str) -> None:
    if endpoint_id not in {found.endpoint_id for found in _endpoints(settings, surface)}:
        raise Stop(f"no endpoint is called {endpoint_id!r}: see headwater webhook list {surface}")


def _sequence(settings: Settings, surface: str, endpoint_id: str, since: str) -> int:
    try:
        position = Position.parse(since)
    except ValueError:
        raise Stop(f"a position reads context/partition/sequence, not {since!r}") from None
    found = _read(settings, lambda connection: queued_at(connection, surface, endpoint_id, position))
    if found is None:
        raise Stop(f"{endpoint_id} was told nothing about {since}: give the `position` of a webhook that it had")
    return found


def _read(settings: Settings, query: Callable[[AsyncConnection[Row]], Awaitable[T]]) -> T:
    async def reading() -> T:
        async with await connect(bootstrap.database(settings)) as connection:
            return await query(connection)

    return asyncio.run(reading())

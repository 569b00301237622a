"""Endpoints of webhooks: listed, disabled, enabled, told again what they missed, and registered for messages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import TypeVar

from psycopg import AsyncConnection
from rich.console import Console

import bootstrap
from commandline import Stop
from commandline.orders import give
from commands.communication.outlet import RegisterOutlet
from commands.webhooks import DisableWebhookEndpoint, EnableWebhookEndpoint, RecoverWebhook
from domain.communication.outlet import TYPES
from effects.webhooks import destination
from projections.communication.outlets import OutletRow, outlets
from projections.gccp.webhook_endpoints import WebhookEndpointRow, endpoints
from projections.webhooks import WebhookRow, queued_at, undelivered
from settings import Settings
from streams.core.envelope import Position
from streams.core.read_models import Row
from streams.postgres.database import connect

console = Console(highlight=False, soft_wrap=True)
REGISTERED = "communication"
ENDPOINTS: Mapping[str, Callable[[AsyncConnection[Row]], Awaitable[Sequence[OutletRow | WebhookEndpointRow]]]] = {
    REGISTERED: outlets,
    "gccp": endpoints,
}
"""By surface, what finds its endpoints; those of gccp are configured."""

EVERY = tuple(dict.fromkeys(TYPES.values()))
AT_ONCE = 1000
T = TypeVar("T")


def add_webhook(settings: Settings, surface: str, url: str, types: Sequence[str]) -> tuple[str, str]:
    """Registers an address for these types of events (none: all); gives its id and the secret that signs.

    The same address is the same endpoint: registered again its types are replaced, and it is enabled.
    """
    if surface != REGISTERED:
        raise Stop(f"webhooks are registered for {REGISTERED}; those of gccp are settings (GCCP_WEBHOOK_URL)")
    unknown = [type_ for type_ in types if type_ not in EVERY]
    if unknown:
        raise Stop(f"no event is called {unknown[0]!r}; there are {', '.join(EVERY)}")
    endpoint_id = f"ep_{sha256(url.encode()).hexdigest()[:16]}"
    own = bootstrap.secrets(settings)
    try:
        goes_to = destination(own, endpoint_id, url)
    except ValueError as error:
        raise Stop(str(error)) from None
    give(
        settings,
        surface,
        RegisterOutlet(
            at=datetime.now(UTC),
            endpoint_id=endpoint_id,
            url=url,
            types=tuple(types) or EVERY,
            origin=goes_to.origin,
            fingerprint=goes_to.fingerprint,
        ),
    )
    return endpoint_id, own.webhook_secret(endpoint_id)


def list_webhooks(settings: Settings, surface: str) -> None:
    """Prints every endpoint: where it is, how it does, and what it is told if that was registered."""
    for found in _endpoints(settings, surface):
        trouble = f", takes nothing since {found.failing_since:%Y-%m-%d %H:%M} UTC" if found.failing_since else ""
        reason = f" ({found.reason})" if found.reason else ""
        about = (found.url, " ".join(found.types)) if isinstance(found, OutletRow) else (found.origin,)
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


def _endpoints(settings: Settings, surface: str) -> Sequence[OutletRow | WebhookEndpointRow]:
    if surface not in ENDPOINTS:
        raise Stop(f"{surface} sends no webhooks; choose among {', '.join(ENDPOINTS)}")
    return _read(settings, ENDPOINTS[surface])


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

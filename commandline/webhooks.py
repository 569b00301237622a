"""The actions of `headwater webhook`: endpoints registered, listed, disabled, enabled, and recovered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import TypeVar

from psycopg import AsyncConnection
from rich.console import Console

import bootstrap
import installation_secrets
from api.mounts import mount_of
from commandline import Stop
from commandline.installation import check_readable, existing_database
from commandline.orders import submit_commands
from commands.webhook_endpoints import DisableWebhookEndpoint, EnableWebhookEndpoint, RegisterWebhookEndpoint
from commands.webhooks import RecoverWebhook
from connectors.outward import inside_address
from effects.webhooks import destination
from products.product import Webhooks
from projections.webhook_endpoints import EndpointRow, endpoints
from projections.webhooks import Backlog, WebhookRow, backlogs, queued_at, undelivered
from settings import Settings
from streams.core.envelope import Position
from streams.core.read_models import Row
from streams.postgres.database import connect, connect_plain

console = Console(highlight=False, soft_wrap=True)
AT_ONCE = 1000
T = TypeVar("T")


def add_webhook(settings: Settings, surface: str, url: str, types: Sequence[str]) -> tuple[str, str]:
    """Register an address for these types of events (none: all); returns its id and its signing secret.

    The same address is the same endpoint: a second registration replaces its types and enables it.
    """
    name, webhooks = _webhooks(surface)
    every = tuple(dict.fromkeys(webhooks.types.values()))
    if not every:
        raise Stop(f"{name} registers no webhooks: its endpoint is a setting ({name.upper()}_WEBHOOK_URL)")
    unknown = [type_ for type_ in types if type_ not in every]
    if unknown:
        raise Stop(f"no event is called {unknown[0]!r}; there are {', '.join(every)}")
    endpoint_id = f"ep_{sha256(url.encode()).hexdigest()[:16]}"
    existing_database(settings)  # first, as the secret would be made where there is none
    own = installation_secrets.secrets(settings)
    try:
        target = destination(own, endpoint_id, url)
    except ValueError as error:
        raise Stop(str(error)) from None
    _check_public(settings, target.host, target.port)
    command = RegisterWebhookEndpoint(
        at=datetime.now(UTC),
        endpoint_id=endpoint_id,
        url=url,
        types=tuple(types) or every,
        origin=target.origin,
        fingerprint=target.fingerprint,
    )
    submit_commands(settings, name, command)
    return endpoint_id, own.webhook_secret(endpoint_id)


def _check_public(settings: Settings, host: str, port: int) -> None:
    """Refuse an address that no worker will ever call."""
    inside = None if settings.allow_private_webhooks else inside_address(host, port)
    if inside is not None:
        raise Stop(
            f"{host} leads to {inside}, which is not public, so it will never be called: to allow that, set "
            "HEADWATER_ALLOW_PRIVATE_WEBHOOKS=true here and for every worker"
        )


def list_webhooks(settings: Settings, surface: str) -> None:
    """Print every endpoint: its address, its health, and its types of events."""
    name, _ = _webhooks(surface)
    waiting = _read(settings, lambda connection: backlogs(connection, name))
    for found in _endpoints(settings, surface):
        trouble = f", takes nothing since {found.failing_since:%Y-%m-%d %H:%M} UTC" if found.failing_since else ""
        reason = f" ({found.reason})" if found.reason else ""
        about = [found.url or found.origin or "", *([" ".join(found.types)] if found.types else [])]
        about += _backlog(waiting.get(found.endpoint_id), surface)
        console.print("\n  ".join((f"{found.endpoint_id}  {found.health}{reason}{trouble}", *about)))


def _backlog(found: Backlog | None, surface: str) -> list[str]:
    """Lines about webhooks that have not arrived, and the reason of the latest failure."""
    if found is None:
        return []
    recover = f"headwater webhook recover {surface} {found.endpoint_id}"
    lines = {
        f"{found.waiting} on their way": found.waiting > 0,
        f"{found.missed} missed: {recover}": found.missed > 0,
        f"the latest failure: {found.reason}": found.reason is not None,
    }
    return [line for line, holds in lines.items() if holds]


def disable_webhook(settings: Settings, surface: str, endpoint_id: str) -> None:
    """Disable an endpoint; its webhooks are held from now on."""
    name = _known(settings, surface, endpoint_id)
    command = DisableWebhookEndpoint(at=datetime.now(UTC), endpoint_id=endpoint_id, reason="by command")
    submit_commands(settings, name, command)


def enable_webhook(settings: Settings, surface: str, endpoint_id: str) -> None:
    """Enable an endpoint for new webhooks; held ones wait for `recover`."""
    name = _known(settings, surface, endpoint_id)
    submit_commands(settings, name, EnableWebhookEndpoint(at=datetime.now(UTC), endpoint_id=endpoint_id))


def recover_webhook(settings: Settings, surface: str, endpoint_id: str, since: str | None) -> int:
    """Queue failed and held webhooks again, in order; returns their number.

    `since` is the `position` in a webhook's body: only webhooks queued after that one.
    """
    name = _known(settings, surface, endpoint_id)
    after, count = 0 if since is None else _sequence(settings, name, endpoint_id, since), 0
    while found := _read(settings, _missed(name, endpoint_id, after)):
        submit_commands(settings, name, *(_recovery(endpoint_id, missed) for missed in found))
        after, count = found[-1].sequence, count + len(found)
    return count


def _recovery(endpoint_id: str, missed: WebhookRow) -> RecoverWebhook:
    return RecoverWebhook(
        at=datetime.now(UTC), endpoint_id=endpoint_id, webhook_id=missed.webhook_id, data_subject=missed.data_subject
    )


def _missed(
    context: str, endpoint_id: str, after: int
) -> Callable[[AsyncConnection[Row]], Awaitable[list[WebhookRow]]]:
    return lambda connection: undelivered(connection, context, endpoint_id, after, AT_ONCE)


def _webhooks(surface: str) -> tuple[str, Webhooks]:
    """The context with this surface, and its webhooks; raises Stop for a surface without webhooks."""
    product = bootstrap.product_of(surface)
    if product is None or product.webhooks is None:
        there = (mount_of(name) for name, one in bootstrap.SURFACES.items() if one.webhooks is not None)
        raise Stop(f"{surface} sends no webhooks; choose among {', '.join(there)}")
    return product.name, product.webhooks


def _endpoints(settings: Settings, surface: str) -> list[EndpointRow]:
    name, _ = _webhooks(surface)
    with connect_plain(existing_database(settings), "headwater webhook") as connection:
        check_readable(connection, f"{name}_webhook_endpoints", f"{name}_webhooks")
    return _read(settings, lambda connection: endpoints(connection, name))


def _known(settings: Settings, surface: str, endpoint_id: str) -> str:
    """The context of an endpoint; raises Stop for one that is not there."""
    name, _ = _webhooks(surface)
    if endpoint_id not in {found.endpoint_id for found in _endpoints(settings, surface)}:
        raise Stop(f"no endpoint is called {endpoint_id!r}: see headwater webhook list {surface}")
    return name


def _sequence(settings: Settings, context: str, endpoint_id: str, since: str) -> int:
    try:
        position = Position.parse(since)
    except ValueError:
        raise Stop(f"a position reads context/partition/sequence, not {since!r}") from None
    found = _read(settings, lambda connection: queued_at(connection, context, endpoint_id, position))
    if found is None:
        raise Stop(f"{endpoint_id} was told nothing about {since}: give the `position` of a webhook that it had")
    return found


def _read(settings: Settings, query: Callable[[AsyncConnection[Row]], Awaitable[T]]) -> T:
    async def reading() -> T:
        async with await connect(existing_database(settings)) as connection:
            return await query(connection)

    return asyncio.run(reading())

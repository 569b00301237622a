"""Who is told what becomes of messages: registered, listed, disabled, enabled, and told again what they missed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import TypeVar

from psycopg import AsyncConnection
from rich.console import Console

import bootstrap
from api.communication.telling import destination
from commandline import Stop
from commandline.ordering import give
from commands.communication.outlet import RegisterOutlet
from commands.webhooks import DisableWebhookEndpoint, EnableWebhookEndpoint, RecoverWebhook
from domain.communication.outlet import TYPES
from projections.communication.outlets import OutletRow, outlets
from projections.webhooks import WebhookRow, undelivered
from settings import Settings
from streams.database import Row, connect
from streams.envelope import Position

console = Console(highlight=False, soft_wrap=True)
SURFACES = ("communication",)
EVERY = tuple(dict.fromkeys(TYPES.values()))
AT_ONCE = 1000
T = TypeVar("T")


def add_webhook(settings: Settings, surface: str, url: str, types: Sequence[str]) -> tuple[str, str]:
    """Registers an address for these types of events (none: all); gives its id and the secret that signs.

    The same address is the same endpoint: registered again its types are replaced, and it is enabled.
    """
    _check(surface)
    unknown = [type_ for type_ in types if type_ not in EVERY]
    if unknown:
        raise Stop(f"no event is called {unknown[0]!r}; there are {', '.join(EVERY)}")
    endpoint_id = f"ep_{sha256(url.encode()).hexdigest()[:16]}"
    own = bootstrap.secrets(settings)
    try:
        goes_to = destination(own, endpoint_id, url)
    except ValueError as error:
        raise Stop(str(error)) from None
    give(settings, surface, RegisterOutlet(
        at=datetime.now(UTC), endpoint_id=endpoint_id, url=url, types=tuple(types) or EVERY, origin=goes_to.origin,
        fingerprint=goes_to.fingerprint,
    ))  # fmt: skip
    return endpoint_id, own.webhook_secret(endpoint_id)


def list_webhooks(settings: Settings, surface: str) -> None:
    """Prints every endpoint: where it is, how it does, and what it is told."""
    _check(surface)
    for found in _read(settings, outlets):
        trouble = f", takes nothing since {found.failing_since:%Y-%m-%d %H:%M} UTC" if found.failing_since else ""
        reason = f" ({found.reason})" if found.reason else ""
        console.print(f"{found.endpoint_id}  {found.health}{reason}{trouble}\n  {found.url}\n  {' '.join(found.types)}")


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
    """Sends what failed or was held (after a position) on its way again, in order; gives how many that were."""
    _known(settings, surface, endpoint_id)
    after, count = 0 if since is None else _sequence(since), 0
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


def _check(surface: str) -> None:
    if surface not in SURFACES:
        raise Stop(f"webhooks are registered for {', '.join(SURFACES)}; those of gccp are settings (GCCP_WEBHOOK_URL)")


def _known(settings: Settings, surface: str, endpoint_id: str) -> OutletRow:
    _check(surface)
    found = _read(settings, lambda connection: outlets(connection, endpoint_id))
    if not found:
        raise Stop(f"no endpoint is called {endpoint_id!r}: see headwater webhook list {surface}")
    return found[0]


def _sequence(since: str) -> int:
    try:
        return Position.parse(since).sequence
    except ValueError:
        raise Stop(f"a position reads context/partition/sequence, not {since!r}") from None


def _read(settings: Settings, query: Callable[[AsyncConnection[Row]], Awaitable[T]]) -> T:
    async def reading() -> T:
        async with await connect(bootstrap.database(settings)) as connection:
            return await query(connection)

    return asyncio.run(reading())

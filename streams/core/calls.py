"""Connectors: the thin edge to other people's systems. Each performs one kind of effect and reports how it went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar, runtime_checkable

from domain.messages import Effect


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took it and named it. `output` is whatever else it answered, as plain JSON."""

    provider_id: str
    output: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider refused for good; nothing went out and trying again is useless.

    `output`, here and below, is what is known all the same (what a failed call cost, say), as plain JSON.
    """

    code: str
    reason: str
    output: dict[str, Any] | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Deferred:
    """A clear, passing failure; nothing went out. `after` is how many seconds to wait, if the provider said so."""

    code: str
    reason: str
    after: float | None = None
    output: dict[str, Any] | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request may have left, and no answer came: it may or may not have gone out."""

    reason: str
    output: dict[str, Any] | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Listed:
    """The provider's ids of what it has taken and may be this effect, the oldest first; none if it lists nothing."""

    provider_ids: tuple[str, ...] = ()


Finding = Listed | Deferred | Unknown
"""The result of a look-up. Deferred: the provider could not be asked now. Unknown: it cannot tell at all."""

REFERENCE = "headwater_reference"
"""The name under which a provider is given our own id of a message, and gives it back with what it reports of it."""

Verdict = Accepted | Rejected | Deferred | Unknown

E = TypeVar("E", bound=Effect, contravariant=True)


class Connector(Protocol[E]):
    """Performs one kind of effect. Never raises for anything the provider or the network does.

    `idempotent` says whether a repeat with the same key is recognised by the provider, so that an unknown
    outcome may be tried again; otherwise an unknown outcome is never repeated by itself. A connector keeps its own
    time limits and always returns.
    """

    provider: str
    idempotent: bool

    async def __call__(self, effect: E, key: str) -> Verdict: ...

    async def close(self) -> None: ...


@runtime_checkable
class Traceable(Protocol[E]):
    """A connector whose provider can be asked what it has taken, after an attempt without an answer.

    `since` is a time before the first attempt. Never raises for anything the provider or the network does.
    """

    async def find(self, effect: E, since: datetime) -> Finding: ...


async def find(connector: AnyConnector, effect: Effect, since: datetime) -> Finding:
    """Look an effect up at the connector's provider; Unknown where the connector cannot ask."""
    if isinstance(connector, Traceable):
        return await connector.find(effect, since)
    return Unknown("the provider cannot be asked")


AnyConnector = Connector[Any]

Performers = Mapping[tuple[str, type[Effect]], AnyConnector]
"""The connector that performs a context's effect: two products may send mail by different senders."""

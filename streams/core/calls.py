"""Interface of connectors, the clients of outside providers. A connector performs an effect and returns a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar, runtime_checkable

from domain.messages import Effect


@dataclass(frozen=True, slots=True)
class Accepted:
    """Effect taken by the provider, with the provider's id. `output` is the rest of the answer, as plain JSON."""

    provider_id: str
    output: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """Final refusal by the provider: nothing went out, and a repeat is useless.

    `output`, here and below, is the data known in spite of the failure (such as the call's cost), as plain JSON.
    """

    code: str
    reason: str
    output: dict[str, Any] | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Deferred:
    """Clear, transient failure: nothing went out. `after` is the wait in seconds, if the provider gave one."""

    code: str
    reason: str
    after: float | None = None
    output: dict[str, Any] | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Unknown result: the request may have left, no answer came, and the effect may or may not have gone out."""

    reason: str
    output: dict[str, Any] | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Listed:
    """Provider's ids of taken requests that may be this effect, oldest first; empty if it lists none."""

    provider_ids: tuple[str, ...] = ()


Finding = Listed | Deferred | Unknown
"""Result of a look-up. Deferred: the provider cannot be asked now. Unknown: the provider cannot tell at all."""

REFERENCE = "headwater_reference"
"""Name of the field with our id of a message, in requests to a provider and in its reports on the message."""

Verdict = Accepted | Rejected | Deferred | Unknown


@dataclass(slots=True)
class CallState:
    """State of an attempt. `begun`: a request may have left, so that an exception leaves the call in doubt."""

    begun: bool = False


_STATE: ContextVar[CallState | None] = ContextVar("call", default=None)


def begin_call() -> None:
    """Mark the attempt as begun. A connector calls this right before its request leaves."""
    state = _STATE.get()
    if state is not None:
        state.begun = True


@contextmanager
def call_state() -> Iterator[CallState]:
    """The state of the attempt that is made in this block."""
    state = CallState()
    token = _STATE.set(state)
    try:
        yield state
    finally:
        _STATE.reset(token)


E = TypeVar("E", bound=Effect, contravariant=True)


class Connector(Protocol[E]):
    """Client that performs one kind of effect. Never raises for an error of the provider or the network.

    `idempotent`: whether the provider recognises a repeat with the same key, so that an unknown outcome may be tried
    again; otherwise an unknown outcome is never repeated automatically, and the connector calls `begin_call` before its
    request leaves. A connector sets time limits for its requests and always returns.
    """

    provider: str
    idempotent: bool

    async def __call__(self, effect: E, key: str) -> Verdict: ...

    async def close(self) -> None: ...


@runtime_checkable
class Traceable(Protocol[E]):
    """Connector whose provider lists the requests it has taken, for a look-up after an attempt without an answer.

    `since` is a time before the first attempt. Never raises for an error of the provider or the network.
    """

    async def find(self, effect: E, since: datetime) -> Finding: ...


async def find(connector: AnyConnector, effect: Effect, since: datetime) -> Finding:
    """Look an effect up at the connector's provider; returns Unknown where the connector cannot ask."""
    if isinstance(connector, Traceable):
        return await connector.find(effect, since)
    return Unknown("the provider cannot be asked")


AnyConnector = Connector[Any]

Performers = Mapping[tuple[str, type[Effect]], AnyConnector]
"""Connectors by context and type of effect: two products may send mail by different senders."""

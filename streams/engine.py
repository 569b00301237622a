"""A running engine, as the edge and the performers see it on either runtime."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Protocol

from streams.core.clock import Clock
from streams.core.gateway import Gateway
from streams.core.mapper import Mapper
from streams.postgres.reads import Reads


class Engine(Protocol):
    """A gateway for commands, reads for queries, and what both go by."""

    @property
    def gateway(self) -> Gateway: ...

    @property
    def reads(self) -> Reads: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def mapper(self) -> Mapper: ...

    @property
    def partitions(self) -> int: ...

    @property
    def writable(self) -> bool:
        """Whether commands can be taken now."""
        ...


Background = Callable[[Engine], Coroutine[Any, Any, None]]
"""Work beside the tasks, in every worker, until it is cancelled."""


async def cancelled(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancels tasks and waits until they have ended, however they end."""
    every = list(tasks)
    for task in every:
        task.cancel()
    await asyncio.gather(*every, return_exceptions=True)

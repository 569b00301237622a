"""Interface of a running engine, for the API and the performers; equal on both runtimes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Protocol

from streams.core.clock import Clock
from streams.core.commits import Commits
from streams.core.gateway import Gateway
from streams.core.mapper import Mapper
from streams.postgres.reads import Reads


class Engine(Protocol):
    """Running engine: gateway for commands, reads for queries, commits, clock, mapper and number of partitions."""

    @property
    def gateway(self) -> Gateway: ...

    @property
    def reads(self) -> Reads: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def mapper(self) -> Mapper: ...

    @property
    def commits(self) -> Commits: ...

    @property
    def partitions(self) -> int: ...

    @property
    def writable(self) -> bool:
        """Whether the gateway can accept commands now."""
        ...


Background = Callable[[Engine], Coroutine[Any, Any, None]]
"""Coroutine that every worker runs beside its tasks until it is cancelled."""


async def cancelled(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until all have ended; their errors are ignored."""
    every = list(tasks)
    for task in every:
        task.cancel()
    await asyncio.gather(*every, return_exceptions=True)

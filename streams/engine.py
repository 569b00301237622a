"""What the edge sees of a running engine, whichever runtime it is."""

from __future__ import annotations

from typing import Protocol

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

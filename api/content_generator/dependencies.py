"""The dependencies of this surface's endpoints: secrets, links, watches of what requests wait for, health."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Annotated, Self

from fastapi import Depends
from pydantic import SecretStr
from starlette.requests import Request

from api.content_generator.dependency_health import DependencyHealth
from api.content_generator.live_hub import LiveHub
from api.streaming.watch import Watch
from api.surface import own_of
from domain.content_generator.marks import client_mark, recipient_mark
from domain.messages import Command
from projections.content_generator.live_messages import broadcast_counts
from projections.stream_events import stream_heads
from streams.core.gateway import Pending, Unavailable, envelop
from streams.core.mapper import Mapper
from streams.core.secrets import Secrets
from streams.engine import Engine

NAME = "content_generator"
ASK_SECONDS = 0.05

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """The dependencies of the endpoints. `fresh_seconds` is how long a fetched document is good for a request.

    `broadcasts` wakes those who wait for an announcement to come to its sessions.
    """

    engine: Engine
    mapper: Mapper
    secrets: Secrets
    live: LiveHub
    streams: Watch[str]
    broadcasts: Watch[str]
    health: DependencyHealth
    fresh_seconds: float
    report_secret: SecretStr | None

    @classmethod
    def of(
        cls,
        engine: Engine,
        secrets: Secrets,
        health: DependencyHealth,
        live: LiveHub,
        *,
        fresh_seconds: float,
        report_secret: SecretStr | None,
    ) -> Self:
        """The dependencies over an engine."""
        return cls(
            engine=engine,
            mapper=engine.mapper,
            secrets=secrets,
            live=live,
            streams=Watch(engine.reads, engine.commits, stream_heads(NAME)),
            broadcasts=Watch(engine.reads, engine.commits, broadcast_counts),
            health=health,
            fresh_seconds=fresh_seconds,
            report_secret=report_secret,
        )

    async def ask(self, command: Command) -> None:
        """Submit a command that nobody waits for; what cannot be recorded now is asked for at the next look."""
        envelope = envelop(command, NAME, self.engine.partitions, "installation")
        try:
            await self.engine.gateway.submit(envelope, ASK_SECONDS)
        except (Unavailable, Pending) as away:
            log.info("%s waits: %s", command.name, type(away).__name__)

    def recipient(self, tenant: str, address: str) -> str:
        """The mark of a recipient's address."""
        return recipient_mark(self.secrets.mark_of, tenant, address)

    def client(self, tenant: str, client_id: str) -> str:
        """The mark of a client of live sessions."""
        return client_mark(self.secrets.mark_of, tenant, client_id)

    async def close(self) -> None:
        await self.live.close()
        await self.streams.close()
        await self.broadcasts.close()
        await self.health.close()


def _own(request: Request) -> Dependencies:
    return own_of(request, Dependencies)


Own = Annotated[Dependencies, Depends(_own)]

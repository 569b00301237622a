"""Installation under load, for fault tests; its log is verified at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.streams.kafka.broker import Kafka
from tests.streams.kafka.load import Load, under_load
from tests.streams.kafka.runtime import Processes, gateway, processes, until
from tests.streams.kafka.verify import verify

PAST_THE_SESSION = 8.0
"""Seconds after which a member of the group that says nothing has lost its place, and another one has it."""


@asynccontextmanager
async def loaded(
    kafka: Kafka, dsn: str, *processors: str, projectors: Sequence[str] = ("j1",), supervised: bool = False
) -> AsyncIterator[tuple[Processes, Load]]:
    """An installation with these roles under load; verified when the block is done and all is answered."""
    with processes(kafka, dsn, supervised=supervised) as roles:
        for name in projectors:
            roles.start("projector", name)
        for name in processors:
            roles.start("processor", name)
        async with gateway(roles) as one, gateway(roles) as two:
            async with under_load([one, two]) as load:
                yield roles, load
            await asyncio.to_thread(verify, roles, load.submitted, load.answered)


async def stopped(roles: Processes, name: str) -> None:
    """Returns when this process has been stopped by a signal."""
    state = Path(f"/proc/{roles.running[name].pid}/stat")
    await until(lambda: state.read_text().rpartition(")")[2].split()[0] == "T")

"""Processes of a distributed installation: groups, heartbeats and missing roles; for `status` and `/ready`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from streams.core.read_models import Row
from streams.kafka.groups import ROLES, Group, GroupMonitor, GroupsUnknown
from streams.postgres.database import Statement, read
from streams.postgres.heartbeats import SeenProcess, seen_processes

NEXT_OFFSETS = "select context, partition, next_offset from headwater.partitions"
NEEDED = (*ROLES, "worker", "api")


class Processes(NamedTuple):
    """Groups by role, unless the brokers do not tell (`unknown` says why), and the processes by their heartbeats."""

    groups: Mapping[str, Group]
    unknown: str
    seen: Sequence[SeenProcess]

    @property
    def missing(self) -> list[str]:
        """Roles without which something stands still, of which no process serves now."""
        alive = {one.role for one in self.seen if not one.missed}
        serving = {role for role, group in self.groups.items() if group.serves}
        return [role for role in NEEDED if role not in (serving if role in self.groups else alive)]

    @property
    def serve(self) -> bool:
        """Whether commands are decided and read models follow."""
        return not set(ROLES) & set(self.missing)

    def report(self) -> dict[str, Any]:
        """The processes as JSON values."""
        return {
            "groups": {role: group.report() for role, group in self.groups.items()},
            "unknown": self.unknown,
            "seen": [one._asdict() for one in self.seen],
            "missing": self.missing,
        }


async def processes_of(connection: AsyncConnection[Row], monitor: GroupMonitor | None) -> Processes:
    """Ask database and brokers; without a monitor only the heartbeats are known."""
    seen = await seen_processes(connection)
    if monitor is None:
        return Processes({}, "HEADWATER_KAFKA is not set", seen)
    (rows,) = await read(connection, [Statement(NEXT_OFFSETS)])
    next_offsets = {(context, partition): offset for context, partition, offset in rows}
    try:
        groups = await asyncio.to_thread(monitor.groups, next_offsets)
    except GroupsUnknown as unknown:
        return Processes({}, str(unknown), seen)
    return Processes(groups, "", seen)

"""The report of `/ready`: whether a write would succeed now, and what an operator has to look after."""

from __future__ import annotations

from pathlib import Path
from shutil import disk_usage

import psycopg
from psycopg_pool import PoolTimeout

from streams.engine import Engine
from streams.postgres.status import Installation, installation

LEAST_FREE_BYTES = 64 * 1024 * 1024
"""Room for a few segments of the database's own log. Below it a write may still succeed, and soon none will."""


async def readiness(engine: Engine, disk: Path | None = None) -> dict[str, object]:
    """The readiness report: whether a write would succeed now, what has halted, and the tasks that are kept.

    `disk` is a directory on the disk of an embedded database.
    """
    alive = await engine.reads.alive()
    room = disk is None or disk_usage(disk).free >= LEAST_FREE_BYTES
    takes_writes = alive and room and await engine.reads.takes_writes()
    log = engine.writable and takes_writes
    report: dict[str, object] = {"ready": log, "database": alive, "log": log}
    if not room:
        report["error"] = f"less than {LEAST_FREE_BYTES // 1024 // 1024} MB are free on the disk"
    if alive:
        try:
            async with engine.reads.connection() as connection:
                report |= _halts(await installation(connection))
        except (psycopg.Error, PoolTimeout) as error:
            report |= {"ready": False, "error": f"the database answered with {type(error).__name__}"}
    return report


def _halts(found: Installation) -> dict[str, object]:
    halted = [{"projection": p.name, "table": p.table, "at": p.halted_at, "error": p.error} for p in found.halted]
    kept = [task._asdict() for task in found.kept_tasks]
    return {"halted": halted, "log_halts": [halt._asdict() for halt in found.log_halts], "kept_tasks": kept}

"""Heartbeats of the distributed runtime's processes: one row each, so that one that is missing can be named."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import psycopg
from psycopg import AsyncConnection, Connection

from streams.core.read_models import Row
from streams.postgres.database import Statement, connect_plain, read
from streams.telemetry.pulse import Pulse

log = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
MISSED_SECONDS = 30.0
"""Silence after which a process counts as missing: a restart, or a pause of the database, is shorter."""

BEAT = """
    insert into headwater.heartbeats (role, instance) values (%s, %s)
        on conflict (role, instance) do update set seen_at = now()
"""
FORGET_OLD = "delete from headwater.heartbeats where seen_at < now() - interval '1 day'"
LEAVE = "delete from headwater.heartbeats where role = %s and instance = %s"
SEEN = """
    select role, instance, extract(epoch from now() - seen_at)::float from headwater.heartbeats order by 1, 2
"""


class SeenProcess(NamedTuple):
    """Process of the installation, and the seconds since it was last seen. One that ends in order leaves no row."""

    role: str
    instance: str
    silence: float

    @property
    def missed(self) -> bool:
        return self.silence > MISSED_SECONDS


async def seen_processes(connection: AsyncConnection[Row]) -> list[SeenProcess]:
    """Read all heartbeats; none from a database that an older release has made."""
    (((table,),),) = await read(connection, [Statement("select to_regclass('headwater.heartbeats')")])
    if table is None:
        return []
    (rows,) = await read(connection, [Statement(SEEN)])
    return [SeenProcess(*row) for row in rows]


@contextmanager
def heartbeat(dsn: str, role: str, instance: str, pulse: Pulse) -> Iterator[None]:
    """Send heartbeats, in a thread and on a separate connection, while the block runs and the pulse beats."""
    over = threading.Event()
    thread = threading.Thread(target=_send, args=(dsn, role, instance, pulse, over), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(BEAT_SECONDS)


def _send(dsn: str, role: str, instance: str, pulse: Pulse, over: threading.Event) -> None:
    while True:
        with contextlib.suppress(psycopg.Error), connect_plain(dsn, "headwater heartbeat") as connection:
            connection.execute(FORGET_OLD)
            _send_until(connection, role, instance, pulse, over)
            connection.execute(LEAVE, (role, instance))
        if over.wait(BEAT_SECONDS):
            return


def _send_until(connection: Connection[Row], role: str, instance: str, pulse: Pulse, over: threading.Event) -> None:
    while not over.is_set():
        if pulse.alive:
            connection.execute(BEAT, (role, instance))
        over.wait(BEAT_SECONDS)

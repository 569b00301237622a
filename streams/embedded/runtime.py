"""Assembly of the embedded runtime: gateway, worker, reads and background work in one process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import uuid4

from streams.core.calls import Performers
from streams.core.clock import Clock, ManualClock
from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.processor import Processor
from streams.core.wiring import Context, names_of
from streams.embedded.gateway import EmbeddedGateway
from streams.engine import Background, cancelled
from streams.postgres.catch_up import Progress
from streams.postgres.database import connect_plain
from streams.postgres.indexes import build_indexes
from streams.postgres.installation import acquire_writer_lock, check_master_key, prepare
from streams.postgres.projection_tables import Projections
from streams.postgres.reads import Reads
from streams.postgres.rebuild import bring_up
from streams.postgres.shared_clock import forget_manual_clock, synchronize_clock
from streams.postgres.tasks import known_projections
from streams.work.due_notifications import forward_due_notifications
from streams.work.worker import Worker

log = logging.getLogger(__name__)


class EmbeddedRuntime:
    """Gateway, worker and reads over one database. `run` starts and stops them."""

    def __init__(
        self,
        dsn: str,
        contexts: Sequence[Context],
        master_key: bytes,
        clock: Clock,
        performers: Performers,
        partitions: int = 4,
        working: bool = True,
        background: Sequence[Background] = (),
    ) -> None:
        self.dsn = dsn
        self.clock = clock
        self.contexts = contexts
        self.partitions = partitions
        self._master_key = master_key
        self.mapper = Mapper(names_of(contexts), Keyring(master_key))
        self.reads = Reads(dsn)
        self.gateway = EmbeddedGateway(
            dsn, Processor(contexts, self.mapper), Projections(known_projections(contexts, self.mapper)), self._due
        )
        self.commits = self.gateway.commits
        self.worker = Worker(
            dsn,
            self.gateway,
            self.mapper,
            clock,
            performers,
            [context.name for context in contexts],
            partitions,
            name=f"embedded-{uuid4()}",
            only_worker=True,
        )
        self._working = working
        self._background = background

    @property
    def writable(self) -> bool:
        """Whether the gateway can accept commands now."""
        return self.gateway.connected and self.gateway.failure is None and not self.gateway.stuck

    def _due(self, moment: datetime) -> None:
        self.worker.due(moment)

    @asynccontextmanager
    async def run(self, progress: Progress = lambda _: None) -> AsyncIterator[EmbeddedRuntime]:
        """Serve until the block exits, then finish the accepted commands and claimed tasks.

        Raises InUse, NotDurable, WrongInstallation, RebuildFailed or psycopg.OperationalError at the start.
        """
        await self._prepare(progress)
        await self.gateway.start()
        await self.reads.open()
        beside = [asyncio.create_task(synchronize_clock(self.dsn, self.clock))]
        if self._working:
            self.worker.start()
            beside.append(asyncio.create_task(build_indexes(self.dsn)))
            beside.append(asyncio.create_task(forward_due_notifications(self.dsn, self._due)))
            beside += [asyncio.create_task(work(self)) for work in self._background]
        try:
            yield self
        finally:
            await cancelled(beside)
            await self.worker.stop()
            await self.gateway.stop()
            await self.reads.close()

    async def _prepare(self, progress: Progress) -> None:
        """Hold the writer's lock, so that a second process is refused before it changes anything."""
        lock = await acquire_writer_lock(self.dsn)
        try:
            await asyncio.to_thread(self._bring_up, progress)
        finally:
            await lock.close()

    def _bring_up(self, progress: Progress) -> None:
        with connect_plain(self.dsn, "headwater setup") as connection:
            prepare(connection, self.contexts, self.partitions)
            check_master_key(connection, self._master_key)
            if not isinstance(self.clock, ManualClock):
                forget_manual_clock(connection)
            bring_up(connection, self.contexts, self.mapper, progress)

"""Roles of the distributed runtime that run in an event loop: API node and worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from streams.core.calls import Performers
from streams.core.clock import Clock
from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.wiring import Context, names_of
from streams.engine import Background, cancelled
from streams.kafka.gateway import KafkaGateway
from streams.kafka.groups import GroupMonitor
from streams.kafka.settings import Role
from streams.postgres.indexes import build_indexes
from streams.postgres.reads import Reads
from streams.postgres.shared_clock import synchronize_clock
from streams.telemetry.pulse import Pulse
from streams.work.due_notifications import forward_due_notifications
from streams.work.worker import Worker


class ApiNode:
    """Engine of an `api` process: a gateway to Kafka and reads from PostgreSQL."""

    def __init__(self, role: Role, contexts: Sequence[Context], clock: Clock) -> None:
        self.dsn = role.dsn
        self.clock = clock
        self.partitions = role.partitions
        self.log_ends = role.log_ends
        self.mapper = Mapper(names_of(contexts), Keyring(role.master_key))
        self.reads = Reads(role.dsn)
        self.pulse = Pulse()
        self.groups = GroupMonitor(role.cluster, [context.name for context in contexts], role.partitions)
        self.gateway = KafkaGateway(role.cluster, role.dsn, self.mapper, log_ends=role.log_ends)
        self.commits = self.gateway.commits
        self.on_failure: Callable[[BaseException], None] = lambda _: None
        """Called with Denied or KafkaException when the node can accept no more commands and must start again."""

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Serve while the block runs."""
        self.gateway.on_failure = self.on_failure
        await self.reads.open()
        await self.gateway.start()
        beside = [asyncio.create_task(synchronize_clock(self.dsn, self.clock))]
        beside.append(asyncio.create_task(self.pulse.beat_in_loop()))
        try:
            yield
        finally:
            await self.gateway.stop()
            await self.reads.close()
            await cancelled(beside)

    @property
    def writable(self) -> bool:
        """Whether the node accepts commands now."""
        return self.gateway.connected


class WorkerNode:
    """Engine of a `worker` process: claims tasks from PostgreSQL and sends their answers to Kafka."""

    def __init__(
        self,
        role: Role,
        contexts: Sequence[Context],
        clock: Clock,
        performers: Performers,
        background: Sequence[Background] = (),
    ) -> None:
        names = [context.name for context in contexts]
        self._role = role
        self._node = ApiNode(role, contexts, clock)
        self._background = background
        self._worker = Worker(
            role.dsn,
            self._node.gateway,
            self._node.mapper,
            clock,
            performers,
            names,
            role.partitions,
            role.instance,
            only_worker=False,
        )

    @property
    def pulse(self) -> Pulse:
        """Pulse of the event loop."""
        return self._node.pulse

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then finish the claimed tasks.

        Raises Denied or KafkaException when no more answers can be sent to the log.
        """
        failures: list[BaseException] = []

        def fail(failure: BaseException) -> None:
            failures.append(failure)
            stop.set()

        self._node.on_failure = fail
        async with self._node.run():
            self._worker.start()
            beside = [asyncio.create_task(forward_due_notifications(self._role.dsn, self._worker.due))]
            beside.append(asyncio.create_task(build_indexes(self._role.dsn)))
            beside += [asyncio.create_task(work(self._node)) for work in self._background]
            await stop.wait()
            await cancelled(beside)
            await self._worker.stop()
        for failure in failures:
            raise failure

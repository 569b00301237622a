"""Presence: a connection counts for as long as it is open, whatever becomes of the node that holds it.

Each node renews a row. A node whose row is not renewed for `missed` seconds is declared lost by those who see it, and
its connections are closed in its place. A node that could not renew closes its own sockets before that. Times that are
waited for are monotonic: no clock that is set wrong declares a node lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple
from uuid import UUID, uuid4

import psycopg
from psycopg_pool import PoolTimeout

from api.streaming.hub import TRY_AGAIN
from api.streaming.sockets import SocketError
from streams.core.gateway import Unavailable
from streams.engine import cancelled
from streams.postgres.edges import SeenNode, add_node, lose_node, other_nodes, remove_node, renew_node
from streams.postgres.reads import Reads

log = logging.getLogger(__name__)

CloseConnections = Callable[[UUID], Awaitable[None]]
"""Closes, on record, all connections of a node. It may be called again, by any node, so command ids derive."""

EndSockets = Callable[[int, str], None]
"""Closes all sockets of this process with a code and a reason."""

Record = Callable[[], Awaitable[object]]
"""Records that one connection was closed; raises where that may be repeated."""


class PresenceTimes(NamedTuple):
    """Seconds: between renewals, until a node counts as lost, and from a close to its record.

    A lost node's connections are closed again for `swept` seconds, as its last joins may be shown late.
    """

    renewal: float = 10.0
    missed: float = 30.0
    grace: float = 2.0
    swept: float = 300.0
    retry: float = 1.0


class Connection(NamedTuple):
    """A connection of a client, held by a node."""

    id: UUID
    node: UUID
    client: str


class _Leave:
    """A close that is not on record yet; until `due`, the client may take the connection up again."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.due = False
        self.task: asyncio.Task[None] | None = None


class _Watch:
    """What this process has seen of other nodes, and when. `at_start`: whoever else has a row is lost."""

    def __init__(self, times: PresenceTimes, at_start: bool) -> None:
        self.at_start = at_start
        self._times = times
        self._seen: dict[UUID, tuple[int, float]] = {}
        self._lost: dict[UUID, float] = {}

    def missed(self, nodes: Sequence[SeenNode], now: float) -> list[SeenNode]:
        """The nodes that are lost, or have not been renewed for too long."""
        known, self._seen = self._seen, {}
        for node in nodes:
            renewals, since = known.get(node.node, (-1, now))
            self._seen[node.node] = (node.renewals, since if renewals == node.renewals else now)
        return [node for node in nodes if self.at_start or node.lost or self._is_missed(node, now)]

    def is_swept(self, node: SeenNode, now: float) -> bool:
        """Whether the connections of a lost node have been closed for long enough."""
        return now - self._lost.setdefault(node.node, now) >= self._times.swept

    def _is_missed(self, node: SeenNode, now: float) -> bool:
        return now - self._seen[node.node][1] >= self._times.missed


class Presence:
    """The connections of one context in this process. With `alone`, no other process of it can hold any."""

    def __init__(
        self,
        context: str,
        reads: Reads,
        close_connections: CloseConnections,
        end_sockets: EndSockets,
        *,
        alone: bool,
        times: PresenceTimes | None = None,
    ) -> None:
        self._context = context
        self._reads = reads
        self._close_connections = close_connections
        self._end_sockets = end_sockets
        self._alone = alone
        self._times = times or PresenceTimes()
        self._node: UUID | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._leaves: dict[str, list[_Leave]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def node(self) -> UUID | None:
        """This process's node; None while it is not on record, so that it may hold no connection."""
        return self._node

    async def start(self) -> None:
        """Put the node on record, or begin to try, and begin to look after the others."""
        renewed = await self._try_renewal()
        self._tasks = [
            asyncio.create_task(self._renew(renewed), name="presence"),
            asyncio.create_task(self._sweep(), name="lost nodes"),
        ]

    async def close(self) -> None:
        """Wait until every close is on record, then remove the node; what is not on record is left to others."""
        pending = [leave.task for leaves in self._leaves.values() for leave in leaves if leave.task is not None]
        if pending:
            await asyncio.wait(pending, timeout=self._times.grace + self._times.renewal)
        await cancelled([*self._tasks, *pending])
        node = self._node
        self._forget_node()
        if node is not None and not self._leaves:
            await self._remove(node)

    def connect(self, client: str) -> Connection:
        """A connection for a client: the one that it closed a moment ago, or a new one. Raises SocketError 1013."""
        if self._node is None:
            raise SocketError("unavailable", "Connections cannot be counted now", close=TRY_AGAIN)
        for leave in self._leaves.get(client, ()):
            if not leave.due and leave.connection.node == self._node and leave.task is not None:
                leave.task.cancel()
                self._over(leave)
                return leave.connection
        return Connection(uuid4(), self._node, client)

    def disconnect(self, connection: Connection, record: Record) -> None:
        """Record the close of a connection in a moment, unless its client is back by then."""
        leave = _Leave(connection)
        self._leaves.setdefault(connection.client, []).append(leave)
        leave.task = asyncio.create_task(self._leave(leave, record), name="leave")

    async def _leave(self, leave: _Leave, record: Record) -> None:
        await asyncio.sleep(self._times.grace)
        leave.due = True
        while True:
            if await self._recorded(record):
                break
            await asyncio.sleep(self._times.retry)
        self._over(leave)

    def _over(self, leave: _Leave) -> None:
        leaves = self._leaves[leave.connection.client]
        leaves.remove(leave)
        if not leaves:
            del self._leaves[leave.connection.client]

    async def _recorded(self, record: Record) -> bool:
        try:
            await record()
        except (Unavailable, psycopg.Error, PoolTimeout) as error:
            log.warning("the close of a connection is not on record yet: %s", type(error).__name__)
            return False
        except Exception as error:
            log.error("the close of a connection is not on record yet", exc_info=error)
            return False
        return True

    async def _renew(self, renewed: bool) -> None:
        while True:
            await asyncio.sleep(self._times.renewal if renewed else self._times.retry)
            renewed = await self._try_renewal()

    async def _try_renewal(self) -> bool:
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._times.renewal), self._reads.connection() as connection:
                if self._node is not None and not await renew_node(connection, self._context, self._node):
                    self._lose_own("others have declared this node lost")
                if self._node is None:
                    node = uuid4()
                    await add_node(connection, self._context, node)
                    self._node = node
        except (psycopg.Error, PoolTimeout, TimeoutError) as error:
            log.warning("presence cannot be renewed: %s", type(error).__name__)
            return False
        self._expire_at(began + self._times.missed)
        return True

    def _expire_at(self, moment: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = asyncio.get_running_loop().call_at(moment, self._lose_own, "presence could not be renewed")

    def _lose_own(self, reason: str) -> None:
        """Close all sockets, so that no client is connected and counted absent."""
        log.warning("all sockets are closed: %s", reason)
        self._forget_node()
        self._end_sockets(TRY_AGAIN, "reconnect")

    def _forget_node(self) -> None:
        self._node = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    async def _remove(self, node: UUID) -> None:
        try:
            async with asyncio.timeout(self._times.renewal), self._reads.connection() as connection:
                await remove_node(connection, self._context, node)
        except (psycopg.Error, PoolTimeout, TimeoutError) as error:
            log.warning("the node is left to others: %s", type(error).__name__)

    async def _sweep(self) -> None:
        watch = _Watch(self._times, self._alone)
        while True:
            try:
                await self._sweep_once(watch)
            except Exception as error:  # noqa: BLE001 - tried again
                log.warning("lost nodes cannot be looked after: %s", type(error).__name__)
            await asyncio.sleep(self._times.renewal)

    async def _sweep_once(self, watch: _Watch) -> None:
        if self._node is None:
            return
        now = asyncio.get_running_loop().time()
        async with self._reads.connection() as connection:
            missed = watch.missed(await other_nodes(connection, self._context, self._node), now)
            lost = [one for one in missed if one.lost or await lose_node(connection, self._context, one)]
        watch.at_start = False
        for one in lost:
            await self._close_connections(one.node)
            if watch.is_swept(one, now):
                await self._remove(one.node)

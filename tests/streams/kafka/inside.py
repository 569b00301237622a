"""Processor in a thread of the test process, which a test can suspend at an exact transaction point."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from kafka.admin import KafkaAdminClient, MemberToRemove

from streams.kafka.processor import KafkaProcessor
from streams.kafka.protocol import generation_of
from streams.kafka.settings import Role
from tests.contract.shelf import SHELF
from tests.streams.kafka.protocols import Weakness, protocol_of
from tests.streams.kafka.runtime import MASTER_KEY, Processes, until


class Inside:
    """A processor of this installation, running."""

    def __init__(self, roles: Processes, name: str, weakness: Weakness, transaction_seconds: float) -> None:
        role = Role(roles.cluster, roles.dsn, name, MASTER_KEY, roles.partitions)
        protocol = protocol_of(weakness, roles.cluster)
        self._processor = KafkaProcessor(role, [SHELF], protocol, self.reached, transaction_seconds=transaction_seconds)
        self.consumer = self._processor._consumer
        self._hold = ""
        self._then: Callable[[], object] = _nothing
        self._held, self._released = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=name)
        self._thread.start()

    @property
    def generation(self) -> int:
        """What its consumer would name now as its generation in the group."""
        return generation_of(self.consumer.consumer_group_metadata())

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def hold(self, step: str) -> None:
        """From now on it will stand still at this step, once."""
        self._hold = step

    async def held(self) -> None:
        """Returns when it stands still."""
        await until(self._held.is_set)

    def go_on(self, then: Callable[[], object] | None = None) -> None:
        """Lets it go on; what comes `then` is done first, in its own thread."""
        self._then = then or _nothing
        self._held.clear()
        self._released.set()

    async def stop(self) -> None:
        self._processor.stop()
        self._hold = ""
        self.go_on()
        await until(lambda: self.ended)

    def reached(self, step: str) -> None:
        """To be called in its thread: stands still there if this is the step."""
        if step == self._hold:
            self._hold = ""
            self._held.set()
            self._released.wait()
            self._released.clear()
            self._then()

    def _run(self) -> None:
        with contextlib.suppress(KeyError):  # what it ends with after committing to a partition that is not its own
            self._processor.run()


def _nothing() -> None:
    """What is done at a step unless a test says otherwise."""


@asynccontextmanager
async def inside(
    roles: Processes, name: str, weakness: Weakness = None, transaction_seconds: float = 10.0
) -> AsyncIterator[Inside]:
    """A processor in this process while the block runs."""
    one = Inside(roles, name, weakness, transaction_seconds)
    try:
        yield one
    finally:
        await one.stop()


def expel(roles: Processes, name: str) -> None:
    """Takes a processor out of its group, as the group does with a member that was silent for too long."""
    with KafkaAdminClient(**roles.cluster.admin()) as admin:
        admin.remove_group_members(f"{roles.cluster.prefix}.processor", [MemberToRemove(group_instance_id=name)])

"""Clients that submit commands during faults, retry until they get an answer, and record the answers."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from domain.messages import Command
from streams.core.envelope import Outcome
from streams.core.gateway import Gateway, Pending, Unavailable, envelop
from tests.contract.runtimes import PARTITIONS, START
from tests.contract.shelf import EmptyJar, FillJar, OpenJar

OWNERS = 12
JARS = 5
DUPLICATES = 0.05
ANSWER_SECONDS = 5.0


@dataclass
class Load:
    """What was submitted, and what was answered: the same ids at the end, each with one outcome."""

    gateways: Sequence[Gateway]
    clients: int = 16
    pause_seconds: float = 0.02
    submitted: dict[UUID, Command] = field(default_factory=dict)
    answered: dict[UUID, Outcome] = field(default_factory=dict)
    answered_at: list[float] = field(default_factory=list)
    _stopping: bool = False

    async def run(self) -> None:
        """Until `stop`, and then until everything submitted is answered."""
        async with asyncio.TaskGroup() as group:
            for number in range(self.clients):
                group.create_task(self._client(random.Random(number)))

    def stop(self) -> None:
        self._stopping = True

    async def answers(self, more: int, seconds: float = 60) -> None:
        """Returns when so many more commands have been answered."""
        wanted = len(self.answered) + more
        async with asyncio.timeout(seconds):
            while len(self.answered) < wanted:
                await asyncio.sleep(0.01)

    def longest_silence(self) -> float:
        """Seconds."""
        gaps = [after - before for before, after in zip(self.answered_at, self.answered_at[1:], strict=False)]
        return max(gaps, default=0.0)

    async def _client(self, chance: random.Random) -> None:
        while not self._stopping:
            id_, command = uuid4(), _any_command(chance)
            self.submitted[id_] = command
            again = chance.random() < DUPLICATES
            await asyncio.gather(*(self._insist(id_, command, chance) for _ in range(2 if again else 1)))
            await asyncio.sleep(self.pause_seconds)

    async def _insist(self, id_: UUID, command: Command, chance: random.Random) -> None:
        pause = 0.05
        while True:
            try:
                gateway = chance.choice(self.gateways)
                outcome = await gateway.submit(envelop(command, "shelf", PARTITIONS, "load", id_), ANSWER_SECONDS)
            except (Unavailable, Pending):
                await asyncio.sleep(pause)
                pause = min(1.0, pause * 2)
                continue
            known = self.answered.setdefault(id_, outcome)
            assert (known.status, known.position) == (outcome.status, outcome.position), f"two outcomes of {id_}"
            self.answered_at.append(time.monotonic())
            return


def _any_command(chance: random.Random) -> Command:
    owner = f"owner {chance.randrange(OWNERS)}"
    jar = f"{owner}, jar {chance.randrange(JARS)}"
    match chance.randrange(10):
        case 0:
            return EmptyJar(at=START, jar=jar, owner=owner)
        case 1:
            return OpenJar(at=START, jar=jar, owner=owner, note="for my aunt Agatha")
        case _:
            return FillJar(at=START, jar=jar, owner=owner, grams=chance.randrange(1, 200))


@asynccontextmanager
async def under_load(gateways: Sequence[Gateway], clients: int = 16) -> AsyncIterator[Load]:
    """Load while the block runs; afterwards everything has been answered, or TimeoutError."""
    load = Load(gateways, clients)
    running = asyncio.create_task(load.run())
    try:
        await load.answers(50)
        yield load
    except BaseException:
        running.cancel()
        raise
    load.stop()
    async with asyncio.timeout(60):
        await running

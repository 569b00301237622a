"""Sealed values that are in the log and not in PostgreSQL yet, whose keys a new processor has never seen."""

from __future__ import annotations

import asyncio

from streams.core.envelope import Status
from tests.contract.runtimes import do, fill
from tests.contract.test_erasure import lend
from tests.streams.kafka.broker import Kafka
from tests.streams.kafka.runtime import distributed

SECONDS = 3.0


async def test_a_state_with_values_of_another_person_is_read_after_a_takeover(kafka: Kafka, database: str) -> None:
    async with distributed(kafka, database) as runtime:
        await do(runtime, fill(1))
        runtime.roles.stop("j1")
        lending = asyncio.create_task(do(runtime, lend("bob")))
        await asyncio.sleep(SECONDS)
        runtime.roles.kill("p1")
        runtime.roles.start("processor", "p1")
        filling = asyncio.create_task(do(runtime, fill(10)))
        await asyncio.sleep(SECONDS)
        runtime.roles.start("projector", "j1")
        outcomes = await asyncio.gather(lending, filling)
        assert [outcome.status for outcome in outcomes] == [Status.ACCEPTED] * 2

"""Sealed values that are in the log and not in PostgreSQL yet, whose keys a new processor has never seen."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from streams.core.envelope import Status
from tests.contract.runtimes import do, fill
from tests.contract.test_erasure import lend
from tests.streams.kafka.broker import Kafka
from tests.streams.kafka.runtime import distributed, until
from tests.streams.kafka.test_guards import decided


async def test_a_state_with_values_of_another_person_is_read_after_a_takeover(kafka: Kafka, database: str) -> None:
    lent, filled = uuid4(), uuid4()
    async with distributed(kafka, database) as runtime:
        await do(runtime, fill(1))
        runtime.roles.stop("j1")
        lending = asyncio.create_task(do(runtime, lend("bob"), command_id=lent))
        await until(lambda: decided(runtime.roles)[lent] == 1)
        runtime.roles.kill("p1")
        runtime.roles.start("processor", "p1")
        filling = asyncio.create_task(do(runtime, fill(10), command_id=filled))
        await until(lambda: decided(runtime.roles)[filled] == 1)
        runtime.roles.start("projector", "j1")
        outcomes = await asyncio.gather(lending, filling)
        assert [outcome.status for outcome in outcomes] == [Status.ACCEPTED] * 2

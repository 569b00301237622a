"""The context on a real PostgreSQL, with the offline writer as its model."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

from psycopg import AsyncConnection
from pydantic import SecretStr

from commands.gccp.reactions import ENDPOINT
from commands.gccp.wiring import GCCP
from commands.webhook_endpoints import ConfigureWebhookEndpoint
from connectors.webhook import Destination, WebhookSender
from domain.calls.completion import Completion
from domain.calls.webhook import DeliverWebhook
from domain.messages import Command
from effects.gccp.offline_writer import OfflineWriter
from projections.gccp import READ_MODELS
from projections.gccp.generations import GenerationRow, by_id
from streams.core.calls import Performers, Verdict
from streams.core.clock import ManualClock
from streams.core.envelope import Outcome
from streams.core.gateway import envelop
from streams.core.read_models import Row
from streams.embedded.runtime import EmbeddedRuntime
from streams.postgres.database import Statement, connect, read
from tests.commands.gccp.examples import ID, START, attempt
from tests.imitations.webhook_sink import SECRET


class Model(OfflineWriter):
    """The offline writer, or a scripted verdict first; it charges for its answers, so that there is a cost to see."""

    def __init__(self) -> None:
        super().__init__()
        self.verdicts: deque[Verdict] = deque()

    async def __call__(self, effect: Completion, key: str) -> Verdict:
        if self.verdicts:
            return self.verdicts.popleft()
        verdict = await super().__call__(effect, key)
        output = getattr(verdict, "output", None) or {}
        return replace(verdict, output=output | (attempt(text=output["text"]).output or {}))


class Running:
    """An embedded runtime of the context, and a connection to read by."""

    def __init__(self, runtime: EmbeddedRuntime, connection: AsyncConnection[Row], clock: ManualClock) -> None:
        self.runtime = runtime
        self.connection = connection
        self.clock = clock

    async def do(self, command: Command) -> Outcome:
        outcome = await self.runtime.gateway.submit(envelop(command, "gccp", 4, "test"), 10.0)
        assert outcome.problem is None, outcome.problem
        return outcome

    async def settle(self) -> None:
        due = "select count(*) from headwater.tasks where state = 'running' or state = 'waiting' and due_at <= %s"
        async with asyncio.timeout(60):
            while (await read(self.connection, [Statement(due, [self.clock.now()])])) != [[(0,)]]:
                await asyncio.sleep(0.01)

    async def generation(self, id_: UUID = ID) -> GenerationRow:
        found = await by_id(self.connection, id_)
        assert found is not None
        return found


@asynccontextmanager
async def running(database: str, model: Model, url: str) -> AsyncIterator[Running]:
    clock = ManualClock(START)
    destination = Destination(url, SecretStr(SECRET))
    sender = WebhookSender({ENDPOINT: destination}, allow_private=True)
    performers: Performers = {("gccp", Completion): model, ("gccp", DeliverWebhook): sender}
    runtime = EmbeddedRuntime(database, [replace(GCCP, read_models=READ_MODELS)], bytes(32), clock, performers)
    async with runtime.run(), await connect(database) as connection:
        now = Running(runtime, connection, clock)
        await now.do(
            ConfigureWebhookEndpoint(
                at=START, endpoint_id=ENDPOINT, origin=destination.origin, fingerprint=destination.fingerprint
            )
        )
        yield now
    await sender.close()

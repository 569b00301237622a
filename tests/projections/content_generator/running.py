"""The context on a real PostgreSQL, with providers that take everything unless a verdict is given."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from commands.content_generator.effects import (
    ComposeContent,
    CountAudience,
    FindPost,
    Publish,
    PublishPost,
    ReadMetrics,
    ReadReports,
    ResolveAudience,
    SendBatch,
)
from commands.content_generator.wiring import CONTENT_GENERATOR
from commands.webhooks import QueueWebhook
from domain.calls.document import Block, BlockKind, Document, FetchDocument, Span
from domain.calls.outbox import ForgetMessages
from domain.calls.webhook import DeliverWebhook
from domain.messages import Command, Effect, Event
from projections.content_generator import READ_MODELS
from streams.core.calls import Accepted, AnyConnector, Verdict
from streams.core.clock import ManualClock
from streams.core.envelope import Outcome, Recorded
from streams.core.gateway import envelop
from streams.core.read_models import Row
from streams.core.wiring import Later, Reaction
from streams.embedded.runtime import EmbeddedRuntime
from streams.postgres.database import connect

NAME = "content_generator"


def react(event: Recorded[Event]) -> Iterator[Reaction]:
    """The context's reactions but for webhooks, which have read models and tests of their own."""
    for reaction in CONTENT_GENERATOR.react(event):
        if not (isinstance(reaction, Later) and isinstance(reaction.command, QueueWebhook)):
            yield reaction


CONTEXT = replace(CONTENT_GENERATOR, read_models=READ_MODELS, react=react)
PARTITIONS = 4
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
TENANT = "acme"
DOCUMENT = Document(title="News", blocks=(Block(kind=BlockKind.PARAGRAPH, spans=(Span(text="Breathe."),)),))
METRICS = {
    "views": 1500,
    "unique_views": 1200,
    "engagement_rate": 5.5,
    "average_time_seconds": 45.0,
    "shares": 25,
    "comments": 10,
}


def person(name: str) -> dict[str, str]:
    """A recipient in a page of an audience."""
    return {"mark": f"mark-{name}", "address": f"{name}@example.com", "name": name.title()}


OUTPUTS: dict[type[Effect], dict[str, Any]] = {
    FetchDocument: DOCUMENT.model_dump(mode="json"),
    ComposeContent: {"title": "News"},
    CountAudience: {"recipients": 3},
    ResolveAudience: {"recipients": [person("ana"), person("bea"), person("cleo")], "next": None},
    SendBatch: {"accepted": 3, "suppressed": 0},
    ReadReports: {"reports": [], "next": None, "more": False},
    Publish: {"url": "/updates/news", "version": 1, "published_at": "2026-01-05T09:00:00Z"},
    ReadMetrics: METRICS,
    PublishPost: {"url": "https://social.example/1"},
    FindPost: {"found": False},
    ForgetMessages: {},
    DeliverWebhook: {},
}


class Provider:
    """Takes an effect with the usual output, or answers with the next verdict given, or as a function says."""

    idempotent = True

    def __init__(self, type_: type[Effect]) -> None:
        self.provider = "provider"
        self.type = type_
        self.verdicts: deque[Verdict] = deque()
        self.answer: Callable[[Any], Verdict] | None = None

    async def __call__(self, effect: Any, key: str) -> Verdict:
        if self.verdicts:
            return self.verdicts.popleft()
        return self.answer(effect) if self.answer is not None else Accepted(f"id-{key}", OUTPUTS[self.type])

    async def close(self) -> None:
        """There is nothing to close."""


class Running:
    """Commands in at the manual clock's time, read models out."""

    def __init__(
        self,
        runtime: EmbeddedRuntime,
        clock: ManualClock,
        connection: AsyncConnection[Row],
        providers: dict[type[Effect], Provider],
    ) -> None:
        self.runtime, self.clock, self.connection, self.providers = runtime, clock, connection, providers

    async def do(self, command: Command) -> Outcome:
        stamped = command.model_copy(update={"at": self.clock.now()})
        outcome = await self.runtime.gateway.submit(envelop(stamped, NAME, PARTITIONS, "test"), 10.0)
        assert outcome.problem is None, outcome.problem
        return outcome

    async def settle(self, by: timedelta = timedelta(0)) -> None:
        """Move the clock, and wait until nothing is due any more."""
        self.clock.advance(by)
        due = "select count(*) from headwater.tasks where state = 'running' or state = 'waiting' and due_at <= %s"
        async with asyncio.timeout(20):
            while await (await self.connection.execute(due, (self.clock.now(),))).fetchone() != (0,):
                await asyncio.sleep(0.01)

    async def finish(self, *commands: Command) -> None:
        """Do these commands, and wait for all that follows from them."""
        for command in commands:
            await self.do(command)
        await self.settle()

    async def halted(self) -> list[Row]:
        """The read models that stand still, with the reason."""
        sql = "select name, error from headwater.projections where halted_at is not null"
        return await (await self.connection.execute(sql)).fetchall()


@asynccontextmanager
async def running(dsn: str) -> AsyncIterator[Running]:
    """The context over this database, at NOW."""
    clock = ManualClock(NOW)
    providers = {type_: Provider(type_) for type_ in OUTPUTS}
    performers: dict[tuple[str, type[Effect]], AnyConnector] = {
        (NAME, type_): provider for type_, provider in providers.items()
    }
    runtime = EmbeddedRuntime(dsn, [CONTEXT], bytes(32), clock, performers, PARTITIONS)
    async with runtime.run(), await connect(dsn) as connection:
        world = Running(runtime, clock, connection, providers)
        yield world
        assert await world.halted() == []

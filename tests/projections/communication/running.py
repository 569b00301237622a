"""The whole context on a real PostgreSQL, with a sandbox that accepts everything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from psycopg import AsyncConnection

from commands.communication.delivery import RecordReceipt
from commands.communication.effects import (
    FindOwners,
    FindSenders,
    MarkAddress,
    SendMail,
    SendText,
    SendVerificationCode,
)
from commands.communication.receipt_kinds import ReceiptKind
from commands.communication.wiring import COMMUNICATION
from domain.calls.outbox import ForgetMessages
from domain.messages import Command, Effect
from effects.communication.owners import AddressMark, OwnerSearch
from projections.communication import READ_MODELS
from projections.communication.queries.expenditure import spending_on
from projections.communication.queries.status import delivery_by_provider_id, message_by_id
from streams.core.calls import Accepted, AnyConnector, Verdict
from streams.core.clock import ManualClock
from streams.core.envelope import Outcome
from streams.core.gateway import envelop
from streams.core.read_models import Row
from streams.core.secrets import Secrets
from streams.embedded.runtime import EmbeddedRuntime
from streams.postgres.database import connect
from tests.commands.communication.people import NOW, ask, mail_consent, sms_consent

PARTITIONS = 4
CONTEXT = replace(COMMUNICATION, read_models=READ_MODELS)
IDS = UUID(int=77)
SECRETS = Secrets(b"a secret of this installation")


class Provider:
    """Accepts, or answers as told for an effect."""

    idempotent = True

    def __init__(self, name: str = "provider") -> None:
        self.provider = name
        self.verdict: Verdict | None = None

    async def __call__(self, effect: Any, key: str) -> Verdict:
        return self.verdict or Accepted(f"id-{key}")

    async def close(self) -> None:
        """There is nothing to close."""


class Running:
    """Commands in at the manual clock's time, read models out."""

    def __init__(self, runtime: EmbeddedRuntime, clock: ManualClock, sms: Provider, connection: AsyncConnection[Row]):
        self.runtime, self.clock, self.sms, self.connection = runtime, clock, sms, connection
        self._count = 0

    async def do(self, command: Command) -> Outcome:
        stamped = command.model_copy(update={"at": self.clock.now()})
        return await self.runtime.gateway.submit(envelop(stamped, "communication", PARTITIONS, "test"), 10.0)

    async def agree(self, user_id: int) -> None:
        for command in (*sms_consent(user_id, self.new_id()), mail_consent(user_id)):
            await self.do(command)

    async def ask(self, **more: Any) -> UUID:
        """Asks for a message as the edge does, with the spending the read models know of."""
        given = {"message_id": self.new_id()} | more
        usage, counted_to = await spending_on(self.connection, self.clock.now().date())
        await self.do(ask(**{"usage": usage, "counted_to": counted_to} | given))
        return UUID(str(given["message_id"]))

    def new_id(self) -> UUID:
        self._count += 1
        return uuid5(IDS, str(self._count))

    async def pass_time(self, by: timedelta = timedelta(0)) -> None:
        """Moves the clock and waits until nothing is due any more."""
        self.clock.advance(by)
        due = "select count(*) from headwater.tasks where state = 'running' or state = 'waiting' and due_at <= %s"
        async with asyncio.timeout(60):
            while await (await self.connection.execute(due, (self.clock.now(),))).fetchone() != (0,):
                await asyncio.sleep(0.01)


@asynccontextmanager
async def running(dsn: str) -> AsyncIterator[Running]:
    """The context over this database, at NOW."""
    clock, sms, mail = ManualClock(NOW), Provider(), Provider()
    performers: dict[tuple[str, type[Effect]], AnyConnector] = {
        ("communication", SendText): sms,
        ("communication", SendMail): mail,
        ("communication", SendVerificationCode): Provider(),
        ("communication", FindSenders): OwnerSearch(dsn, SECRETS.salt),
        ("communication", FindOwners): OwnerSearch(dsn, SECRETS.salt),
        ("communication", MarkAddress): AddressMark(dsn, SECRETS),
        ("communication", ForgetMessages): Provider(),
    }
    runtime = EmbeddedRuntime(dsn, [CONTEXT], bytes(32), clock, performers, PARTITIONS)
    async with runtime.run(), await connect(dsn) as connection:
        yield Running(runtime, clock, sms, connection)


async def report(world: Running, kind: ReceiptKind, provider_id: str | None) -> None:
    assert provider_id is not None
    found = await delivery_by_provider_id(world.connection, provider_id)
    assert found is not None
    await world.do(
        RecordReceipt(
            at=NOW,
            message_id=found.message_id,
            user_id=found.user_id,
            channel=found.channel,
            provider="provider",
            provider_id=provider_id,
            kind=kind,
            word=kind.value,
        )
    )


async def delivered(world: Running, *kinds: ReceiptKind, **more: object) -> str:
    """A message that came out with these reports; its provider's id."""
    message = await message_by_id(world.connection, await world.ask(**more))
    assert message is not None
    await world.pass_time()
    message = await message_by_id(world.connection, message.message_id)
    assert message is not None
    provider_id = message.deliveries[0].provider_id
    for kind in (ReceiptKind.DELIVERED, *kinds):
        await report(world, kind, provider_id)
    assert provider_id is not None
    return provider_id

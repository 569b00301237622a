"""The whole context on the runtime in memory, with providers that answer as told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from commands.communication.effects import (
    NOT_ALLOWED,
    FindOwners,
    FindSenders,
    MarkAddress,
    SendMail,
    SendText,
)
from commands.communication.wiring import COMMUNICATION
from domain.communication.addresses import canonical
from domain.communication.budget import BudgetUsage
from domain.communication.kinds import Channel, TriggerType
from domain.communication.recipient import Recipient, evolve
from domain.messages import Command, Event
from projections.communication import READ_MODELS
from projections.communication.queries.consent_check import SendPermission, check
from streams.core.calls import Accepted, Rejected, Verdict
from streams.core.clock import ManualClock
from streams.core.envelope import Outcome
from streams.core.partitions import key_in_each, partition_of
from streams.testing import MemoryRuntime
from tests.commands.communication.people import ADA, ALERT, NOW, ask, mail_consent, sms_consent

CONTEXT = replace(COMMUNICATION, read_models=READ_MODELS)


def accept(_effect: Any, key: str) -> Verdict:
    return Accepted(f"id-{key}")


def mark(channel: Channel, address: str | None) -> str:
    """The mark of an address, in the clear."""
    return "" if address is None else f"mark of {canonical(channel, address)}"


class World:
    """Commands in, providers' answers and time as told, tables and journal out."""

    def __init__(self, start: datetime = NOW) -> None:
        self.clock = ManualClock(start)
        self.runtime = MemoryRuntime([CONTEXT], self.clock)
        self.provider: Callable[[Any, str], Verdict] = accept
        self.search: Callable[[FindSenders | FindOwners], Verdict] = self.owners
        self.sent: list[Any] = []
        self._numbers = iter(range(1000, 10**9))

    def do(self, command: Command) -> Outcome:
        """Decides the command, at the world's present time."""
        return self.runtime.do(command.model_copy(update={"at": self.clock.now()}), "communication")

    def agree(self, user_id: int = ADA) -> None:
        """The person agrees to everything on both channels."""
        for command in (*sms_consent(user_id, self.new_id()), mail_consent(user_id)):
            self.do(command)

    def agree_at(self, user_id: int, channel: Channel, address: str) -> None:
        """The person agrees to everything on the channel, at this address; as the edge does, with what it reads."""
        if channel is Channel.EMAIL:
            consent = mail_consent(user_id).model_copy(update={"address": address, "dead": self.is_dead(address)})
            self.do(consent)
            return
        for command in sms_consent(user_id, self.new_id()):
            self.do(
                command.model_copy(
                    update={"phone_number": address} if "phone_number" in command.model_fields_set else {}
                )
            )

    def is_dead(self, address: str) -> bool:
        """What the edge reads of a mailbox."""
        return any(row["mark"] == mark(Channel.EMAIL, address) for row in self.rows("communication_dead_mailboxes"))

    def permission(self, user_id: int, channel: Channel, type_: TriggerType = ALERT) -> SendPermission:
        """What a consent check answers now."""
        return check(self.recipient(user_id), channel, type_, self.clock.now())

    def recipient(self, user_id: int) -> Recipient:
        """The person's state, folded from the journal in memory."""
        recipient, stream = Recipient(), f"recipient/{user_id}"
        for recorded in self.runtime.journal:
            if recorded.record.stream == stream:
                recipient = evolve(recipient, recorded.fact)  # type: ignore[arg-type]
        return recipient

    def ask(self, **more: Any) -> UUID:
        """Asks for a message as the edge does, with the spending the read models know of."""
        message_id = self.new_id()
        usage = self.usage()
        self.do(ask(**{"message_id": message_id, "usage": usage} | more))
        return message_id

    def new_id(self) -> UUID:
        return UUID(int=next(self._numbers))

    def run(self, by: timedelta = timedelta(0)) -> None:
        """Lets time pass and does each thing when it is due: a window may be open for minutes only."""
        end = self.clock.now() + by
        self.work()
        while (due := self.runtime.next_due()) is not None and due <= end:
            self.clock.set(due)
            self.work()
        self.clock.set(end)

    def work(self) -> None:
        self.runtime.run_due(self._perform, idempotent=False)

    def _perform(self, effect: Any, key: str) -> Verdict:
        if isinstance(effect, SendText | SendMail) and not self._may_go(effect):
            return Rejected(NOT_ALLOWED, "withdrawn before it went out")
        self.sent.append(effect)
        match effect:
            case MarkAddress():
                keys = key_in_each(effect.report_id, self.runtime.partitions)
                return Accepted(effect.report_id, {"mark": mark(effect.channel, effect.address), "keys": keys})
            case FindSenders() | FindOwners():
                return self.search(effect)
        return self.provider(effect, key)

    def owners(self, effect: FindSenders | FindOwners) -> Verdict:
        """What `effects.communication.owners` would find."""
        channel = Channel.SMS if isinstance(effect, FindSenders) else effect.channel
        columns = ("phone", "pending_phone") if channel is Channel.SMS else ("email",)
        told = effect.told if isinstance(effect, FindSenders) else ()
        found = [
            row["user_id"]
            for row in self.rows("communication_recipients")
            if any(mark(channel, row.get(column)) == effect.mark for column in columns)
        ]
        here = [user for user in found if partition_of(str(user), effect.partitions) == effect.partition]
        return Accepted("found", {"user_ids": [user for user in here if user not in told]})

    def _may_go(self, effect: SendText | SendMail) -> bool:
        """What the worker asks before every try."""
        channel = Channel.SMS if isinstance(effect, SendText) else Channel.EMAIL
        dead = channel is Channel.EMAIL and effect.to is not None and self.is_dead(effect.to)
        return self.permission(effect.user_id, channel, effect.trigger_type).can_send and not dead

    def usage(self) -> BudgetUsage:
        """What `projections.communication.queries.expenditure` would read."""
        today = self.clock.now().date()
        costs = [(row["day"], row["cost"]) for row in self.rows("communication_daily") if "cost" in row]
        month = [cost for day, cost in costs if (day.year, day.month) == (today.year, today.month)]
        return BudgetUsage(day=today, daily=sum(cost for day, cost in costs if day == today), monthly=sum(month))

    def rows(self, table: str) -> list[dict[str, Any]]:
        return list(self.runtime.tables.get(table, {}).values())

    def delivery(self, message_id: UUID, channel: Channel = Channel.SMS) -> dict[str, Any]:
        return self.runtime.tables["communication_deliveries"][message_id, channel.value]

    def message(self, message_id: UUID) -> dict[str, Any]:
        return self.runtime.tables["communication_messages"][(message_id,)]

    def facts(self) -> Iterator[Event]:
        return (recorded.fact for recorded in self.runtime.journal)

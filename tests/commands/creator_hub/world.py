"""The whole context on the runtime in memory: one creator, members on any channel, providers that answer as told."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from commands.creator_hub.channel import CreateChannel, VerifyChannel
from commands.creator_hub.effects import (
    AnswerMember,
    BuildExport,
    EmbedChunks,
    ExtractText,
    FindInactive,
    MailExport,
    SendToMember,
    SetWebhook,
)
from commands.creator_hub.enrollment import Enroll
from commands.creator_hub.member import ReceiveMessage
from commands.creator_hub.program import CreateProgram, PublishProgram
from commands.creator_hub.wiring import CREATOR_HUB
from domain.calls.outbox import ForgetMessages
from domain.creator_hub.enrollment import EnrolledBy
from domain.creator_hub.kinds import ChannelType, derived_id
from domain.creator_hub.member import message_id
from domain.creator_hub.message import MessageQueued
from domain.messages import Command, Effect, Event
from streams.core.calls import Accepted, Rejected, Verdict
from streams.core.clock import ManualClock
from streams.core.envelope import Outcome, Status
from streams.testing import MemoryRuntime

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
CREATOR = "coach"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
VECTOR = base64.b64encode(bytes(8)).decode()

Perform = Callable[[Any], Verdict]


def id_of(*parts: object) -> str:
    return derived_id("test", *parts)


class World:
    """Commands in, providers' answers and time as told, journal out."""

    def __init__(self, creator: str = CREATOR, runtime: MemoryRuntime | None = None) -> None:
        self.creator = creator
        self.runtime = runtime or MemoryRuntime([CREATOR_HUB], ManualClock(NOW), partitions=1)
        self.answers: dict[type[Effect], Perform] = dict(ANSWERS)
        self.calls: list[Effect] = []
        self.model = True

    @property
    def clock(self) -> ManualClock:
        assert isinstance(self.runtime.clock, ManualClock)
        return self.runtime.clock

    def do(self, command: Command, **envelope: Any) -> Outcome:
        """Decide a command at the time that it is, and all that is due then."""
        outcome = self.runtime.do(command.model_copy(update={"at": self.clock.now()}), "creator_hub", **envelope)
        assert outcome.status is not Status.FAILED, outcome
        self.settle()
        return outcome

    def settle(self) -> None:
        """Perform all that is due."""
        self.runtime.run_due(self._perform, idempotent=False)
        assert self.runtime.kept() == []

    def wait(self, time: timedelta) -> None:
        """Let time pass; what falls due meanwhile happens when it is due."""
        end = self.clock.now() + time
        while (due := self.runtime.next_due()) is not None and due <= end:
            self.clock.set(max(due, self.clock.now()))
            self.settle()
        self.clock.set(end)

    def _perform(self, effect: Any, _key: str) -> Verdict:
        self.calls.append(effect)
        return self.answers[type(effect)](effect)

    def facts(self, *types: type[Event]) -> list[Any]:
        """The recorded events of these types."""
        return [one.fact for one in self.runtime.journal if isinstance(one.fact, types)]

    def kinds(self) -> list[str]:
        """The names of all recorded events but outcomes, without context and version."""
        facts = [one.fact for one in self.runtime.journal if one.fact.name.startswith("creator_hub.")]
        return [".".join(fact.name.split(".")[1:3]) for fact in facts]

    def channel(self, type_: ChannelType = ChannelType.WEB, **configuration: Any) -> str:
        """An active channel."""
        channel = id_of(self.creator, type_)
        credentials = ("bot_token",) if type_ is ChannelType.TELEGRAM else ()
        self.do(
            CreateChannel(
                at=NOW,
                creator_id=self.creator,
                channel_id=channel,
                channel_type=type_,
                channel_name=type_.value,
                configuration=configuration,
                credentials=credentials,
                vault=id_of(channel, "vault") if credentials else None,
                ai_interactions=100,
            )
        )
        self.do(VerifyChannel(at=NOW, creator_id=self.creator, channel_id=channel))
        return channel

    def member(self, address: str, type_: ChannelType = ChannelType.WEB) -> str:
        return id_of(self.creator, type_, address)

    def says(self, address: str, text: str | None, type_: ChannelType = ChannelType.WEB, number: int = 1) -> Outcome:
        """A member writes on the channel of this type."""
        user, provider_id = self.member(address, type_), f"{address}-{number}"
        return self.do(
            ReceiveMessage(
                at=NOW,
                creator_id=self.creator,
                user_id=user,
                channel_id=id_of(self.creator, type_),
                message_id=message_id(user, provider_id),
                provider_id=provider_id,
                address=address,
                member_name=address.title(),
                content="text" if text is not None else "image",
                text=text,
                language=None,
                said_at=self.clock.now(),
                model=self.model,
            ),
            command_id=UUID(id_of(type_, provider_id)),
        )

    def program(self, *nodes: dict[str, Any], name: str = "Way", **settings: Any) -> str:
        """A published program of nodes in a row."""
        program = id_of(self.creator, name)
        flow = row(*nodes)
        self.do(
            CreateProgram(
                at=NOW,
                creator_id=self.creator,
                program_id=program,
                program_name=name,
                description="",
                flow_definition=flow,
                settings=settings,
            )
        )
        self.publish(program, 1)
        return program

    def publish(self, program: str, number: int) -> None:
        flow = id_of(program, "flow", number)
        self.do(PublishProgram(at=NOW, creator_id=self.creator, program_id=program, flow_id=flow))

    def enroll(self, user: str, program: str) -> Outcome:
        return self.do(Enroll(at=NOW, creator_id=self.creator, user_id=user, program_id=program, by=EnrolledBy.REQUEST))

    def sent(self) -> list[str]:
        """The texts that were queued, in order."""
        return [str(fact.text) for fact in self.facts(MessageQueued)]


def node(id_: str, kind: str, **data: Any) -> dict[str, Any]:
    return {"id": id_, "type": kind, "position": {"x": 0, "y": 0}, "data": data}


def send(id_: str, text: str, delay_hours: float = 0) -> dict[str, Any]:
    return node(id_, "send_message", message=text, delay_hours=delay_hours)


def edge(source: str, target: str, label: str = "") -> dict[str, Any]:
    return {"id": f"{source}-{target}-{label}", "source": source, "target": target} | (
        {"label": label} if label else {}
    )


def row(*nodes: dict[str, Any]) -> dict[str, Any]:
    """A flow of nodes in a row behind a start."""
    all_ = [node("start", "start"), *nodes]
    edges = [edge(one["id"], other["id"]) for one, other in pairwise(all_)]
    return {"nodes": all_, "edges": edges}


def chunk(index: int) -> dict[str, Any]:
    return {
        "index": index,
        "text": f"chunk {index}",
        "start": 10 * index,
        "end": 10 * index + 8,
        "lead": "" if index == 0 else "\n\n",
        "repeated": 0,
        "page": None,
        "vector": VECTOR,
    }


def extracted(chunks: int) -> Perform:
    """An extraction that plans so many chunks."""

    def answer(effect: ExtractText) -> Verdict:
        text, plan = id_of(effect.document_id, "text"), id_of(effect.document_id, "plan")
        output = {"text_object": text, "plan_object": plan, "chunks": chunks, "characters": 10 * chunks}
        return Accepted("extract", output | {"splitter": "test 1"})

    return answer


def embedded(of: int, most: int = 16) -> Perform:
    """Batches of a document of so many chunks."""

    def answer(effect: EmbedChunks) -> Verdict:
        batch = [chunk(index) for index in range(effect.first, min(effect.first + most, of))]
        return Accepted("embed", {"model": "test", "tokens": 3, "chunks": batch})

    return answer


def replied(text: str = "An answer.") -> Perform:
    usage = {"input_tokens": 10, "output_tokens": 5, "cost_microcents": 7}
    output = {"text": text, "citations": [], "prompt_version": "1", "model": "test", "usage": usage}
    return lambda _effect: Accepted("model", output)


def refused(code: str = "refused", output: dict[str, Any] | None = None) -> Perform:
    return lambda _effect: Rejected(code, "no", output=output)


ANSWERS: dict[type[Effect], Perform] = {
    ExtractText: extracted(3),
    EmbedChunks: embedded(3),
    AnswerMember: replied(),
    SendToMember: lambda _effect: Accepted("provider-1"),
    SetWebhook: lambda _effect: Accepted("webhook"),
    FindInactive: lambda _effect: Accepted("rows", {"due": [], "next": None, "next_due": None}),
    BuildExport: lambda _effect: Accepted("files", {"files": [], "position": 1}),
    MailExport: lambda _effect: Accepted("mail-1"),
    ForgetMessages: lambda _effect: Accepted("outbox"),
}

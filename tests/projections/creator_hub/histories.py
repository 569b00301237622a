"""Histories of creators: events as the context's deciders make them, one after the other, by a clock that moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self, TypeVar

from domain.creator_hub.channel import ChannelCreated, ChannelStatus
from domain.creator_hub.enrollment import (
    Completed,
    Enrolled,
    EnrolledBy,
    StepAnswered,
    StepAwaiting,
    StepBegun,
    StepDelivered,
    StepScheduled,
    enrollment_id,
    step_message_id,
)
from domain.creator_hub.kinds import ChannelType
from domain.creator_hub.member import Awaiting, Escalated, EscalationReason, MemberRegistered, MessageReceived
from domain.creator_hub.message import (
    Cause,
    CauseKind,
    MessageDelivered,
    MessageFailed,
    MessageQueued,
    MessageSent,
    MessageUnconfirmed,
)
from domain.creator_hub.program import FlowPinned, ProgramCreated, ProgramPublished
from domain.creator_hub.reply import ReplyCause, ReplyComposed, ReplyRequested, Usage
from domain.creator_hub.rule import RuleCreated
from domain.creator_hub.trigger import EngagementSucceeded, RuleSkipped, RuleTriggered
from domain.messages import Event
from tests.projections.tables import Written

NAME = "creator_hub"
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
CREATOR, OTHER = "creator-1", "creator-2"
NODES: tuple[dict[str, Any], ...] = (
    {"id": "start", "type": "start"},
    {"id": "hello", "type": "send_message"},
    {"id": "ask", "type": "wait_for_reply"},
    {"id": "end", "type": "end"},
)
E = TypeVar("E", bound=Event)


class World:
    """A history in the making. Ids are the creator's and a name, so that two creators have nothing in common."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now
        self.history: list[Written] = []
        self.registered: dict[str, MemberRegistered] = {}
        self.active: dict[str, float] = {}
        self.last_active_at: dict[str, datetime] = {}
        self.on_channels: set[tuple[str, str]] = set()
        self.numbers: Iterator[int] = iter(range(1_000_000))

    @classmethod
    def of_events(cls, events: Sequence[Event], key: str, now: datetime) -> Self:
        """The world in which these have happened, under one key."""
        world = cls(now)
        world.history = [(key, event) for event in events]
        world.registered = {one.user_id: one for one in world.of(MemberRegistered)}
        world.active = {one.user_id: one.activity for one in world.of(MessageReceived)}
        world.last_active_at = {one.user_id: one.at for one in world.of(MessageReceived)}
        return world

    def wait(self, **time: float) -> None:
        self.now += timedelta(**time)

    def of(self, kind: type[E]) -> list[E]:
        """The events of a kind so far."""
        return [event for _, event in self.history if isinstance(event, kind)]

    def record(self, type_: type[E], creator: str, /, **fields: Any) -> E:
        event = type_.model_validate({"at": self.now, "creator_id": creator, **fields})
        self.history.append((creator, event))
        return event

    def channel(self, creator: str, channel_type: ChannelType, name: str = "") -> str:
        channel_id = f"{creator}/{name or channel_type.value}"
        self.record(
            ChannelCreated,
            creator,
            channel_id=channel_id,
            channel_type=channel_type,
            channel_name=name or channel_type.value.title(),
            configuration={"welcome_message": "Hello"},
            credentials=(),
            vault=None,
            status=ChannelStatus.ACTIVE,
            sets_webhook=False,
        )
        return channel_id

    def program(self, creator: str, name: str, **fields: Any) -> str:
        """A draft."""
        program_id = f"{creator}/{name}"
        about = {"description": f"About {name}", "flow_definition": {}, "settings": {}}
        self.record(ProgramCreated, creator, program_id=program_id, program_name=name, **about | fields)
        return program_id

    def publish(self, creator: str, program_id: str, version: int = 2) -> None:
        of = {"program_id": program_id, "version": version, "flow_id": f"{program_id}/{version}"}
        self.record(ProgramPublished, creator, **of)
        self.record(FlowPinned, creator, nodes=NODES, edges=(), **of)

    def register(
        self, creator: str, name: str, channel: str, channel_type: ChannelType, programs: tuple[str, ...] = ()
    ) -> str:
        user_id = f"{creator}/{name}"
        self.registered[user_id] = self.record(
            MemberRegistered,
            creator,
            user_id=user_id,
            channel_id=channel,
            channel_type=channel_type,
            address=f"address of {name}",
            member_name=name.title(),
            language="en",
            programs=programs,
        )
        return user_id

    def receive(self, user_id: str, text: str = "Hi", channel: str = "", **fields: Any) -> MessageReceived:
        member = self.registered[user_id]
        channel = channel or member.channel_id
        since = self.now - self.last_active_at.get(user_id, self.now)
        self.active[user_id] = self.active.get(user_id, 0.0) * 2 ** (-since / timedelta(days=7)) + 1
        self.last_active_at[user_id] = self.now
        first = (channel, user_id) not in self.on_channels
        self.on_channels.add((channel, user_id))
        about: dict[str, Any] = {
            "message_id": f"in-{next(self.numbers)}",
            "provider_id": "p",
            "content": "text",
            "text": text,
            "rating": int(text) if text in set("12345") else None,
            "awaited_by": (),
            "said_at": self.now,
        }
        of = {"user_id": user_id, "channel_id": channel, "channel_type": member.channel_type}
        spell = {"activity": self.active[user_id], "first_on_channel": first}
        return self.record(MessageReceived, member.creator_id, **of, **spell, **about | fields)

    def queue(self, user_id: str, cause: Cause, text: str = "Hello", **fields: Any) -> dict[str, Any]:
        """A message that is queued; gives what its other events have in common."""
        member = self.registered[user_id]
        of = {
            "user_id": user_id,
            "message_id": f"out-{next(self.numbers)}",
            "channel_id": member.channel_id,
            "channel_type": member.channel_type,
            "cause": cause,
        }
        of |= {name: value for name, value in fields.items() if name in of}
        rest: dict[str, Any] = {"to": "address", "text": text, "parts": 1, "template": None}
        rest |= {name: value for name, value in fields.items() if name in rest}
        self.record(MessageQueued, member.creator_id, **of, **rest)
        return of

    def sent(self, of: dict[str, Any]) -> None:
        creator = self.registered[of["user_id"]].creator_id
        self.record(MessageSent, creator, provider_id="p", ai=of["cause"].ai, **of)

    def unconfirmed(self, of: dict[str, Any]) -> None:
        creator = self.registered[of["user_id"]].creator_id
        self.record(MessageUnconfirmed, creator, part=1, reason="no answer", **of)

    def delivered(self, of: dict[str, Any], confirms: bool = False) -> None:
        self.record(MessageDelivered, self.registered[of["user_id"]].creator_id, confirms=confirms, **of)

    def failed(self, of: dict[str, Any]) -> None:
        creator = self.registered[of["user_id"]].creator_id
        self.record(MessageFailed, creator, code="blocked", vault=None, reason="the member has blocked us", **of)

    def reply(self, user_id: str, to: MessageReceived, text: str = "An answer") -> dict[str, Any]:
        """A model's reply, which is queued."""
        creator, reply_id = to.creator_id, f"reply-{next(self.numbers)}"
        of = {"user_id": user_id, "reply_id": reply_id, "cause": ReplyCause(message_ids=(to.message_id,))}
        asked = {"asked_at": to.at, "knowledge_base_ids": (), "cite_sources": False, "only_knowledge": False}
        self.record(ReplyRequested, creator, channel_id=to.channel_id, text=to.text, **of, **asked)
        cause = Cause(kind=CauseKind.REPLY, ai=True, reply_id=reply_id, answered_at=to.at)
        composed = {"citations": (), "prompt_version": "1", "model": "m", "usage": Usage()}
        self.record(ReplyComposed, creator, message_id=f"of {reply_id}", text=text, **of, **composed)
        return self.queue(user_id, cause, text, message_id=f"of {reply_id}")

    def enroll(self, user_id: str, program_id: str, version: int = 2) -> Enrolled:
        return self.record(
            Enrolled,
            self.registered[user_id].creator_id,
            **self.enrolled(user_id, program_id),
            program_name="as it was named",
            flow_id=f"{program_id}/{version}",
            version=version,
            by=EnrolledBy.REQUEST,
        )

    def enrolled(self, user_id: str, program_id: str) -> dict[str, str]:
        """What events of an enrolment have in common."""
        return {"user_id": user_id, "program_id": program_id, "enrollment_id": enrollment_id(user_id, program_id)}

    def step(self, user_id: str, program_id: str, n: int, node: str, passed: tuple[str, ...] = ()) -> dict[str, Any]:
        of = self.enrolled(user_id, program_id) | {"n": n, "node": node}
        member = self.registered[user_id]
        due = {
            "flow_id": "flow",
            "kind": "send_message",
            "channel_id": member.channel_id,
            "due_at": self.now,
            "time_zone": "UTC",
        }
        self.record(StepScheduled, member.creator_id, **of, **due, passed=passed, unbroken=1, attempt=1)
        return of

    def send_step(self, user_id: str, program_id: str, n: int, node: str, passed: tuple[str, ...] = ()) -> None:
        """A step that sends a message, done."""
        creator, of = self.registered[user_id].creator_id, self.step(user_id, program_id, n, node, passed)
        message = step_message_id(enrollment_id(user_id, program_id), n, 1)
        self.record(StepBegun, creator, flow_id="flow", message_id=message, **of)
        cause = Cause(kind=CauseKind.STEP, program_id=program_id, n=n)
        self.sent(self.queue(user_id, cause, message_id=message))
        self.record(StepDelivered, creator, progress=0.5, unconfirmed=False, **of)

    def await_reply(self, user_id: str, program_id: str, n: int, node: str) -> dict[str, Any]:
        """A step that waits for a reply; gives what its other events have in common."""
        of = self.step(user_id, program_id, n, node)
        creator = self.registered[user_id].creator_id
        self.record(StepAwaiting, creator, flow_id="flow", channel_id="channel", until=None, **of)
        return of

    def answer(self, of: dict[str, Any]) -> None:
        """The reply that a step waits for."""
        awaited = Awaiting(program_id=of["program_id"], n=of["n"], held=False, flow_id="flow", rating=False)
        message = self.receive(of["user_id"], awaited_by=(awaited,))
        self.record(StepAnswered, message.creator_id, replied=True, rating=None, progress=0.75, **of)

    def complete(self, enrolled: Enrolled, passed: tuple[str, ...] = ()) -> None:
        of = self.enrolled(enrolled.user_id, enrolled.program_id)
        about = {"program_name": "named", "enrolled_at": enrolled.at, "passed": passed}
        self.record(Completed, enrolled.creator_id, **of, **about)

    def rule(self, creator: str, name: str) -> str:
        rule_id = f"{creator}/{name}"
        self.record(
            RuleCreated,
            creator,
            rule_id=rule_id,
            rule_name=name,
            description=f"About {name}",
            trigger_conditions={"type": "inactivity"},
            actions=({"type": "send_message"},),
            is_active=True,
            threshold_seconds=3600,
            applies_to="all_users",
            since=None,
            status_reason=None,
        )
        return rule_id

    def trigger(self, user_id: str, rule_id: str) -> RuleTriggered:
        member = self.registered[user_id]
        of = {"user_id": user_id, "rule_id": rule_id, "trigger_id": f"trigger-{next(self.numbers)}"}
        spell = {"channel_id": member.channel_id, "spell": self.last_active_at.get(user_id, member.at)}
        return self.record(RuleTriggered, member.creator_id, delays=(0.0,), **of, **spell)

    def skip_rule(self, user_id: str, rule_id: str, reason: str = "outside_window") -> RuleSkipped:
        member = self.registered[user_id]
        of = {"user_id": user_id, "rule_id": rule_id, "trigger_id": f"trigger-{next(self.numbers)}"}
        spell = self.last_active_at.get(user_id, member.at)
        return self.record(RuleSkipped, member.creator_id, spell=spell, reason=reason, **of)

    def succeed(self, trigger: RuleTriggered) -> None:
        of = {"user_id": trigger.user_id, "rule_id": trigger.rule_id, "trigger_id": trigger.trigger_id}
        seconds = (self.now - trigger.at).total_seconds()
        self.record(EngagementSucceeded, trigger.creator_id, triggered_at=trigger.at, seconds=seconds, **of)

    def escalate(self, user_id: str) -> None:
        member = self.registered[user_id]
        about = {"number": 1, "reason": EscalationReason.WORDS, "message_id": None}
        self.record(Escalated, member.creator_id, user_id=user_id, channel_type=member.channel_type, **about)


def day(at: datetime) -> date:
    return at.astimezone(UTC).date()

"""What a step of a flow does when it is due, by the type of its node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from commands.creator_hub.dispatch import OUTSIDE_WINDOW, Outgoing, queued, refusal, template_needed
from commands.creator_hub.replies import Asking, reply_message_id, requested
from commands.creator_hub.way import Way
from domain.creator_hub.account import Account
from domain.creator_hub.allowance import Allowance
from domain.creator_hub.channel import Channel, Template
from domain.creator_hub.enrollment import StepAwaiting, StepBegun, StepDelivered, StepSkipped
from domain.creator_hub.flow import AI, BADGE, ENROLL, ESCALATE, SEND, WAIT, WAIT_FOR_REPLY, hours
from domain.creator_hub.member import Awaiting, Escalated, EscalationReason, Member, ReplyAwaited
from domain.creator_hub.message import Cause, CauseKind
from domain.creator_hub.placeholders import filled
from domain.creator_hub.reply import ReplyCause, ReplyRequested, ReplySkipped
from domain.messages import Event

NEVER_SENT = "empty_message"
UNKNOWN_TYPE = "unknown_type"


@dataclass(frozen=True)
class Journey:
    """A step that is due, with all that decides what it does."""

    at: datetime
    message_id: str
    way: Way
    member: Member
    channel: Channel
    account: Account
    allowance: Allowance

    def begin(self) -> Iterator[Event]:
        """The events of the step, and of those after it as far as it is settled at once."""
        match self.way.node.kind:
            case kind if kind in (SEND, AI):
                return self._message()
            case kind if kind == WAIT:
                return self._done()
            case kind if kind == WAIT_FOR_REPLY:
                return self._await()
            case kind if kind == BADGE:
                return self._badge()
            case kind if kind == ESCALATE:
                return self._escalate()
            case kind if kind == ENROLL:
                return self._enroll()
            case _:
                return self._skip(UNKNOWN_TYPE)

    def _done(self) -> Iterator[Event]:
        return self.way.settled(StepDelivered(**self.way.about_settled(), unconfirmed=False))

    def _skip(self, reason: str) -> Iterator[Event]:
        return self.way.settled(StepSkipped(**self.way.about_settled(), reason=reason))

    def _message(self) -> Iterator[Event]:
        reason, template = refusal(self.member), template_needed(self.member, self.channel, self.at)
        if reason is not None:
            yield from self._skip(reason)
        elif template == OUTSIDE_WINDOW:
            yield from self.way.held()
        elif self.way.node.kind == AI and template is None:
            yield from self._ask()
        else:
            yield from self._send(template if isinstance(template, Template) else None)

    def _send(self, template: Template | None) -> Iterator[Event]:
        text = filled(self._words(), self.member.profile).strip()
        if not text:
            yield from self._skip(NEVER_SENT)
            return
        way = self.way
        cause = Cause(kind=CauseKind.STEP, program_id=way.program_id, flow_id=way.flow_id, n=way.n)
        outgoing = Outgoing(self.at, way.creator_id, way.user_id, self.message_id, text, cause, template)
        yield StepBegun(**way.about_step(), flow_id=way.flow_id, message_id=self.message_id)
        yield from queued(outgoing, self.member)

    def _words(self) -> str:
        data = self.way.node.data
        given = data.get("message") if self.way.node.kind == SEND else data.get("prompt", data.get("message"))
        return given if isinstance(given, str) else ""

    def _ask(self) -> Iterator[Event]:
        """A model words the message, within the hour's allowance; else the step is skipped with the reason."""
        way = self.way
        about = Asking(self.account, self.allowance).about(self.at, way.creator_id, way.user_id, self.member.channel_id)
        cause = ReplyCause(program_id=way.program_id, flow_id=way.flow_id, n=way.n)
        text = filled(self._words(), self.member.profile)
        asked = list(requested(about, cause, text, self.channel, self.at))
        yield from asked
        skipped = next((one for one in asked if isinstance(one, ReplySkipped)), None)
        if skipped is not None:
            yield from self._skip(skipped.reason)
            return
        request = next(one for one in asked if isinstance(one, ReplyRequested))
        yield StepBegun(**way.about_step(), flow_id=way.flow_id, message_id=reply_message_id(request.reply_id))

    def _await(self) -> Iterator[Event]:
        way, data = self.way, self.way.node.data
        timeout = hours(data.get("timeout_hours"))
        until = self.at + timedelta(hours=timeout) if timeout else None
        yield StepAwaiting(**way.about_step(), flow_id=way.flow_id, channel_id=self.member.channel_id, until=until)
        yield ReplyAwaited(
            at=self.at,
            creator_id=way.creator_id,
            user_id=way.user_id,
            awaiting=Awaiting(
                program_id=way.program_id,
                n=way.n,
                flow_id=way.flow_id,
                held=False,
                rating=bool(data.get("rating")),
            ),
        )

    def _badge(self) -> Iterator[Event]:
        data = self.way.node.data
        badge_id, name = data.get("badge_id"), data.get("badge_name", data.get("name"))
        if not isinstance(badge_id, str) or not badge_id:
            yield from self._skip("no_badge")
            return
        yield from self.way.badge(badge_id, name if isinstance(name, str) and name else badge_id)
        yield from self._done()

    def _enroll(self) -> Iterator[Event]:
        program = self.way.node.data.get("program_id")
        if not isinstance(program, str) or not program:
            return self._skip("no_program")
        return self.way.settled(StepDelivered(**self.way.about_settled(), unconfirmed=False, enrolls=program))

    def _escalate(self) -> Iterator[Event]:
        if not self.member.escalated:
            yield Escalated(
                at=self.at,
                creator_id=self.way.creator_id,
                user_id=self.way.user_id,
                number=self.member.escalation + 1,
                channel_type=self.member.channel_type,
                reason=EscalationReason.FLOW,
                message_id=None,
            )
        yield from self._done()

"""The way of a member through a pinned flow: the next step, its time, and the completion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypedDict

from commands.creator_hub.dispatch import OUTSIDE_WINDOW
from domain.creator_hub.conditions import Facts
from domain.creator_hub.enrollment import Completed, Enrollment, StepHeld, StepScheduled, StepSettled
from domain.creator_hub.flow import PUT_OFF, STEPS_WITHOUT_WAIT, Graph, Node, Step, due_at
from domain.creator_hub.member import Awaiting, BadgeEarned, Member, ReplyAwaited
from domain.creator_hub.program import Flow, Program
from domain.messages import Event

HELD_FOR = timedelta(days=30)
"""How long a step waits for the member to open the window."""


class StepCommand(Protocol):
    """What a command about a step says of its enrolment."""

    @property
    def creator_id(self) -> str: ...
    @property
    def user_id(self) -> str: ...
    @property
    def program_id(self) -> str: ...
    @property
    def enrollment_id(self) -> str: ...
    @property
    def flow_id(self) -> str: ...
    @property
    def n(self) -> int: ...


class AboutEnrollment(TypedDict):
    at: datetime
    creator_id: str
    user_id: str
    program_id: str
    enrollment_id: str


class AboutStep(AboutEnrollment):
    n: int
    node: str


class AboutSettled(AboutStep):
    progress: float


@dataclass(frozen=True)
class Way:
    """An enrolment at its open step, with what decides how it goes on."""

    at: datetime
    creator_id: str
    user_id: str
    program_id: str
    enrollment_id: str
    flow_id: str
    n: int
    enrollment: Enrollment
    graph: Graph
    program: Program
    member: Member

    @classmethod
    def of(
        cls, at: datetime, step: StepCommand, enrollment: Enrollment, flow: Flow, program: Program, member: Member
    ) -> Way:
        about = (step.creator_id, step.user_id, step.program_id, step.enrollment_id, step.flow_id, step.n)
        return cls(at, *about, enrollment, Graph.of(flow), program, member)

    @property
    def node(self) -> Node:
        """The node of the open step."""
        return self.graph.nodes[self.enrollment.node]

    def about(self) -> AboutEnrollment:
        return {
            "at": self.at,
            "creator_id": self.creator_id,
            "user_id": self.user_id,
            "program_id": self.program_id,
            "enrollment_id": self.enrollment_id,
        }

    def about_step(self) -> AboutStep:
        return {**self.about(), "n": self.enrollment.n, "node": self.enrollment.node}

    def about_settled(self) -> AboutSettled:
        """The fields of the event that settles the open step."""
        return {**self.about_step(), "progress": max(self.enrollment.progress, self.graph.progress(self._next()))}

    def _facts(self) -> Facts:
        member, enrollment = self.member, self.enrollment
        return Facts(
            profile=member.profile,
            channel_type=member.channel_type,
            language=member.language,
            time_zone=member.time_zone,
            replied=enrollment.replied,
            rating=enrollment.rating,
        )

    def _next(self) -> Step:
        node = self.node if self.enrollment.node else None
        return self.graph.after(node, self._facts())

    def settled(self, settlement: StepSettled) -> Iterator[Event]:
        """The end of the open step, and what follows."""
        yield settlement
        yield from self.on()

    def on(self) -> Iterator[Event]:
        """The next step, or the end of the program."""
        step = self._next()
        if step.node is None:
            yield from self._completed(step.passed)
            return
        due = due_at(step.node, self.at, self.member.time_zone)
        unbroken = 0 if step.node.waits else self.enrollment.unbroken + 1
        if unbroken > STEPS_WITHOUT_WAIT:
            due, unbroken = due + PUT_OFF, 0
        yield self._scheduled(self.enrollment.n + 1, step.node, due, step.passed, unbroken, 1)

    def _scheduled(
        self, n: int, node: Node, due: datetime, passed: tuple[str, ...], unbroken: int, attempt: int
    ) -> StepScheduled:
        return StepScheduled(
            **self.about(),
            n=n,
            node=node.id,
            flow_id=self.flow_id,
            kind=node.kind,
            channel_id=self.member.channel_id,
            due_at=due,
            time_zone=self.member.time_zone,
            passed=passed,
            unbroken=unbroken,
            attempt=attempt,
        )

    def again(self, due: datetime, attempt: int) -> StepScheduled:
        """The open step, scheduled anew: for another channel or another time."""
        step = self.enrollment
        return self._scheduled(self.n, self.node, due, step.passed, step.unbroken, attempt)

    def held(self) -> Iterator[Event]:
        """The open step waits until the member opens the window."""
        common = {"flow_id": self.flow_id, "channel_id": self.member.channel_id}
        yield StepHeld(**self.about_step(), **common, reason=OUTSIDE_WINDOW, until=self.at + HELD_FOR)
        awaiting = Awaiting(program_id=self.program_id, n=self.n, flow_id=self.flow_id, held=True, rating=False)
        yield ReplyAwaited(at=self.at, creator_id=self.creator_id, user_id=self.user_id, awaiting=awaiting)

    def moved(self) -> datetime | None:
        """The later time of a wait for a time of day, where the member's zone has changed since it was scheduled."""
        scheduled_at, zone = self.enrollment.scheduled_at, self.member.time_zone
        if self.node.local_time is None or scheduled_at is None or zone == self.enrollment.time_zone:
            return None
        due = due_at(self.node, scheduled_at, zone)
        return due if due > self.at else None

    def _completed(self, passed: tuple[str, ...]) -> Iterator[Event]:
        enrolled = self.enrollment.enrolled
        assert enrolled is not None
        name = self.program.program_name
        yield Completed(**self.about(), program_name=name, enrolled_at=enrolled.at, passed=passed)
        if self.program.badge is not None:
            yield from self.badge(*self.program.badge)

    def badge(self, badge_id: str, badge_name: str) -> Iterator[Event]:
        """A badge, which is earned once."""
        if badge_id not in self.member.badges:
            yield BadgeEarned(
                at=self.at,
                creator_id=self.creator_id,
                user_id=self.user_id,
                badge_id=badge_id,
                badge_name=badge_name,
                program_id=self.program_id,
            )

"""A member's way through one program: the flow that it is pinned to, the steps, and the completion.

A step is a node that acts. It is scheduled, begins when it is due, and is settled; then the next one is scheduled. `n`
counts steps from 1 and guards against repeats: what comes for another step than the open one changes nothing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from pydantic import BaseModel, ConfigDict

from domain.creator_hub.kinds import OfMember, derived_id
from domain.messages import Instant


class EnrolledBy(StrEnum):
    """REQUEST: the creator. AUTO: the program, as the member registered. FLOW: a step of another program."""

    REQUEST = "request"
    AUTO = "auto"
    FLOW = "flow"


class OfEnrollment(OfMember):
    program_id: str
    enrollment_id: str


class Enrolled(OfEnrollment, name="creator_hub.enrollment.enrolled.v1"):
    """`flow_id` and `version` hold for this enrolment for ever."""

    program_name: str
    flow_id: str
    version: int
    by: EnrolledBy


class OfStep(OfEnrollment):
    n: int
    node: str


class StepScheduled(OfStep, name="creator_hub.enrollment.step_scheduled.v1"):
    """The step begins at `due_at`. `passed` are the nodes between the step before and this one.

    `channel_id` is the channel the member last wrote on, `time_zone` the member's. `unbroken` counts the steps since
    the last wait. `attempt` counts from 1: a step that was held is begun again, with another message.
    """

    flow_id: str
    kind: str
    channel_id: str
    due_at: Instant
    time_zone: str
    passed: tuple[str, ...]
    unbroken: int
    attempt: int


class StepBegun(OfStep, name="creator_hub.enrollment.step_begun.v1"):
    """A message is on its way; its fate settles the step."""

    flow_id: str
    message_id: str


class StepHeld(OfStep, name="creator_hub.enrollment.step_held.v1"):
    """The step waits until the member writes, at most until `until`."""

    flow_id: str
    channel_id: str
    reason: str
    until: Instant


class StepAwaiting(OfStep, name="creator_hub.enrollment.step_awaiting.v1"):
    """The step waits for a reply of the member, at most until `until` (None: as long as it takes)."""

    flow_id: str
    channel_id: str
    until: Instant | None


class _Settled(OfStep):
    """The end of a step. `progress` is the share of the program that is done: 0 to 1."""

    progress: float


class StepDelivered(_Settled, name="creator_hub.enrollment.step_delivered.v1"):
    """The step is done. `unconfirmed`: the provider did not say whether it took the message.

    `enrolls` is the program that the step takes the member into; None for any other step.
    """

    unconfirmed: bool
    enrolls: str | None = None


class StepAnswered(_Settled, name="creator_hub.enrollment.step_answered.v1"):
    """The member's reply came, or its time ran out. `rating` is that of the reply, 1 to 5."""

    replied: bool
    rating: int | None


class StepSkipped(_Settled, name="creator_hub.enrollment.step_skipped.v1"):
    reason: str


class StepFailed(_Settled, name="creator_hub.enrollment.step_failed.v1"):
    code: str


class Completed(OfEnrollment, name="creator_hub.enrollment.completed.v1"):
    """The end of the flow. `passed` are the nodes behind the last step."""

    program_name: str
    enrolled_at: Instant
    passed: tuple[str, ...]


StepSettled = StepDelivered | StepAnswered | StepSkipped | StepFailed
EnrollmentEvent = Enrolled | StepScheduled | StepBegun | StepHeld | StepAwaiting | StepSettled | Completed


class StepPhase(StrEnum):
    NONE = "none"
    SCHEDULED = "scheduled"
    BEGUN = "begun"
    HELD = "held"
    AWAITING = "awaiting"
    SETTLED = "settled"


class Enrollment(BaseModel):
    """The state. `replied` and `rating` are those of the last reply that a step waited for."""

    model_config = ConfigDict(frozen=True)

    enrolled: Enrolled | None = None
    completed: bool = False
    phase: StepPhase = StepPhase.NONE
    n: int = 0
    node: str = ""
    kind: str = ""
    scheduled_at: Instant | None = None
    time_zone: str = "UTC"
    passed: tuple[str, ...] = ()
    unbroken: int = 0
    attempt: int = 1
    progress: float = 0.0
    replied: bool = False
    rating: int | None = None

    def is_at(self, n: int, *phases: StepPhase) -> bool:
        """Whether this step is the open one, in one of these phases."""
        return not self.completed and self.n == n and self.phase in phases


def enrollment_id(user_id: str, program_id: str) -> str:
    """The id of a member's one enrolment in a program."""
    return derived_id("enrollment", user_id, program_id)


def step_message_id(enrollment: str, n: int, attempt: int) -> str:
    """The id of the message that a step sends in this attempt."""
    return derived_id("step", enrollment, n, attempt)


def evolve(enrollment: Enrollment, event: EnrollmentEvent) -> Enrollment:
    match event:
        case Enrolled():
            return Enrollment(enrolled=event)
        case StepScheduled():
            return _scheduled(enrollment, event)
        case StepBegun():
            return enrollment.model_copy(update={"phase": StepPhase.BEGUN})
        case StepHeld():
            return enrollment.model_copy(update={"phase": StepPhase.HELD})
        case StepAwaiting():
            return enrollment.model_copy(update={"phase": StepPhase.AWAITING})
        case StepAnswered():
            answer = {"replied": event.replied, "rating": event.rating}
            return _settled(enrollment, event).model_copy(update=answer)
        case StepDelivered() | StepSkipped() | StepFailed():
            return _settled(enrollment, event)
        case Completed():
            return enrollment.model_copy(update={"completed": True, "progress": 1.0})
        case _:
            assert_never(event)


def _scheduled(enrollment: Enrollment, event: StepScheduled) -> Enrollment:
    step = {"phase": StepPhase.SCHEDULED, "n": event.n, "node": event.node, "kind": event.kind}
    time = {"scheduled_at": event.at, "time_zone": event.time_zone, "attempt": event.attempt}
    return enrollment.model_copy(update=step | time | {"passed": event.passed, "unbroken": event.unbroken})


def _settled(enrollment: Enrollment, event: StepSettled) -> Enrollment:
    progress = max(enrollment.progress, event.progress)
    return enrollment.model_copy(update={"phase": StepPhase.SETTLED, "progress": progress})

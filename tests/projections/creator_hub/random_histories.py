"""Random histories of two creators, as Hypothesis makes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from domain.creator_hub.enrollment import Enrolled
from domain.creator_hub.kinds import ChannelType
from domain.creator_hub.member import MessageReceived
from domain.creator_hub.message import Cause, CauseKind
from tests.projections.creator_hub.histories import CREATOR, OTHER, World

CREATORS = (CREATOR, OTHER)
NAMES = ("ana", "bea", "cleo")
TYPES = (ChannelType.WEB, ChannelType.WHATSAPP)


class Step(NamedTuple):
    """What happens: to which member of which creator, in which of a few ways, and so many hours after the last one."""

    kind: str
    creator: str
    name: str
    way: int
    hours: int


class Story(World):
    """A world in which steps happen, as far as they can."""

    def __init__(self) -> None:
        super().__init__()
        self.enrolled_ones: list[Enrolled] = []
        self.ended: set[str] = set()
        for creator in CREATORS:
            for channel_type in TYPES:
                self.channel(creator, channel_type)
                self.channel(creator, channel_type, f"second {channel_type.value}")
            for name in ("first", "second"):
                self.publish(creator, self.program(creator, name))
                self.rule(creator, name)

    def happen(self, step: Step) -> None:
        self.wait(hours=step.hours)
        user_id = f"{step.creator}/{step.name}"
        if user_id not in self.registered:
            channel_type = TYPES[step.way % 2]
            program = f"{step.creator}/first"
            programs = (program,) if step.way > 1 else ()
            channel = f"{step.creator}/{channel_type.value}"
            self.register(step.creator, step.name, channel, channel_type, programs)
        STEPS[step.kind](self, user_id, step.way)

    def send(self, user_id: str, way: int) -> None:
        """A message with one of its fates, by a rule, a program, or as a model's reply to the last message."""
        received = [one for one in self.of(MessageReceived) if one.user_id == user_id]
        if way == 0 and received:
            return self.sent(self.reply(user_id, received[-1]))
        if way == 1:
            return self.deliver(user_id)
        program = f"{self.registered[user_id].creator_id}/second"
        step = Cause(kind=CauseKind.STEP, ai=way == 3, program_id=program, n=1)
        return self.sent(self.queue(user_id, step if way > 1 else Cause(kind=CauseKind.RULE)))

    def deliver(self, user_id: str) -> None:
        """A message that was accepted, with the provider's report on it."""
        of = self.queue(user_id, Cause(kind=CauseKind.RULE))
        self.sent(of)
        self.delivered(of)

    def lose(self, user_id: str, way: int) -> None:
        of = self.queue(user_id, Cause(kind=CauseKind.RULE, ai=way == 1))
        if way == 3:
            return self.failed(of)
        self.unconfirmed(of)
        if way < 2:
            self.wait(hours=30)
            self.delivered(of, confirms=True)
        return None

    def hear(self, user_id: str, way: int) -> None:
        self.receive(user_id, str(way + 1))

    def hear_elsewhere(self, user_id: str, _way: int) -> None:
        member = self.registered[user_id]
        self.receive(user_id, channel=f"{member.creator_id}/second {member.channel_type.value}")

    def join(self, user_id: str, way: int) -> None:
        program = f"{self.registered[user_id].creator_id}/{('first', 'second')[way % 2]}"
        if all((one.user_id, one.program_id) != (user_id, program) for one in self.enrolled_ones):
            self.enrolled_ones.append(self.enroll(user_id, program))

    def finish(self, user_id: str, _way: int) -> None:
        for one in self.enrolled_ones:
            if one.user_id == user_id and one.enrollment_id not in self.ended:
                self.ended.add(one.enrollment_id)
                return self.complete(one)
        return None

    def ask_for_a_person(self, user_id: str, _way: int) -> None:
        self.escalate(user_id)

    def follow_up(self, user_id: str, way: int) -> None:
        rule = f"{self.registered[user_id].creator_id}/{('first', 'second')[way % 2]}"
        if way == 3:
            self.skip_rule(user_id, rule)
            return
        trigger = self.trigger(user_id, rule)
        if way == 2:
            self.wait(hours=5)
            self.succeed(trigger)


STEPS: dict[str, Callable[[Story, str, int], None]] = {
    "hear": Story.hear,
    "hear elsewhere": Story.hear_elsewhere,
    "send": Story.send,
    "lose": Story.lose,
    "join": Story.join,
    "finish": Story.finish,
    "escalate": Story.ask_for_a_person,
    "follow up": Story.follow_up,
}

steps = st.lists(
    st.builds(
        Step,
        st.sampled_from(("hear", *STEPS)),
        st.sampled_from(CREATORS),
        st.sampled_from(NAMES),
        st.integers(0, 3),
        st.sampled_from((0, 1, 7, 24, 100)),
    ),
    min_size=25,
    max_size=60,
)


def told(happened: Sequence[Step]) -> Story:
    """The history of these steps."""
    story = Story()
    for step in happened:
        story.happen(step)
    return story

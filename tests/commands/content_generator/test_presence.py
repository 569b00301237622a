"""A live session by any interleaving of joins, leaves and sweeps: presence, numbers and the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands.content_generator.live_session import (
    ChangeTechnique,
    CloseConnection,
    EndSession,
    JoinSession,
    SessionOver,
)
from commands.content_generator.wiring import CONTENT_GENERATOR
from domain.content_generator.live_session import (
    ConnectionOpened,
    LiveSession,
    ParticipantJoined,
    ParticipantLeft,
    Role,
    SessionEnded,
    SessionPhase,
    evolve,
)
from domain.messages import Command
from streams.core.clock import ManualClock
from streams.core.envelope import Outcome
from streams.testing import MemoryRuntime
from tests.commands.content_generator.stories import NOW, TENANT

OF: dict[str, Any] = {"session": f"{TENANT}/morning", "tenant": TENANT, "session_id": "morning"}
MARKS = ("ann", "ben", "cat")


@dataclass
class Room:
    """A session on the runtime, beside the plainest account of who is connected."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))
    open: dict[str, tuple[str, Role]] = field(default_factory=dict)
    made: int = 0

    def __post_init__(self) -> None:
        self.runtime = MemoryRuntime([CONTENT_GENERATOR], self.clock, partitions=1)

    def do(self, command: Command) -> Outcome:
        return self.runtime.do(command.model_copy(update={"at": self.clock.now()}), CONTENT_GENERATOR.name)

    def join(self, mark: str, role: Role) -> None:
        self.made += 1
        connection = f"c{self.made}"
        command = JoinSession(
            at=NOW,
            mark=mark,
            client_id=mark,
            client_name=mark,
            role=role,
            connection_id=connection,
            node="n",
            **OF,
        )
        outcome = self.do(command)
        if outcome.problem is None:
            self.open[connection] = (mark, role)
        else:
            assert outcome.problem.type == SessionOver.name

    def leave(self, number: int) -> None:
        """Close a connection, open or long closed, as a leave or as the sweep of a node that is gone."""
        connection = f"c{number % (self.made + 1)}"
        self.do(CloseConnection(at=NOW, connection_id=connection, **OF))
        self.open.pop(connection, None)

    def say(self) -> None:
        self.do(ChangeTechnique(at=NOW, title="Box", instruction="In", duration=None, **OF))

    def finish(self) -> None:
        self.do(EndSession(at=NOW, summary_available=False, **OF))

    def wait(self, minutes: int) -> None:
        end = self.clock.now() + timedelta(minutes=minutes)
        while (due := self.runtime.next_due()) is not None and due <= end:
            self.clock.set(max(due, self.clock.now()))
            self.runtime.run_due(lambda effect, _key: 1 / 0)  # type: ignore[arg-type, return-value]
        self.clock.set(end)
        if self.state().phase is SessionPhase.ENDED:
            self.open.clear()

    def state(self) -> LiveSession:
        session = LiveSession()
        for fact in self.facts():
            session = evolve(session, fact)
        return session

    def facts(self) -> list[Any]:
        return [one.fact for one in self.runtime.journal if one.record.stream.startswith("live_session/")]

    def present(self) -> set[str]:
        return {mark for mark, role in self.open.values() if role is Role.PARTICIPANT}


ACTS = st.one_of(
    *[st.tuples(st.just("join"), st.sampled_from(MARKS), st.sampled_from([Role.PARTICIPANT, *Role]))] * 3,
    *[st.tuples(st.just("leave"), st.integers(0, 40))] * 3,
    st.tuples(st.just("say")),
    st.tuples(st.just("wait"), st.sampled_from([1, 10, 14, 15, 16])),
)
QUICKLY = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


def played(acts: list[tuple[Any, ...]]) -> Room:
    room = Room()
    for name, *arguments in acts:
        getattr(room, name)(*arguments)
    return room


@QUICKLY
@given(st.lists(ACTS, min_size=3, max_size=40))
def test_presence_equals_the_set_of_open_connections(acts: list[tuple[Any, ...]]) -> None:
    room = Room()
    for name, *arguments in acts:
        getattr(room, name)(*arguments)
        state = room.state()
        assert {id_: (one.mark, one.role) for id_, one in state.connections.items()} == room.open
        assert state.present == room.present()


@QUICKLY
@given(st.lists(ACTS, min_size=3, max_size=40))
def test_joins_and_leaves_alternate_and_count_who_is_present(acts: list[tuple[Any, ...]]) -> None:
    present: set[str] = set()
    for fact in played(acts).facts():
        match fact:
            case ParticipantJoined():
                assert fact.mark not in present
                present.add(fact.mark)
                assert fact.count == len(present)
            case ParticipantLeft():
                present.remove(fact.mark)
                assert fact.count == len(present)
            case ConnectionOpened():
                assert fact.count == len(present)
            case SessionEnded():
                assert set(fact.present) == present


@QUICKLY
@given(st.lists(ACTS, max_size=40), st.booleans())
def test_the_numbers_of_a_session_have_no_gap(acts: list[tuple[Any, ...]], ends: bool) -> None:
    room = played([*acts, ("finish",), ("wait", 1)] if ends else acts)
    numbers = [fact.number for fact in room.facts() if hasattr(fact, "number")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert room.state().number == len(numbers)


@QUICKLY
@given(st.lists(ACTS, min_size=1, max_size=30))
def test_a_session_ends_when_nobody_was_connected_for_a_quarter_of_an_hour_and_not_before(
    acts: list[tuple[Any, ...]],
) -> None:
    room, empty_since = Room(), list[datetime]()
    for name, *arguments in acts:
        before = room.state().phase
        getattr(room, name)(*arguments)
        after = room.state()
        if before is SessionPhase.ACTIVE and after.phase is SessionPhase.ENDED:
            assert room.clock.now() - empty_since[0] >= timedelta(minutes=15)
        waits = after.phase is SessionPhase.ACTIVE and not after.connections
        empty_since = [*empty_since, room.clock.now()] if waits else []
        if waits:
            assert room.clock.now() - empty_since[0] < timedelta(minutes=15)

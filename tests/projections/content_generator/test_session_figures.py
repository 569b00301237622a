"""Figures of live sessions against a naive count over random histories, after a rebuild and an erasure too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import ROUND_FLOOR, Decimal
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands.content_generator import live_session, participation
from commands.content_generator.live_session import (
    ChangeTechnique,
    CloseConnection,
    CloseSession,
    DescribeSession,
    EndSession,
    JoinSession,
)
from commands.content_generator.participation import GiveFeedback, ReportStatus
from domain.content_generator.live_session import LiveSession, ParticipantJoined, ParticipantLeft, Role
from domain.content_generator.live_session import evolve as evolve_session
from domain.content_generator.participation import Participation
from domain.content_generator.participation import evolve as evolve_participation
from domain.messages import Event, Refused
from projections.content_generator.live_messages import JOINED, messages_after
from projections.content_generator.queries.sessions import (
    current_improvements,
    participants_of,
    session_by_id,
    session_metrics,
    techniques_of,
)
from tests.projections.content_generator.running import NOW, TENANT
from tests.projections.tables import Tables, Written, erased

ID = "morning-001"
SESSION = f"{TENANT}/{ID}"
MARKS = ("ana", "bea", "cleo")
TITLES = ("Box Breathing", "4-7-8 Breathing")
Step = tuple[str, str, int, Role]
"""A word, who says it, a number for what it says, and the role of a join."""

WORDS = ("join", "join", "leave", "status", "status", "rate", "technique", "describe", "end", "close")
steps = st.lists(
    st.tuples(st.sampled_from(WORDS), st.sampled_from(MARKS), st.integers(0, 4), st.sampled_from(Role)),
    min_size=20,
    max_size=60,
)


class World:
    """A session with its participations, and a plain book about them."""

    def __init__(self) -> None:
        self.session = LiveSession()
        self.participations = dict.fromkeys(MARKS, Participation())
        self.history: list[Written] = []
        self.now = NOW
        self.readings: dict[str, list[float]] = {mark: [] for mark in MARKS}
        self.ratings: list[tuple[str, int]] = []
        self.reported: set[str] = set()
        self.techniques: list[str] = []

    def step(self, word: str, mark: str, number: int, role: Role) -> None:
        self.now += timedelta(seconds=1)
        if word in ("status", "rate"):
            if mark in self.session.joined:
                self._report(word, mark, number)
            return
        try:
            events = self._decided(word, mark, number, role)
        except Refused:
            return
        if word == "technique":
            self.techniques.append(TITLES[number % 2])
        for event in events:
            self.session = evolve_session(self.session, event)  # type: ignore[arg-type]
            self.history.append((SESSION, event))

    def _decided(self, word: str, mark: str, number: int, role: Role) -> Sequence[Event]:
        at: dict[str, Any] = {"at": self.now, "session": SESSION, "tenant": TENANT, "session_id": ID}
        connection = f"{mark}/{number % 2}"
        match word:
            case "join":
                who = at | {"mark": mark, "client_id": f"client-{mark}", "client_name": f"Dear {mark}"}
                join = JoinSession(**who, role=role, connection_id=connection, node="n")
                return live_session.join(join, self.session)
            case "leave":
                return live_session.close_connection(CloseConnection(**at, connection_id=connection), self.session)
            case "technique":
                technique = ChangeTechnique(**at, title=TITLES[number % 2], instruction="in", duration=4.0)
                return live_session.change_technique(technique, self.session)
            case "describe":
                described = DescribeSession(**at, mark=mark, title="Morning", instructor=f"Master {mark}")
                return live_session.describe(described, self.session)
            case "end":
                return live_session.end(EndSession(**at, summary_available=True), self.session)
            case _:
                return live_session.close(CloseSession(**at), self.session)

    def _report(self, word: str, mark: str, number: int) -> None:
        self.reported.add(mark)
        at: dict[str, Any] = {"at": self.now, "session": SESSION, "tenant": TENANT, "session_id": ID, "mark": mark}
        events: Sequence[Any]
        if word == "rate":
            self.ratings.append((mark, number + 1))
            feedback = GiveFeedback(**at, technique="Box", rating=number + 1, difficulty="hard")
            events = participation.give_feedback(feedback, self.participations[mark])
        else:
            reading = None if number == 0 else 40.0 + number / 8
            self.readings[mark] += [] if reading is None else [reading]
            status = ReportStatus(**at, status=f"calm {mark}", hrv_reading=reading)
            events = participation.report_status(status, self.participations[mark])
        for event in events:
            self.participations[mark] = evolve_participation(self.participations[mark], event)
            self.history.append((mark, event))

    def forget(self, mark: str) -> None:
        """What the person read and rated counts no more; that they were there does."""
        self.readings[mark] = []
        self.ratings = [(who, rating) for who, rating in self.ratings if who != mark]


def _mean(values: list[Decimal]) -> float | None:
    if not values:
        return None
    return float((sum(values, Decimal()) / len(values) * 10 + Decimal("0.5")).to_integral_value(ROUND_FLOOR) / 10)


def _improvements(world: World, marks: Sequence[str]) -> float | None:
    read = [list(map(str, world.readings[mark])) for mark in marks if world.readings[mark]]
    return _mean([100 * (Decimal(last) - Decimal(first)) / Decimal(first) for first, *_, last in map(_ends, read)])


def _ends(readings: list[str]) -> tuple[str, str]:
    return readings[0], readings[-1]


def _present(world: World) -> list[str]:
    """Those present, or those present at the end."""
    present: dict[str, bool] = {}
    for _, event in world.history:
        match event:
            case ParticipantJoined():
                present[event.mark] = True
            case ParticipantLeft():
                present[event.mark] = False
    return [mark for mark, there in present.items() if there]


def check(tables: Tables, world: World, gone: str | None = None) -> None:
    found = tables.ask(session_by_id, TENANT, ID)
    if found is None:
        assert world.history == []
        return
    present, joined = _present(world), world.session.joined
    assert (found.active, found.participant_count) == (found.ended_at is None, len(present))
    metrics = tables.ask(session_metrics, SESSION)
    assert metrics.average_hrv == _improvements(world, MARKS)
    assert tables.ask(current_improvements, [SESSION]) == {SESSION: _improvements(world, present)}
    assert metrics.quality_score == _mean([Decimal(rating) for _, rating in world.ratings])
    assert metrics.completion_rate == (int(100 * len(present) / len(joined) + 0.5) / 100 if joined else 0.0)
    assert metrics.engagement_rate == (int(100 * len(world.reported) / len(joined) + 0.5) / 100 if joined else 0.0)
    names = {person.name for person in tables.ask(participants_of, SESSION)}
    assert names == {None if mark == gone else f"Dear {mark}" for mark in present}
    assert tables.ask(techniques_of, SESSION) == list(dict.fromkeys(world.techniques))
    check_messages(tables, found.message_count, gone)


def check_messages(tables: Tables, count: int, gone: str | None) -> None:
    """Every message is there once, in order, from any place on."""
    messages = tables.ask(messages_after, SESSION)
    assert [message.number for message in messages] == list(range(1, count + 1))
    assert tables.ask(messages_after, SESSION, count // 2, limit=3) == messages[count // 2 :][:3]
    assert all(f"Dear {gone}" != message.payload["name"] for message in messages if message.type == JOINED)


@given(taken=steps, seed=st.integers(), gone=st.sampled_from(MARKS))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_figures_of_a_session_are_what_a_count_over_its_history_says(
    tables: Tables, taken: list[Step], seed: int, gone: str
) -> None:
    world = World()
    for step in taken:
        world.step(*step)
    tables.clear()
    tables.apply(world.history)
    check(tables, world)
    tables.erase(f"content_generator:{gone}")
    world.forget(gone)
    check(tables, world, gone)
    blank = tables.rows()
    for personal in (f"client-{gone}", f"Dear {gone}", f"Master {gone}", f"calm {gone}"):
        assert personal not in str(blank)
    tables.clear()
    tables.apply(erased(world.history, f"content_generator:{gone}"), Random(seed))
    assert tables.rows() == blank

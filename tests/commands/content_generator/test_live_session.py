"""Live sessions: presence, numbers, and their end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from commands.content_generator.announcement import BroadcastAnnouncement, MakeAnnouncement
from commands.content_generator.live_session import (
    ChangeTechnique,
    ClientErased,
    CloseConnection,
    CloseSession,
    DescribeSession,
    EndIfEmpty,
    EndSession,
    JoinSession,
    NotConnected,
    ReachMilestone,
    SessionOver,
)
from domain.content_generator.announcement import AnnouncementMade, Words
from domain.content_generator.live_session import (
    AnnouncementBroadcast,
    ConnectionClosed,
    ConnectionOpened,
    MilestoneReached,
    ParticipantJoined,
    ParticipantLeft,
    Role,
    SessionDescribed,
    SessionEnded,
    SessionEnding,
    SessionStarted,
    TechniqueChanged,
)
from domain.messages import Command
from tests.commands.content_generator.stories import NOW, SECOND, STORY, TENANT, only

OF: dict[str, Any] = {"session": f"{TENANT}/morning", "tenant": TENANT, "session_id": "morning"}
WORDS = Words(type="session_starting", title="Soon", message="Join us")


def join(mark: str = "ann", connection: str = "a1", role: Role = Role.PARTICIPANT, **more: Any) -> JoinSession:
    fields: dict[str, Any] = {"at": NOW, "mark": mark, "client_id": f"client-{mark}", "client_name": mark}
    opened = {"role": role, "connection_id": connection, "node": "n1"}
    return JoinSession(**fields | opened | OF | more)


def close(connection: str = "a1") -> CloseConnection:
    return CloseConnection(at=NOW, connection_id=connection, **OF)


def end(at: timedelta = timedelta(0)) -> EndSession:
    return EndSession(at=NOW + at, summary_available=True, **OF)


CLOSED = CloseSession(at=NOW, **OF)
DESCRIBED = DescribeSession(at=NOW, mark="eve", title="Morning", instructor="Eve", **OF)
TECHNIQUE = ChangeTechnique(at=NOW, title="Box", instruction="In", duration=None, **OF)
MILESTONE = ReachMilestone(at=NOW, improvement=3.5, message="Well done", achievement="calm", **OF)
ANNOUNCED = BroadcastAnnouncement(at=NOW, announcement_id="n", words=WORDS, **OF)
JOINED = STORY.when(join())


def empty(times: int) -> EndIfEmpty:
    return EndIfEmpty(at=NOW, empty=times, **OF)


def test_the_first_join_starts_the_session() -> None:
    JOINED.then_kinds(SessionStarted, ParticipantJoined, ConnectionOpened)
    opened, joined = only(JOINED, ConnectionOpened), only(JOINED, ParticipantJoined)
    assert (only(JOINED, SessionStarted).number, joined.number, joined.count, joined.first) == (1, 2, 1, True)
    assert (opened.position, opened.count, opened.refills) == (2, 1, None)


@pytest.mark.parametrize("role", [Role.INSTRUCTOR, Role.OBSERVER, Role.ADMIN])
def test_any_role_starts_a_session_and_only_participants_count(role: Role) -> None:
    started = STORY.when(join(role=role))
    started.then_kinds(SessionStarted, ConnectionOpened)
    assert (only(started, ConnectionOpened).position, only(started, ConnectionOpened).count) == (1, 0)
    started.when(close()).then_kinds(ConnectionClosed)


def test_a_second_connection_of_a_client_is_no_second_participant() -> None:
    second = JOINED.when(join(connection="a2"))
    second.then_kinds(ConnectionOpened)
    assert only(second, ConnectionOpened).count == 1
    second.when(close("a1")).then_kinds(ConnectionClosed)
    second.when(close("a1")).when(close("a2")).then_kinds(ConnectionClosed, ParticipantLeft)


def test_a_late_close_of_an_old_connection_changes_nothing() -> None:
    back = JOINED.when(close("a1")).when(join(connection="a2"))
    assert only(back, ParticipantJoined).first is False
    back.when(close("a1")).then_nothing()
    STORY.when(close("a1")).then_nothing()


def test_a_join_that_is_repeated_changes_nothing() -> None:
    JOINED.when(join()).then_nothing()


def test_a_client_with_two_roles_is_present_as_a_participant_alone() -> None:
    both = JOINED.when(join(connection="a2", role=Role.OBSERVER))
    left = both.when(close("a1"))
    left.then_kinds(ConnectionClosed, ParticipantLeft)
    assert (only(left, ConnectionClosed).empty, only(left, ParticipantLeft).count) == (None, 0)
    assert only(left.when(close("a2")), ConnectionClosed).empty == 1


def test_an_erased_client_is_refused() -> None:
    STORY.when(join(client_id=None)).then_refused(ClientErased)


def test_messages_are_numbered_without_a_gap() -> None:
    story, numbers = JOINED, list[int]()
    for command in (TECHNIQUE, MILESTONE, ANNOUNCED, join("ben", "b1"), close("b1"), TECHNIQUE, end()):
        story = story.when(command)
        numbers += [number for event in story.produced if (number := getattr(event, "number", None)) is not None]
    assert numbers == [3, 4, 5, 6, 7, 8]


def test_the_instructors_words_are_about_the_instructor() -> None:
    described = only(JOINED.when(DESCRIBED), SessionDescribed)
    assert (described.subject, described.title) == ("content_generator:eve", "Morning")


def test_a_technique_and_a_milestone_are_told_as_they_were_said() -> None:
    assert only(JOINED.when(TECHNIQUE), TechniqueChanged).instruction == "In"
    assert only(JOINED.when(MILESTONE), MilestoneReached).improvement == 3.5


def test_an_ending_session_tells_how_long_it_was_and_ends() -> None:
    ending = JOINED.when(end(90 * SECOND))
    assert (only(ending, SessionEnding).duration, only(ending, SessionEnding).summary_available) == (90, True)
    ended = ending.when(CLOSED)
    assert (only(ended, SessionEnded).present, only(ended, SessionEnded).joined) == (("ann",), 1)
    assert only(ended, SessionEnded).connections == ("a1",)


def test_who_leaves_before_the_end_is_not_present_at_it() -> None:
    story = JOINED.when(join("ben", "b1")).when(close("a1")).when(end()).when(close("b1"))
    assert only(story, ConnectionClosed).empty is None
    ended = only(story.when(CLOSED), SessionEnded)
    assert (ended.present, ended.joined) == ((), 2)


OVER: list[Command] = [join("ben", "b1"), DESCRIBED, TECHNIQUE, MILESTONE, end()]


@pytest.mark.parametrize("command", OVER, ids=lambda command: type(command).__name__)
def test_an_ending_and_an_ended_session_take_nothing_more(command: Command) -> None:
    JOINED.when(end()).when(command).then_refused(SessionOver)
    JOINED.when(end()).when(CLOSED).when(command).then_refused(SessionOver)


def test_an_ended_session_is_final() -> None:
    ended = JOINED.when(end()).when(CLOSED)
    for command in (CLOSED, empty(1), ANNOUNCED, close()):
        ended.when(command).then_nothing()


@pytest.mark.parametrize("command", OVER[1:], ids=lambda command: type(command).__name__)
def test_nobody_speaks_in_a_session_that_has_not_started(command: Command) -> None:
    STORY.when(command).then_refused(NotConnected)


def test_a_session_that_stays_empty_ends() -> None:
    left = JOINED.when(close())
    assert only(left, ConnectionClosed).empty == 1
    ended = left.when(empty(1))
    ended.then_kinds(SessionEnding, SessionEnded)
    assert only(ended, SessionEnded).present == ()


def test_a_session_that_is_joined_again_does_not_end_for_the_time_before() -> None:
    back = JOINED.when(close()).when(join(connection="a2"))
    assert only(back, ConnectionOpened).refills == 1
    assert only(back.when(join(connection="a3")), ConnectionOpened).refills is None
    back.when(empty(1)).then_nothing()
    twice = back.when(close("a2"))
    assert only(twice, ConnectionClosed).empty == 2
    twice.when(empty(1)).then_nothing()
    twice.when(empty(2)).then_kinds(SessionEnding, SessionEnded)


def test_an_announcement_reaches_a_session_with_a_connection() -> None:
    both = JOINED.when(join("eve", "e1", Role.INSTRUCTOR))
    told = only(both.when(ANNOUNCED), AnnouncementBroadcast)
    assert (told.connections, told.participants, told.number, told.title) == (2, 1, 3, "Soon")


def test_an_announcement_leaves_out_sessions_that_do_not_run_or_have_nobody() -> None:
    STORY.when(ANNOUNCED).then_nothing()
    JOINED.when(close()).when(ANNOUNCED).then_nothing()
    JOINED.when(end()).when(ANNOUNCED).then_nothing()


def test_an_announcement_is_made_once_and_names_a_session_once() -> None:
    make = MakeAnnouncement(
        at=NOW, announcement_id="n", tenant=TENANT, words=WORDS, sessions=("b", "a", "b"), made_by="marketer"
    )
    made = STORY.when(make)
    assert (only(made, AnnouncementMade).sessions, only(made, AnnouncementMade).words) == (("b", "a"), WORDS)
    made.when(make).then_nothing()

"""One row per session and participant: the presence by the session, the readings by the participant's own reports.

The two come from different keys, in any order, so each sets columns that the other leaves alone. Of the status that a
participant reports only the fact is kept.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.content_generator.events import ContentGeneratorEvent
from domain.content_generator.live_session import ParticipantJoined, ParticipantLeft
from domain.content_generator.participation import FeedbackGiven, StatusReported
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, put


def project(event: Recorded[ContentGeneratorEvent]) -> Iterator[Change]:
    match event.fact:
        case ParticipantJoined() as fact:
            since = {"joined_at": fact.at} if fact.first else {}
            person = {"client_id": fact.client_id, "participant_name": fact.participant_name}
            yield put(fact.session, fact.mark, present=True, **since, **person)
        case ParticipantLeft() as fact:
            yield put(fact.session, fact.mark, present=False)
        case StatusReported() as fact:
            yield put(fact.session, fact.mark, reported=True, **_readings(fact))
        case FeedbackGiven() as fact:
            yield put(fact.session, fact.mark, reported=True)


def _readings(fact: StatusReported) -> dict[str, object]:
    """A status without a reading leaves the last one as it is."""
    return {} if fact.hrv_reading is None else {"hrv_first": fact.hrv_first, "hrv_last": fact.hrv_reading}


PARTICIPANTS = ReadModel(
    "content_generator_participants",
    version=1,
    key=("session", "mark"),
    project=project,
    subject="mark",
    personal=("client_id", "participant_name", "hrv_first", "hrv_last"),
    ddl="""
    create table {table} (
        session         text not null,
        mark            text not null,
        present         boolean,
        joined_at       timestamptz,
        client_id       text,
        participant_name text,
        reported        boolean,
        hrv_first       double precision,
        hrv_last        double precision,
        primary key (session, mark)
    );
    create index on {table} (mark);
""",
)

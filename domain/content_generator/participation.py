"""What a participant reports in a live session, under the participant's own mark: health data and opinions."""

from __future__ import annotations

from typing import assert_never

from pydantic import BaseModel, ConfigDict

from domain.messages import Event, Personal


class OfParticipation(Event, subject="mark"):
    session: str
    tenant: str
    session_id: str
    mark: str


class StatusReported(OfParticipation, name="content_generator.participation.status_reported.v1"):
    """A status. `hrv_first` is the first reading of this participant, where there is one."""

    status: Personal[str]
    hrv_reading: Personal[float]
    hrv_first: Personal[float]


class FeedbackGiven(OfParticipation, name="content_generator.participation.feedback_given.v1"):
    """An opinion on a technique, rated from 1 to 5."""

    technique: Personal[str]
    rating: Personal[int]
    difficulty: Personal[str]


ParticipationEvent = StatusReported | FeedbackGiven


class Participation(BaseModel):
    """The state of a participation: the first reading."""

    model_config = ConfigDict(frozen=True)

    first: float | None = None


def evolve(participation: Participation, event: ParticipationEvent) -> Participation:
    match event:
        case StatusReported():
            first = participation.first if participation.first is not None else event.hrv_reading
            return Participation(first=first)
        case FeedbackGiven():
            return participation
        case _:
            assert_never(event)

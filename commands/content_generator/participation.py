"""What participants report: status with a reading, and feedback on techniques."""

from __future__ import annotations

from collections.abc import Sequence

from domain.content_generator.participation import FeedbackGiven, Participation, ParticipationEvent, StatusReported
from domain.messages import Command, Personal


class OfParticipation(Command, subject="mark"):
    session: str
    tenant: str
    session_id: str
    mark: str

    @property
    def participation(self) -> str:
        """The id of the stream: one person in one session."""
        return f"{self.session}/{self.mark}"


class ReportStatus(OfParticipation, name="content_generator.participation.report_status.v1", key="mark"):
    status: Personal[str]
    hrv_reading: Personal[float]


class GiveFeedback(OfParticipation, name="content_generator.participation.give_feedback.v1", key="mark"):
    technique: Personal[str]
    rating: Personal[int]
    difficulty: Personal[str]


def report_status(command: ReportStatus, participation: Participation) -> Sequence[ParticipationEvent]:
    reading = command.hrv_reading
    first = participation.first if participation.first is not None else reading
    return [StatusReported(**command.model_dump(), hrv_first=first)]


def give_feedback(command: GiveFeedback, _participation: Participation) -> Sequence[ParticipationEvent]:
    return [FeedbackGiven(**command.model_dump())]

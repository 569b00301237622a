"""What participants report, and the summary of a session."""

from __future__ import annotations

from typing import Any

from commands.content_generator.participation import GiveFeedback, ReportStatus
from commands.content_generator.summary import GenerateSummary
from domain.content_generator.composed import SessionFacts
from domain.content_generator.kinds import Channel
from domain.content_generator.participation import FeedbackGiven, StatusReported
from domain.content_generator.summary import SummaryGenerated, SummaryPublished
from tests.commands.content_generator.stories import NOW, ROOT, STORY, TENANT, only

OF: dict[str, Any] = {
    "at": NOW,
    "session": f"{TENANT}/morning",
    "tenant": TENANT,
    "session_id": "morning",
    "mark": "ann",
}


def status(reading: float | None) -> ReportStatus:
    return ReportStatus(status="calm", hrv_reading=reading, **OF)


def test_a_status_tells_the_first_reading_with_its_own() -> None:
    story = STORY
    told = []
    for reading in (None, 50.0, None, 60.0):
        story = story.when(status(reading))
        reported = only(story, StatusReported)
        told.append((reported.hrv_reading, reported.hrv_first))
    assert told == [(None, None), (50.0, 50.0), (None, 50.0), (60.0, 50.0)]


def test_a_first_reading_of_zero_stays_the_first() -> None:
    assert only(STORY.when(status(0.0)).when(status(9.0)), StatusReported).hrv_first == 0.0


def test_feedback_is_kept_as_it_was_given() -> None:
    given = STORY.when(GiveFeedback(technique="Box", rating=5, difficulty="easy", **OF))
    assert (only(given, FeedbackGiven).rating, only(given, FeedbackGiven).technique) == (5, "Box")
    assert only(given, FeedbackGiven).subject == "content_generator:ann"


def test_a_participation_is_one_persons_in_one_session() -> None:
    assert status(1.0).participation == f"{TENANT}/morning/ann"
    assert status(1.0).key == "ann"


def summary(publish: bool) -> GenerateSummary:
    facts = SessionFacts(title="Morning", content="x", session_id="morning", session_duration=60, participant_count=3)
    return GenerateSummary(
        at=NOW,
        content_id="s",
        tenant=TENANT,
        facts=facts,
        channels=(Channel.EMAIL,),
        published=True,
        content={"title": "Morning"},
        publish=publish,
        root=ROOT,
        correlation_id="c",
        requested_by="trainer",
    )


def test_a_summary_is_a_preview_unless_it_is_to_be_published() -> None:
    preview = STORY.when(summary(publish=False))
    preview.then_kinds(SummaryGenerated)
    assert only(preview, SummaryGenerated).published is True


def test_a_published_summary_names_its_job() -> None:
    out = STORY.when(summary(publish=True))
    out.then_kinds(SummaryGenerated, SummaryPublished)
    published = only(out, SummaryPublished)
    assert (published.root, published.session_id, published.channels) == (ROOT, "morning", (Channel.EMAIL,))


def test_a_summary_is_generated_once() -> None:
    STORY.when(summary(publish=False)).when(summary(publish=True)).then_nothing()

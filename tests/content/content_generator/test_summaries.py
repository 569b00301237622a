"""Summaries of breathing sessions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from content.content_generator.rendering import UnknownTemplate
from content.content_generator.summaries import duration, summarize
from domain.calls.social_post import Network
from domain.content_generator.composed import ComposedSummary, SessionFacts, TooLarge, pinned
from domain.content_generator.kinds import Channel, TemplateName
from domain.social.text import fits
from tests.content.content_generator.strategies import ALLOWED, TEXTS, read

EVERYTHING = frozenset(Channel)
SESSION = SessionFacts(
    title="Morning Breathing Session",
    content="Deep breathing session for stress relief",
    session_id="session-2024-03-21-001",
    session_duration=1800,
    participant_count=25,
    breathing_techniques=("Box Breathing", "4-7-8 Breathing"),
    average_hrv_improvement=12.5,
    key_achievements=("Perfect synchronization", "100% completion rate"),
    session_type="live",
    instructor_name="Sarah Chen",
    session_date=datetime(2024, 3, 21, 10, tzinfo=UTC),
)
SESSIONS = st.builds(
    SessionFacts,
    title=TEXTS,
    content=TEXTS,
    session_id=st.just("session-1"),
    session_duration=st.integers(0, 10**6),
    participant_count=st.integers(0, 10**6),
    breathing_techniques=st.lists(TEXTS, max_size=3).map(tuple),
    average_hrv_improvement=st.none() | st.floats(-100, 1000),
    key_achievements=st.lists(TEXTS, max_size=3).map(tuple),
    session_type=TEXTS,
    instructor_name=st.none() | TEXTS,
    session_date=st.none(),
)


def changed(**values: object) -> SessionFacts:
    return SESSION.model_copy(update=values)


def test_the_summary_of_the_documented_session_has_the_documented_parts() -> None:
    summary = summarize(SESSION, EVERYTHING, "modern@1")
    public = summary.public()
    assert summary.newsletter is not None
    assert summary.newsletter.subject == "Session Summary: Morning Breathing Session"
    assert summary.web_update is not None
    assert summary.web_update.title == "Morning Breathing Session"
    assert summary.web_update.slug == "session-2024-03-21-001-summary"
    assert summary.web_update.seo_description == "Session with 25 participants achieving 12.5% HRV improvement"
    assert summary.web_update.content.startswith("<article")
    assert set(public) == {"newsletter", "web_update", "social_posts"}
    assert isinstance(public["social_posts"], dict)
    assert set(public["social_posts"]) == {"twitter", "linkedin", "facebook"}
    assert public["social_posts"]["twitter"] == {
        "content": "Just completed an amazing Morning Breathing Session!\n\n25 participants, 30 minutes and an "
        "average HRV improvement of 12.5%.",
        "hashtags": ["#breathwork", "#mindfulness"],
    }


@pytest.mark.parametrize("template", [pinned(template) for template in TemplateName])
def test_every_fact_stands_in_the_newsletter_and_the_update(template: str) -> None:
    summary = summarize(SESSION, EVERYTHING, template)
    assert summary.newsletter is not None
    assert summary.web_update is not None
    facts = ("stress relief", "30 minutes", "25 participants", "12.5%", "4-7-8 Breathing", "100% completion rate")
    for text in (summary.newsletter.html, summary.newsletter.text, summary.web_update.content):
        assert all(fact in text for fact in (*facts, "Live session with Sarah Chen on 21 March 2024"))


def test_what_was_not_given_is_left_out() -> None:
    bare = changed(
        average_hrv_improvement=None,
        breathing_techniques=(),
        key_achievements=(),
        instructor_name=None,
        session_date=None,
        participant_count=1,
    )
    summary = summarize(bare, EVERYTHING, "plain@1")
    assert summary.web_update is not None
    assert summary.newsletter is not None
    assert summary.web_update.seo_description == "Session with 1 participant"
    for word in ("HRV", "Techniques", "Achievements", "None", "with  "):
        assert word not in summary.model_dump_json().replace("Session with", "")


def test_only_the_channels_asked_for_are_summarized() -> None:
    summary = summarize(SESSION, {Channel.WEBSITE}, "plain@1")
    assert (summary.newsletter, summary.social_posts) == (None, ())
    assert set(summary.public()) == {"web_update"}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (60, "1 minute"),
        (1800, "30 minutes"),
        (3600, "1 hour"),
        (5430, "1 hour 30 minutes 30 seconds"),
    ],
)
def test_a_duration_is_told_in_words(seconds: int, words: str) -> None:
    assert duration(seconds) == words


@settings(max_examples=40, deadline=None)
@given(SESSIONS, st.sampled_from([pinned(template) for template in TemplateName]))
def test_no_summary_holds_markup_of_its_session(session: SessionFacts, template: str) -> None:
    summary = summarize(session, EVERYTHING, template)
    assert ComposedSummary.model_validate_json(summary.model_dump_json()) == summary
    assert summary.newsletter is not None
    assert summary.web_update is not None
    for html in (summary.newsletter.html, summary.web_update.content):
        assert read(html).balanced
        assert read(html).tags <= ALLOWED
    assert {post.platform for post in summary.social_posts} == set(Network)
    assert all(fits(post.platform, post.text) for post in summary.social_posts)


def test_an_unknown_template_and_too_large_a_session_are_refused() -> None:
    with pytest.raises(UnknownTemplate):
        summarize(SESSION, EVERYTHING, "modern@9")
    with pytest.raises(TooLarge) as refusal:
        summarize(changed(content="<>" * 60_000), EVERYTHING, "plain@1")
    assert refusal.value.part == "newsletter.html"

"""One row per opinion of a participant on a technique. Rows, as no sum could forget an erased person's part of it."""

from __future__ import annotations

from collections.abc import Iterator

from domain.content_generator.events import ContentGeneratorEvent
from domain.content_generator.participation import FeedbackGiven
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, put


def project(event: Recorded[ContentGeneratorEvent]) -> Iterator[Change]:
    match event.fact:
        case FeedbackGiven() as given:
            yield put(
                given.session,
                given.mark,
                event.record.version,
                given_at=given.at,
                technique=given.technique,
                rating=given.rating,
                difficulty=given.difficulty,
            )


FEEDBACK = ReadModel(
    "content_generator_feedback",
    version=1,
    key=("session", "mark", "number"),
    project=project,
    subject="mark",
    personal=("technique", "rating", "difficulty"),
    ddl="""
    create table {table} (
        session         text not null,
        mark            text not null,
        number          int not null,
        given_at        timestamptz not null,
        technique       text,
        rating          int,
        difficulty      text,
        primary key (session, mark, number)
    );
    create index on {table} (mark);
""",
)

"""The built-in document: for source `mock`, and for the sources of a sandbox. It has all four categories."""

from __future__ import annotations

from datetime import UTC, datetime

from domain.calls.document import Block, BlockKind, Document, Span


def _heading(text: str, level: int = 2) -> Block:
    return Block(kind=BlockKind.HEADING, spans=(Span(text=text),), level=level)


def _paragraph(*spans: Span | str) -> Block:
    return Block(kind=BlockKind.PARAGRAPH, spans=_spans(spans))


def _item(*spans: Span | str, ordered: bool = False) -> Block:
    return Block(kind=BlockKind.ITEM, spans=_spans(spans), level=1, ordered=ordered)


def _spans(spans: tuple[Span | str, ...]) -> tuple[Span, ...]:
    return tuple(Span(text=span) if isinstance(span, str) else span for span in spans)


DEMONSTRATION = Document(
    title="Breathe Better This Spring",
    modified_at=datetime(2024, 3, 18, 9, 0, tzinfo=UTC),
    blocks=(
        _paragraph(
            "Spring is a good time to start a breathing practice, or to come back to one. Here is what is new, and "
            "what we have learned together. The whole program is on ",
            Span(text="our spring page", link="https://halcytone.example.com/spring"),
            ".",
        ),
        _paragraph("Tags: breathwork, mindfulness, spring"),
        _heading("[Breathscape] Three new soundscapes"),
        _paragraph(
            "Forest, Tide and First Light follow your breath: the sound opens when you inhale and settles when you "
            "exhale. In our test, 84 of 100 participants found their rhythm within ",
            Span(text="2 minutes", bold=True),
            ".",
        ),
        _item("Forest: for sessions of 5 to 10 minutes"),
        _item("Tide: for sleep, with a slow fade"),
        _item("First Light: for mornings"),
        _heading("[Hardware] A lighter chest strap"),
        _paragraph(
            "The new strap weighs 38 grams and runs for 60 hours on one charge. It ships on 2 April, and the firmware "
            "of older straps gains the same accuracy by update 2.1."
        ),
        _paragraph("Tags: hardware, sensors"),
        _heading("[Tips] Box breathing in four steps"),
        _item("Inhale through the nose for 4 seconds.", ordered=True),
        _item("Hold for 4 seconds.", ordered=True),
        _item("Exhale slowly for 4 seconds.", ordered=True),
        _item("Hold for 4 seconds, and begin again.", ordered=True),
        _paragraph("Five rounds are enough to feel a difference. #BoxBreathing"),
        _heading("[Company Vision] Calm for everybody"),
        _paragraph(
            "We believe that calm can be learned, and that nobody should have to pay for the first step. From this "
            "spring on, the introductory course is free."
        ),
        Block(
            kind=BlockKind.QUOTE,
            spans=(Span(text="A breath is the smallest habit there is.", italic=True), Span(text=" Sarah Chen")),
        ),
    ),
)

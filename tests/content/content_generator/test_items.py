"""Items of documents: what they are by each strategy, and the category, tags and date of each."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from content.content_generator.categories import NAMES
from content.content_generator.composition import compose
from content.content_generator.demonstration import DEMONSTRATION
from content.content_generator.items import items_of
from content.content_generator.metadata import date_in
from domain.calls.document import Block, BlockKind, Document, Span
from domain.content_generator.composed import CategorizedItems, Category, Item, Strategy
from domain.content_generator.kinds import Channel
from tests.content.content_generator.markdown_documents import DOCUMENTS as REALISTIC
from tests.content.content_generator.strategies import DOCUMENTS, read

FETCHED = datetime(2024, 8, 1, 12, tzinfo=UTC)


def block(text: str, kind: BlockKind = BlockKind.PARAGRAPH, level: int = 0) -> Block:
    return Block(kind=kind, spans=(Span(text=text),), level=level)


def heading(text: str, level: int = 1) -> Block:
    return block(text, BlockKind.HEADING, level)


def entry(text: str, level: int = 1) -> Block:
    return block(text, BlockKind.ITEM, level)


def items(*blocks: Block, strategy: Strategy = Strategy.MARKDOWN, title: str = "News") -> CategorizedItems:
    return items_of(Document(title=title, blocks=blocks), strategy, FETCHED)


def every(found: CategorizedItems) -> list[tuple[str, Item]]:
    return [(category, item) for category, those in found for item in those]


def titles(found: CategorizedItems) -> dict[str, list[str]]:
    return {category: [item.title for item in those] for category, those in found if those}


def category_of(*blocks: Block) -> str:
    """The category of the last item."""
    found = every(items(*blocks))
    text = blocks[-1].text
    return next(category for category, item in found if text in item.content)


def test_the_built_in_document_has_items_of_all_four_categories_by_every_strategy() -> None:
    for strategy in Strategy:
        assert all(those for _, those in items_of(DEMONSTRATION, strategy, FETCHED))


def test_an_item_stands_below_a_heading() -> None:
    assert titles(items_of(REALISTIC["spring_newsletter"], Strategy.MARKDOWN, FETCHED)) == {
        "breathscape": ["Guided sessions in the app"],
        "hardware": ["The sensor strap is back in stock"],
        "tips": ["Halcytone Newsletter: March 2024", "Exhale longer than you inhale"],
        "company_vision": ["Why we breathe together"],
    }


def test_an_item_is_an_entry_of_a_labelled_list_or_a_record() -> None:
    found = items_of(REALISTIC["content_calendar"], Strategy.STRUCTURED, FETCHED)
    assert titles(found) == {
        "breathscape": ['Soundscape "Alpine lake"', "Sleep timer", "Offline mode"],
        "hardware": ["Charging dock", "Recall notice"],
        "tips": ["Box breathing for nurses"],
        "company_vision": ["Our promise"],
    }
    assert found.breathscape[1].content == "The sound now fades over 1, 5 or 15 minutes"
    assert found.tips[0] == Item(
        title="Box breathing for nurses",
        content="A four-minute exercise for the break between two shifts. 412 nurses tested it with us.",
        tags=("tips", "health care"),
        date=datetime(2024, 4, 12, tzinfo=UTC),
    )


def test_an_item_is_a_paragraph() -> None:
    found = items_of(REALISTIC["weekly_tips"], Strategy.FREEFORM, FETCHED)
    assert [item.title for _, item in every(found)] == [
        "Three breaths before you answer.",
        "Sit as if a thread pulled your head upwards.",
        "Breathe through the nose, even when you run.",
        "Count your exhales at night.",
        "Share your own tip with us and win one of 3 annual subscriptions!",
    ]
    assert [item.tags for _, item in every(found)] == [("mindfulness",), (), (), ("sleep", "BetterNights"), ()]


def test_a_list_belongs_to_the_paragraph_above_it() -> None:
    found = items(block("Try it:"), entry("Inhale"), entry("Exhale"), block("Again."), strategy=Strategy.FREEFORM)
    assert [item.content for _, item in every(found)] == ["Try it:\n\n- Inhale\n- Exhale", "Again."]


@pytest.mark.parametrize(
    ("category", "name"), [(category, name) for category, names in NAMES.items() for name in names]
)
def test_a_heading_names_a_category_by_its_synonyms_in_brackets_or_alone(category: Category, name: str) -> None:
    text = block("Something else altogether")
    assert category_of(heading(f"[{name.title()}] The latest"), text) == category
    assert category_of(heading(f"[{name.upper()}]"), text) == category
    assert category_of(heading(name.title()), text) == category
    assert category_of(block(f"[{name}]"), text) == category
    assert category_of(block(f"{name.title()}:"), text) == category


def test_a_section_belongs_to_the_category_that_a_heading_above_it_names() -> None:
    text = block("The battery of the sensor")
    assert category_of(heading("[Tips]"), heading("Charging", 2), text) == Category.TIPS
    assert category_of(heading("[Tips]"), heading("Hardware", 2), text) == Category.HARDWARE
    assert category_of(heading("[Tips]"), heading("[Company Vision] Batteries", 2), text) == Category.COMPANY_VISION
    assert category_of(heading("[Tips]"), heading("Charging", 1), text) == Category.HARDWARE


def test_without_a_name_the_heading_hints_then_keywords_decide_then_it_is_breathscape() -> None:
    assert category_of(heading("Five tips for the office"), block("Firmware, battery, sensor")) == Category.TIPS
    assert category_of(heading("The latest"), block("A battery for the sensor of our app")) == Category.HARDWARE
    assert category_of(heading("The latest"), block("Something else altogether")) == Category.BREATHSCAPE
    assert category_of(heading("[Unheard of]"), block("Something else altogether")) == Category.BREATHSCAPE


def test_a_line_names_the_category_of_a_section_whose_heading_does_not() -> None:
    assert category_of(heading("The latest"), block("Category: Company Vision"), block("A sensor")) == "company_vision"
    assert category_of(heading("[Tips]"), block("Category: Company Vision"), block("A sensor")) == Category.TIPS


def test_tags_come_from_lines_and_words_each_once() -> None:
    found = items(block("Tags: Calm, box breathing; #HRV"), block("On #calm and #Sleep. #1"), block("#last #words"))
    assert every(found)[0][1].tags == ("Calm", "box breathing", "HRV", "last", "words", "Sleep")
    assert every(found)[0][1].content == "On #calm and #Sleep. #1"


def test_lines_of_metadata_hold_for_every_item_of_a_section() -> None:
    blocks = (heading("[Tips]"), block("Tags: calm\nDate: 2024-02-01"), block("One."), block("Two. #own"))
    assert [
        (item.tags, item.date.date().isoformat()) for _, item in every(items(*blocks, strategy=Strategy.FREEFORM))
    ] == [
        (("calm",), "2024-02-01"),
        (("own", "calm"), "2024-02-01"),
    ]


def test_the_date_is_the_items_own_else_the_last_change_else_the_fetch() -> None:
    modified = datetime(2024, 5, 1, tzinfo=UTC)
    plain = Document(title="", blocks=(block("Breathe."),))
    assert every(items_of(plain, Strategy.MARKDOWN, FETCHED))[0][1].date == FETCHED
    changed = plain.model_copy(update={"modified_at": modified})
    assert every(items_of(changed, Strategy.MARKDOWN, FETCHED))[0][1].date == modified
    dated = changed.model_copy(update={"blocks": (block("Date: 3 June 2024"), block("Breathe."))})
    assert every(items_of(dated, Strategy.MARKDOWN, FETCHED))[0][1].date == datetime(2024, 6, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-15", "2024-01-15T00:00:00+00:00"),
        ("2024-01-15T10:30:00+02:00", "2024-01-15T08:30:00+00:00"),
        ("15th January 2024", "2024-01-15T00:00:00+00:00"),
        ("Jan 15, 2024", "2024-01-15T00:00:00+00:00"),
        ("January 2024", None),
        ("2024-02-30", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
    ],
)
def test_dates_are_read_as_people_write_them(text: str, moment: str | None) -> None:
    found = date_in(text)
    assert (None if found is None else found.isoformat()) == moment


def test_a_line_that_only_looks_like_metadata_stays_in_the_text() -> None:
    texts = ["Date: soon", "Category: unheard of", "Tags: calm\nand a second line"]
    assert every(items(*map(block, texts)))[0][1].content == "\n\n".join(texts)


def test_lists_tables_quotes_and_links_are_readable_as_text() -> None:
    found = items(
        Block(kind=BlockKind.PARAGRAPH, spans=(Span(text="Read "), Span(text="more ", link="https://example.com"))),
        entry("One"),
        entry("Nested", 2),
        Block(kind=BlockKind.ITEM, spans=(Span(text="Two"),), level=1, ordered=True),
        block("Band\tGrams\t", BlockKind.ROW),
        block("2\t21.5\t", BlockKind.ROW),
        block("Calm\nis near", BlockKind.QUOTE),
    )
    assert every(found)[0][1].content == (
        "Read more (https://example.com)\n\n- One\n  - Nested\n2. Two\n\nBand | Grams\n2 | 21.5\n\n> Calm\n> is near"
    )


@settings(max_examples=40, deadline=None)
@given(DOCUMENTS, st.sampled_from(Strategy))
def test_no_word_of_a_text_is_lost_by_a_strategy(one: Document, strategy: Strategy) -> None:
    page = compose(one, {Channel.WEBSITE}, "plain@1").web
    assert page is not None
    pieces = words(read(re.sub(r"<h\d>.*?</h\d>|(?=<)", " ", page.html, flags=re.DOTALL)).text)
    shown = " ".join(f"{item.title} {item.content}" for _, item in every(items_of(one, strategy, FETCHED)))
    assert {piece for piece in pieces if piece not in shown} == set()


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))

"""Notion's pages fetched from an imitation of its API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime

import pytest

from connectors.notion import DEEPEST, MOST_PAUSES, NOTION_VERSION, Notion
from domain.calls.document import Document, FetchDocument, Source, Span
from streams.core.calls import Accepted, Deferred, Rejected, Verdict
from tests.imitations import Journal, dropping, failing, throttling
from tests.imitations.notion import TOKEN, Json, NotionImitation, block, text

Fetch = Callable[[str], Awaitable[Verdict]]


@pytest.fixture(scope="module")
def server() -> Iterator[NotionImitation]:
    with NotionImitation() as imitation:
        yield imitation


@pytest.fixture
def notion(server: NotionImitation) -> NotionImitation:
    """The imitation with one page, which it has not served yet."""
    server.journal = Journal()
    server.most = 100
    server.pages.clear()
    server.add("p1", "A page", block("paragraph", "Text"))
    return server


@pytest.fixture
async def fetch(notion: NotionImitation) -> AsyncIterator[Fetch]:
    connector = Notion(TOKEN, notion.url)
    yield fetching(connector)
    await connector.close()


def fetching(connector: Notion) -> Fetch:
    async def fetched(page_id: str) -> Verdict:
        return await connector(FetchDocument(source=Source.NOTION, document_id=page_id), "key")

    return fetched


def read(verdict: Verdict) -> Document:
    assert isinstance(verdict, Accepted), verdict
    return Document.model_validate(verdict.output)


def shapes(verdict: Verdict) -> list[tuple[str, int, bool, str]]:
    return [(found.kind.value, found.level, found.ordered, found.text) for found in read(verdict).blocks]


def code(verdict: Verdict) -> str:
    assert isinstance(verdict, Rejected), verdict
    return verdict.code


async def test_a_page_has_its_title_and_last_change_and_the_hash_of_its_content(
    notion: NotionImitation, fetch: Fetch
) -> None:
    verdict = await fetch("p1")
    assert isinstance(verdict, Accepted)
    assert read(verdict).title == "A page"
    assert read(verdict).modified_at == datetime(2026, 10, 1, 12, 30, tzinfo=UTC)
    notion.add("p1", "A page", block("paragraph", "Other text"))  # within the same minute
    changed = await fetch("p1")
    assert isinstance(changed, Accepted)
    assert verdict.provider_id != changed.provider_id


async def test_the_request_has_the_token_and_the_version(notion: NotionImitation, fetch: Fetch) -> None:
    await fetch("p1")
    for received in notion.journal.received:
        assert received.headers["authorization"] == f"Bearer {TOKEN}"
        assert received.headers["notion-version"] == NOTION_VERSION


async def test_every_kind_of_block_is_read(notion: NotionImitation, fetch: Fetch) -> None:
    cells = [[text("A")], [text("B", bold=True)]]
    notion.add(
        "p2",
        "Kinds",
        block("heading_1", "Head"),
        block("heading_4", "Small"),
        block("bulleted_list_item", "One", children=[block("numbered_list_item", "Two")]),
        block("to_do", "Three", checked=True),
        block("quote", "Four", children=[block("paragraph", "Five")]),
        block("callout", "Six"),
        block("toggle", "Seven", children=[block("paragraph", "Eight")]),
        block("code", "a = 1\nb", language="python"),
        block("column_list", children=[block("column", children=[block("paragraph", "Nine")])]),
        block("synced_block", children=[block("paragraph", "Ten")]),
        block("table", children=[{"type": "table_row", "table_row": {"cells": cells}}]),
        {"type": "equation", "equation": {"expression": "e=mc^2"}},
        {"type": "bookmark", "bookmark": {"url": "https://a.b/", "caption": []}},
        {"type": "image", "image": {"caption": [text("a picture")]}},
        {"type": "divider", "divider": {}},
        block("a_new_kind", "Eleven"),
        block("paragraph", "Deleted") | {"in_trash": True},
        block("child_page", children=[block("paragraph", "Another document")]),
    )
    assert shapes(await fetch("p2")) == [
        ("heading", 1, False, "Head"),
        ("heading", 4, False, "Small"),
        ("item", 1, False, "One"),
        ("item", 2, True, "Two"),
        ("item", 1, False, "Three"),
        ("quote", 0, False, "Four"),
        ("quote", 0, False, "Five"),
        ("paragraph", 0, False, "Six"),
        ("paragraph", 0, False, "Seven"),
        ("paragraph", 0, False, "Eight"),
        ("code", 0, False, "a = 1\nb"),
        ("paragraph", 0, False, "Nine"),
        ("paragraph", 0, False, "Ten"),
        ("row", 0, False, "A\tB\t"),
        ("paragraph", 0, False, "e=mc^2"),
        ("paragraph", 0, False, "https://a.b/"),
        ("paragraph", 0, False, "Eleven"),
    ]


async def test_rich_text_is_spans(notion: NotionImitation, fetch: Fetch) -> None:
    parts = [text("a ", bold=True), text("b", italic=True, link="https://c.d/"), text(" e", link="/an-internal-page")]
    notion.add("p2", "Styles", block("paragraph", *parts))
    assert read(await fetch("p2")).blocks[0].spans == (
        Span(text="a ", bold=True),
        Span(text="b", italic=True, link="https://c.d/"),
        Span(text=" e"),
    )


async def test_lists_of_blocks_are_read_to_their_end(notion: NotionImitation, fetch: Fetch) -> None:
    notion.most = 2
    notion.add("p2", "Long", *(block("paragraph", str(number)) for number in range(5)))
    assert [found.text for found in read(await fetch("p2")).blocks] == ["0", "1", "2", "3", "4"]
    cursors = [received.content.get("start_cursor") for received in notion.journal.received[1:]]
    assert cursors == [None, "cursor-2", "cursor-4"]


async def test_a_page_without_an_end_is_too_large(
    notion: NotionImitation, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.notion.MOST_REQUESTS", 5)
    notion.most = 1
    notion.add("p2", "Long", *(block("paragraph", "a") for _ in range(5)))
    assert code(await fetch("p2")) == "too_large"
    assert notion.journal.requests == 5


async def test_blocks_in_blocks_without_an_end_are_too_large(notion: NotionImitation, fetch: Fetch) -> None:
    nested: list[Json] = []
    for _ in range(DEEPEST + 1):
        nested = [block("toggle", "a", children=nested)]
    notion.add("p2", "Deep", *nested)
    assert code(await fetch("p2")) == "too_large"


async def test_a_page_with_too_much_text_is_too_large(notion: NotionImitation, fetch: Fetch) -> None:
    notion.add("p2", "Much", *(block("paragraph", "a" * 2_000) for _ in range(101)))
    assert code(await fetch("p2")) == "too_large"


async def test_pictures_alone_are_no_text(notion: NotionImitation, fetch: Fetch) -> None:
    notion.add("p2", "Pictures", {"type": "image", "image": {"caption": []}})
    assert code(await fetch("p2")) == "no_text"


async def test_a_page_in_the_trash_is_not_found(notion: NotionImitation, fetch: Fetch) -> None:
    notion.add("p2", "New word", block("paragraph", "a"), in_trash=True)
    notion.add("p3", "Old word", block("paragraph", "a"), archived=True)
    assert [code(await fetch(page)) for page in ("p2", "p3", "p4")] == ["not_found"] * 3


@pytest.mark.parametrize(
    ("status", "expected"),
    [(400, "bad_address"), (401, "credentials"), (403, "forbidden"), (404, "not_found")],
)
async def test_a_refusal_is_final(notion: NotionImitation, fetch: Fetch, status: int, expected: str) -> None:
    notion.behave(failing(status))
    assert code(await fetch("p1")) == expected


@pytest.mark.parametrize("status", [409, 500, 503, 504])
async def test_a_failure_may_pass(notion: NotionImitation, fetch: Fetch, status: int) -> None:
    notion.behave(failing(status), dropping(recorded=True))
    assert await fetch("p1") == Deferred(f"http_{status}", f"Notion answered {status}")
    assert isinstance(await fetch("p1"), Deferred)


async def test_a_short_pause_is_made_within_the_fetch_and_a_long_one_before_the_next(
    notion: NotionImitation, fetch: Fetch
) -> None:
    notion.behave(throttling("0", to="/v1/blocks/p1/children"))
    assert isinstance(await fetch("p1"), Accepted)
    assert [received.to for received in notion.journal.received].count("/v1/pages/p1") == 1
    notion.behave(throttling("30"))
    assert await fetch("p1") == Deferred("http_429", "Notion answered 429", 30.0)


async def test_endless_pauses_end(notion: NotionImitation, fetch: Fetch) -> None:
    notion.behave(throttling("0", times=None))
    assert await fetch("p1") == Deferred("http_429", "Notion answered 429", 0.0)
    assert notion.journal.requests == MOST_PAUSES + 1


async def test_a_wrong_token_is_a_final_refusal(notion: NotionImitation) -> None:
    connector = Notion("ntn_other", notion.url)
    verdict = await fetching(connector)("p1")
    await connector.close()
    assert code(verdict) == "credentials"


@pytest.mark.parametrize("page_id", ["", "a/b", "../users", "a?b", "é", "a" * 201])
async def test_an_id_that_is_none_is_not_sent(notion: NotionImitation, fetch: Fetch, page_id: str) -> None:
    assert code(await fetch(page_id)) == "bad_address"
    assert notion.journal.requests == 0

"""Whatever a source sends: a document within its bounds, or a refusal, and never an exception."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.document_draft import MOST_STORED, MOST_TEXT, TOO_LARGE, DocumentDraft, DocumentTooLarge, accepted
from connectors.google_document import read_google
from connectors.notion import Notion
from connectors.notion_blocks import TOP, read_block, title_of
from connectors.outward_fetch import Fetched, Unfetchable, checked
from connectors.provider_json import fields_of
from connectors.web_page import read
from domain.calls.document import BlockKind, Document, FetchDocument, Source
from streams.core.calls import Accepted, Rejected, Verdict
from tests.imitations.notion import TOKEN, NotionImitation

Json = dict[str, Any]

TAGS = ["p", "h1", "h6", "ul", "ol", "li", "a", "b", "i", "table", "tr", "td", "th", "pre", "blockquote", "br", "div"]
TAGS += ["script", "style", "title", "svg", "main", "article", "nav", "time", "meta", "base", "template", "x", "head"]
ATTRIBUTES = [' href="/x"', ' href="javascript:x"', " href=http://[", " hidden", ' style="display:none"', ' a="', " ="]
ATTRIBUTES += [' datetime="2026-01-01"', ' property="article:modified_time" content="0001-01-01T00:00+14:00"', "/"]

WORDS = st.text(st.characters(), max_size=8) | st.sampled_from(["&amp;", "&#0;", "&#x110000;", "\0", "\ud800", "]]>"])
PIECES = (
    WORDS
    | st.tuples(st.sampled_from(TAGS), st.sampled_from(["", *ATTRIBUTES])).map(lambda tag: f"<{tag[0]}{tag[1]}>")
    | st.sampled_from(TAGS).map(lambda tag: f"</{tag}>")
    | st.sampled_from(["<!--", "-->", "<!", "<?", "</", "<", ">", "<a b='", '"'])
)
HTML = st.lists(PIECES, max_size=30).map("".join)
MARKS = st.sampled_from(["# ", "- ", "1. ", "> ", "```", "~~~", "|a|b|", "|-|-|", "[a](", "](", "![", "**", "_", "`"])
MARKDOWN = st.lists(MARKS | WORDS | st.sampled_from(["\n", "\r\n", "    ", "---\n", "title: x\n", "<br>"]), max_size=30)
TYPES = st.sampled_from(["text/html", "text/html; charset=utf-16", "text/markdown", "text/plain;charset=zip", "text/"])

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**30) | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@st.composite
def spoilt(draw: st.DrawFn, value: Any) -> Any:
    """The JSON, of which some parts are absent or something else."""
    if draw(st.integers(0, 19)) == 0:
        return draw(ANYTHING)
    match value:
        case dict():
            return {name: draw(spoilt(part)) for name, part in value.items() if draw(st.integers(0, 19))}
        case list():
            return [draw(spoilt(part)) for part in value]
        case _:
            return value


def google() -> Json:
    run = {"textRun": {"content": "text\n", "textStyle": {"bold": True, "link": {"url": "https://a.b/"}}}}
    chips = [
        {"richLink": {"richLinkProperties": {"title": "a", "uri": "https://a.b/"}}},
        {"person": {"personProperties": {"name": "Ada"}}},
        {"dateElement": {"dateElementProperties": {"displayText": "today"}}},
    ]
    paragraph = {
        "paragraph": {
            "elements": [run, *chips],
            "paragraphStyle": {"namedStyleType": "NORMAL_TEXT"},
            "bullet": {"listId": "l", "nestingLevel": 1},
        }
    }
    heading = {"paragraph": {"elements": [run], "paragraphStyle": {"namedStyleType": "HEADING_1"}}}
    cell = {"content": [paragraph]}
    table = {"table": {"tableRows": [{"tableCells": [cell, cell]}]}}
    lists = {"l": {"listProperties": {"nestingLevels": [{"glyphType": "DECIMAL"}]}}}
    tab = {
        "tabProperties": {"title": "A"},
        "documentTab": {"body": {"content": [heading, paragraph, table]}, "lists": lists},
    }
    return {"title": "t", "revisionId": "r", "tabs": [tab | {"childTabs": [tab]}, tab]}


def notion(kind: str) -> Json:
    rich = [{"plain_text": "a", "href": "https://a.b/", "annotations": {"bold": True, "italic": False}}]
    content = {"rich_text": rich, "cells": [rich, rich], "expression": "x", "url": "https://a.b/", "caption": rich}
    return {"object": "block", "id": "b", "type": kind, kind: content, "has_children": False, "in_trash": False}


KINDS = ["paragraph", "heading_2", "bulleted_list_item", "quote", "code", "table_row", "equation", "bookmark", "other"]


def verdict_of(reading: Callable[[], DocumentDraft]) -> Verdict:
    try:
        return accepted(reading())
    except DocumentTooLarge:
        return TOO_LARGE


def check(verdict: Verdict) -> None:
    """A refusal that is documented, or a document that can be recorded."""
    if isinstance(verdict, Rejected):
        assert verdict.code in {"too_large", "no_text"}
        return
    assert isinstance(verdict, Accepted)
    text = json.dumps(verdict.output)
    assert "\\u0000" not in text
    assert len(text.encode(errors="strict")) <= 3 * MOST_STORED
    document = Document.model_validate_json(text)
    assert sum(len(block.text.encode()) for block in document.blocks) <= MOST_TEXT
    for block in document.blocks:
        assert block.text.strip()
        assert (1 <= block.level <= 6) if block.kind is BlockKind.HEADING else (0 <= block.level <= 9)
        assert block.kind is not BlockKind.ROW or block.text.endswith("\t")
        for span in block.spans:
            assert span.text
            assert span.link is None or span.link.lower().startswith(("http://", "https://", "mailto:"))


def fetched(text: str, content_type: str) -> Fetched:
    body = text.encode("utf-8", "surrogatepass")
    return Fetched(httpx2.URL("https://example.com/a/b"), {"content-type": content_type}, body)


@settings(max_examples=300)
@given(HTML, TYPES)
@example("<p>&#" + "9" * 5_000 + ";", "text/html")
@example("<li>" * 50 + "</ul>" * 50 + "x", "text/html")
def test_any_html_is_a_document_or_a_refusal(html: str, content_type: str) -> None:
    check(verdict_of(lambda: read(fetched(html, content_type))))


@given(MARKDOWN.map("".join), st.sampled_from(["text/markdown", "text/plain"]))
def test_any_markdown_is_a_document_or_a_refusal(text: str, content_type: str) -> None:
    check(verdict_of(lambda: read(fetched(text, content_type))))


@given(st.binary(max_size=60), st.text(max_size=40))
def test_any_bytes_of_any_charset_are_a_document_or_a_refusal(body: bytes, charset: str) -> None:
    for media_type in ("text/html", "text/plain"):
        page = Fetched(httpx2.URL("http://a/"), {"content-type": f"{media_type}; charset={charset}"}, body)
        check(verdict_of(lambda page=page: read(page)))  # type: ignore[misc]


@settings(max_examples=60)
@given(spoilt(google()))
def test_any_json_of_google_is_a_document_or_a_refusal(answer: Any) -> None:
    check(verdict_of(lambda: read_google(fields_of(json.dumps(answer)))))


@given(st.sampled_from(KINDS).flatmap(lambda kind: spoilt(notion(kind))))
def test_any_block_of_notion_is_read(block: Any) -> None:
    draft = DocumentDraft()
    fields = fields_of(json.dumps(block))
    read_block(draft, fields, TOP)
    draft.title = title_of({"properties": fields})
    check(accepted(draft))


@pytest.mark.parametrize("depth", [100, 450])
def test_json_of_any_depth_is_read(depth: int) -> None:
    nested: Json = {"paragraph": {"elements": [{"textRun": {"content": "deep"}}]}}
    for _ in range(depth // 8):
        nested = {"table": {"tableRows": [{"tableCells": [{"content": [nested]}]}]}}
    tabs: list[Json] = []
    for _ in range(depth // 2):
        tabs = [{"documentTab": {"body": {"content": [nested]}}, "childTabs": tabs}]
        nested = {}
    check(verdict_of(lambda: read_google(fields_of(json.dumps({"tabs": tabs})))))


@given(
    st.text(max_size=30) | st.text(max_size=20).map("http://".__add__) | st.text(max_size=20).map("http://a/".__add__)
)
def test_any_text_is_an_address_or_a_refusal(address: str) -> None:
    with suppress(Unfetchable):
        url = checked(address)
        assert url.scheme in {"http", "https"}
        assert url.host
        assert not url.userinfo


@pytest.fixture(scope="module")
def server() -> Iterator[NotionImitation]:
    with NotionImitation() as imitation:
        yield imitation


@settings(max_examples=10, deadline=None)
@given(page=spoilt({"properties": {"Name": {"type": "title", "title": [{"plain_text": "a"}]}}, "in_trash": False}))
def test_any_page_of_notion_has_a_verdict(server: NotionImitation, page: Any) -> None:
    server.pages["p"] = page
    server.children["p"] = [notion("paragraph"), *([page] if isinstance(page, dict) else [])]

    async def fetch() -> Verdict:
        connector = Notion(TOKEN, server.url)
        verdict = await connector(FetchDocument(source=Source.NOTION, document_id="p"), "key")
        await connector.close()
        return verdict

    assert isinstance(asyncio.run(fetch()), Verdict)

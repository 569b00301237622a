"""Google Docs fetched from an imitation of its APIs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.google_credentials import GoogleCredentials, ServiceAccount, access_token, api_key
from connectors.google_docs import GoogleDocs
from domain.calls.document import Document, FetchDocument, Source, Span
from streams.core.calls import Accepted, Deferred, Rejected, Verdict
from tests.imitations import Behaviour, Journal, dropping, failing, throttling
from tests.imitations.google import ACCESS_TOKEN, ACCOUNT, API_KEY, KEY_ID, GoogleImitation

Fetch = Callable[[str], Awaitable[Verdict]]
Json = dict[str, Any]

DOCUMENT_PATH = "/v1/documents/d1"


@pytest.fixture(scope="module")
def server() -> Iterator[GoogleImitation]:
    with GoogleImitation() as imitation:
        yield imitation


@pytest.fixture
def google(server: GoogleImitation) -> GoogleImitation:
    """The imitation with one document, which it has not served yet."""
    server.journal = Journal()
    server.documents = {"d1": document(paragraph("Text"))}
    server.modified = {"d1": "2026-10-01T12:30:00.123Z"}
    server.tokens = set()
    server.expires_in = 3599
    return server


@pytest.fixture
async def fetch(google: GoogleImitation) -> AsyncIterator[Fetch]:
    docs = GoogleDocs(access_token(ACCESS_TOKEN), google.url, google.url)
    yield fetching(docs)
    await docs.close()


def fetching(docs: GoogleDocs) -> Fetch:
    async def fetched(document_id: str = "d1") -> Verdict:
        return await docs(FetchDocument(source=Source.GOOGLE_DOCS, document_id=document_id), "key")

    return fetched


async def once(google: GoogleImitation, credentials: GoogleCredentials) -> Verdict:
    docs = GoogleDocs(credentials, google.url, google.url)
    verdict = await fetching(docs)("d1")
    await docs.close()
    return verdict


def document(*content: Json, **fields: Any) -> Json:
    return {"documentId": "d1", "title": "Monthly news", "revisionId": "r1", "tabs": [tab("Tab 1", *content)]} | fields


def tab(title: str, *content: Json, below: tuple[Json, ...] = (), lists: Json | None = None) -> Json:
    return {
        "tabProperties": {"tabId": "t", "title": title, "index": 0},
        "documentTab": {"body": {"content": [{"sectionBreak": {}}, *content]}, "lists": lists or {}},
        "childTabs": list(below),
    }


def paragraph(*parts: str | Json, style: str = "NORMAL_TEXT", **fields: Any) -> Json:
    elements = [run(part) if isinstance(part, str) else part for part in parts]
    return {"paragraph": {"elements": elements, "paragraphStyle": {"namedStyleType": style}} | fields}


def run(content: str, **style: Any) -> Json:
    return {"startIndex": 1, "textRun": {"content": content, "textStyle": style}}


def table(*rows: tuple[str, ...]) -> Json:
    return {"table": {"tableRows": [{"tableCells": [{"content": [paragraph(cell)]} for cell in row]} for row in rows]}}


def read(verdict: Verdict) -> Document:
    assert isinstance(verdict, Accepted), verdict
    return Document.model_validate(verdict.output)


def shapes(verdict: Verdict) -> list[tuple[str, int, bool, str]]:
    return [(block.kind.value, block.level, block.ordered, block.text) for block in read(verdict).blocks]


async def test_a_document_has_its_title_revision_and_last_change(google: GoogleImitation, fetch: Fetch) -> None:
    verdict = await fetch("d1")
    assert isinstance(verdict, Accepted)
    assert verdict.provider_id == "r1"
    assert read(verdict).title == "Monthly news"
    assert read(verdict).modified_at == datetime(2026, 10, 1, 12, 30, 0, 123_000, tzinfo=UTC)


async def test_the_request_asks_for_all_tabs_and_no_suggestions(google: GoogleImitation, fetch: Fetch) -> None:
    await fetch("d1")
    asked, changed = google.journal.received
    assert asked.content == {"includeTabsContent": "true", "suggestionsViewMode": "PREVIEW_WITHOUT_SUGGESTIONS"}
    assert changed.to == "/drive/v3/files/d1"


async def test_headings_lists_and_tables_are_blocks(google: GoogleImitation, fetch: Fetch) -> None:
    lists = {
        "l1": {"listProperties": {"nestingLevels": [{"glyphType": "DECIMAL"}, {"glyphSymbol": "●"}]}},
    }
    content = [
        paragraph("Title\n", style="TITLE"),
        paragraph("Head\n", style="HEADING_2"),
        paragraph("One\n", bullet={"listId": "l1"}),
        paragraph("Two\n", bullet={"listId": "l1", "nestingLevel": 1}),
        paragraph("Three\n", bullet={"listId": "unknown"}),
        table(("A\n", "B\n"), ("1\n", "\n")),
        table(("Framed\n",)),
        paragraph("\n"),
        {"tableOfContents": {"content": [paragraph("Head")]}},
    ]
    google.documents["d1"] = document() | {"tabs": [tab("Tab 1", *content, lists=lists)]}
    assert shapes(await fetch("d1")) == [
        ("heading", 1, False, "Title"),
        ("heading", 2, False, "Head"),
        ("item", 1, True, "One"),
        ("item", 2, False, "Two"),
        ("item", 1, False, "Three"),
        ("row", 0, False, "A\tB\t"),
        ("row", 0, False, "1\t\t"),
        ("paragraph", 0, False, "Framed"),
    ]


async def test_styles_links_and_chips_are_spans(google: GoogleImitation, fetch: Fetch) -> None:
    google.documents["d1"] = document(
        paragraph(
            run("a ", bold=True),
            run("b", italic=True, link={"url": "https://c.d/"}),
            run(" e", link={"headingId": "h.1"}),
            {"richLink": {"richLinkProperties": {"title": " Plan", "uri": "https://docs.google.com/x"}}},
            {"person": {"personProperties": {"name": " Ada", "email": "ada@example.com"}}},
            {"dateElement": {"dateElementProperties": {"displayText": " Oct 1, 2026"}}},
            {"inlineObjectElement": {"inlineObjectId": "picture"}},
            run("\x0bnext\ue907\n"),
        )
    )
    assert read(await fetch("d1")).blocks[0].spans == (
        Span(text="a ", bold=True),
        Span(text="b", italic=True, link="https://c.d/"),
        Span(text=" e"),
        Span(text=" Plan", link="https://docs.google.com/x"),
        Span(text=" Ada Oct 1, 2026\nnext"),
    )


async def test_what_is_only_suggested_is_left_out(google: GoogleImitation, fetch: Fetch) -> None:
    suggested = {"textRun": {"content": "not agreed", "suggestedInsertionIds": ["s.1"]}}
    google.documents["d1"] = document(paragraph("agreed ", suggested))
    assert [block.text for block in read(await fetch("d1")).blocks] == ["agreed"]


async def test_tabs_and_nested_tabs_are_read_under_their_titles(google: GoogleImitation, fetch: Fetch) -> None:
    nested = tab("Deep", paragraph("three"))
    tabs = [tab("Tab 1", paragraph("one")), tab("Tips", paragraph("two"), below=(nested,))]
    google.documents["d1"] = document() | {"tabs": tabs}
    assert [block.text for block in read(await fetch("d1")).blocks] == ["one", "Tips", "two", "Deep", "three"]


async def test_an_answer_without_tabs_is_read_from_its_top(google: GoogleImitation, fetch: Fetch) -> None:
    google.documents["d1"] = {"title": "Old", "body": {"content": [paragraph("Text")]}}
    verdict = await fetch("d1")
    assert isinstance(verdict, Accepted)
    assert len(verdict.provider_id) == 64  # no revision is shown, so that the content counts
    assert [block.text for block in read(verdict).blocks] == ["Text"]


async def test_without_drives_answer_the_last_change_is_not_known(google: GoogleImitation, fetch: Fetch) -> None:
    google.behave(failing(403, to="/drive/v3/files/d1"), dropping(recorded=True, to="/drive/v3/files/d1"))
    for _ in range(2):
        assert read(await fetch("d1")).modified_at is None


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        (401, None, "credentials"),
        (403, None, "forbidden"),
        (403, "SERVICE_DISABLED", "credentials"),
        (403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "credentials"),
        (400, "API_KEY_INVALID", "credentials"),
        (400, None, "bad_address"),
        (404, None, "not_found"),
    ],
)
async def test_a_refusal_is_final(
    google: GoogleImitation, fetch: Fetch, status: int, reason: str | None, code: str
) -> None:
    google.behave(failing(status, reason, to=DOCUMENT_PATH))
    verdict = await fetch("d1")
    assert isinstance(verdict, Rejected)
    assert verdict.code == code


async def test_too_many_requests_wait_as_long_as_google_says(google: GoogleImitation, fetch: Fetch) -> None:
    google.behave(
        failing(429, to=DOCUMENT_PATH, headers={"retryDelay": "21.5s", "Retry-After": "3"}),
        throttling("3", to=DOCUMENT_PATH),
        failing(403, "RATE_LIMIT_EXCEEDED", to=DOCUMENT_PATH, headers={"retryDelay": "nonsense"}),
    )
    assert await fetch("d1") == Deferred("http_429", "Google answered 429", 21.5)
    assert await fetch("d1") == Deferred("http_429", "Google answered 429", 3.0)
    assert await fetch("d1") == Deferred("http_403", "Google answered 403", None)


@pytest.mark.parametrize("behaviour", [failing(500), failing(503), dropping(recorded=True)])
async def test_a_failure_may_pass(google: GoogleImitation, fetch: Fetch, behaviour: Behaviour) -> None:
    google.behave(behaviour.model_copy(update={"to": DOCUMENT_PATH}))
    assert isinstance(await fetch("d1"), Deferred)


async def test_an_answer_that_is_no_document_is_asked_for_again(google: GoogleImitation, fetch: Fetch) -> None:
    google.documents["d1"] = {}
    assert isinstance(await fetch("d1"), Deferred)


@pytest.mark.parametrize("document_id", ["", "a/b", "../x", "a?b", "é", "a" * 201])
async def test_an_id_that_is_none_is_not_sent(google: GoogleImitation, fetch: Fetch, document_id: str) -> None:
    verdict = await fetch(document_id)
    assert isinstance(verdict, Rejected)
    assert verdict.code == "bad_address"
    assert google.journal.requests == 0


async def test_pictures_alone_are_no_text_and_much_text_is_too_large(google: GoogleImitation, fetch: Fetch) -> None:
    google.documents["d1"] = document(paragraph({"inlineObjectElement": {"inlineObjectId": "picture"}}))
    google.documents["d2"] = document(*[paragraph("a" * 50_000)] * 5)
    codes = [verdict.code for verdict in (await fetch("d1"), await fetch("d2")) if isinstance(verdict, Rejected)]
    assert codes == ["no_text", "too_large"]


async def test_an_api_key_goes_into_a_header(google: GoogleImitation) -> None:
    assert isinstance(await once(google, api_key(API_KEY)), Accepted)
    asked = google.journal.received[-1]
    assert asked.headers["x-goog-api-key"] == API_KEY
    assert "key" not in asked.content


async def test_a_service_account_gets_a_token_and_keeps_it(google: GoogleImitation, tmp_path: Path) -> None:
    account = ServiceAccount(google.service_account(tmp_path), f"{google.url}/token")
    docs = GoogleDocs(account, google.url, google.url)
    for _ in range(2):
        assert isinstance(await fetching(docs)("d1"), Accepted)
    await docs.close()
    assert google.tokens == {"ya29.service-1"}


async def test_a_token_that_ends_is_replaced(google: GoogleImitation, tmp_path: Path) -> None:
    google.expires_in = 10  # less than the margin
    account = ServiceAccount(google.service_account(tmp_path), f"{google.url}/token")
    first, second = await account.headers(), await account.headers()
    await account.close()
    assert first != second


async def test_a_token_that_is_refused_is_replaced_once(google: GoogleImitation, tmp_path: Path) -> None:
    account = ServiceAccount(google.service_account(tmp_path), f"{google.url}/token")
    docs = GoogleDocs(account, google.url, google.url)
    google.behave(failing(401, to=DOCUMENT_PATH))
    assert isinstance(await fetching(docs)("d1"), Accepted)
    google.behave(failing(401, to=DOCUMENT_PATH, times=2))
    verdict = await fetching(docs)("d1")
    await docs.close()
    assert isinstance(verdict, Rejected)
    assert verdict.code == "credentials"


@pytest.mark.parametrize("changes", [{"private_key": "no key"}, {"private_key": None}, {"client_email": "other@x.y"}])
async def test_an_account_that_gets_no_token_is_a_final_refusal(
    google: GoogleImitation, tmp_path: Path, changes: Json
) -> None:
    account = ServiceAccount(google.service_account(tmp_path, **changes), f"{google.url}/token")
    verdict = await once(google, account)
    assert isinstance(verdict, Rejected)
    assert verdict.code == "credentials"
    assert ACCOUNT not in verdict.reason


@pytest.mark.parametrize("content", [None, b"", b"[]", b"\xff", b"{}"])
async def test_a_file_that_is_no_account_is_a_final_refusal(
    google: GoogleImitation, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "account.json"
    if content is not None:
        file.write_bytes(content)
    verdict = await once(google, ServiceAccount(file, f"{google.url}/token"))
    assert isinstance(verdict, Rejected)
    assert verdict.code == "credentials"
    assert KEY_ID not in verdict.reason


@pytest.mark.parametrize("behaviour", [failing(503, to="/token"), dropping(recorded=True, to="/token")])
async def test_a_token_endpoint_in_trouble_is_asked_again(
    google: GoogleImitation, tmp_path: Path, behaviour: Behaviour
) -> None:
    google.behave(behaviour)
    account = ServiceAccount(google.service_account(tmp_path), f"{google.url}/token")
    assert isinstance(await once(google, account), Deferred)

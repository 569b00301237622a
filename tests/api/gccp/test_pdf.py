"""PDFs over HTTP: read back, named safely, bounded, and every one on record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pypdfium2  # type: ignore[import-untyped]
import pytest

from api.gccp import export
from documents.render.pool import PdfPool
from documents.render.request import DocumentLimits
from tests.api.gccp.conftest import Shared
from tests.api.gccp.service import Service

EXPORTS = "select status, filename, pages, pdf_bytes, content_bytes, code from gccp_exports where owner = %s"
COURSE = """# Machine learning

Some **bold** text, `code`, a [link](https://example.com) and $x^2$.

| a | b |
|--:|---|
| 1 | two |

```python
print("hello")
```

- one
- two[^1]

[^1]: The note.

## التعلم الآلي
"""


def pages(pdf: bytes) -> list[str]:
    """The text of each page."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [page.get_textpage().get_text_range() for page in document]
    finally:
        document.close()


def made(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert int(answer.headers["content-length"]) == len(answer.content)
    return pages(answer.content)


def test_what_is_in_the_document_is_on_its_pages(shared: Shared) -> None:
    (page,) = made(shared.ask("POST", "/export/pdf", json={"content": COURSE, "title": "ML", "author": "GCCP"}))
    for text in ("Machine learning", "bold", 'print("hello")', "two", "The note."):
        assert text in page
    for text in ("**", "```", "[^1]", "|--"):
        assert text not in page


def test_title_and_author_are_in_the_file_and_the_document_has_a_title_without_one(shared: Shared) -> None:
    body = {"content": "# Hello", "title": "Course \\ (one) «ü» \u6df1", "author": "Ada"}
    document = pypdfium2.PdfDocument(shared.ask("POST", "/export/pdf", json=body).content)
    assert (document.get_metadata_value("Title"), document.get_metadata_value("Author")) == (body["title"], "Ada")
    document.close()
    document = pypdfium2.PdfDocument(shared.ask("POST", "/export/pdf", json={"content": "x"}).content)
    assert document.get_metadata_value("Title") == "Document"
    document.close()


def test_a_long_document_has_many_pages(shared: Shared) -> None:
    body = "\n\n".join(f"## Section {number}\n\n{'words and words ' * 150}" for number in range(40))
    found = made(shared.ask("POST", "/export/pdf", json={"content": body}))
    assert len(found) > 10
    assert "Section 39" in found[-1] + found[-2]


def test_styling_is_honoured(shared: Shared) -> None:
    body = {"content": "words " * 2000}
    small = shared.ask("POST", "/export/pdf", json=body | {"styling": {"fontSize": 8, "lineHeight": 1.1}})
    large = shared.ask("POST", "/export/pdf", json=body | {"styling": {"fontSize": 20, "lineHeight": 2}})
    assert len(made(large)) > 3 * len(made(small))


@pytest.mark.parametrize(
    ("filename", "header"),
    [
        ("ml-intro.pdf", 'attachment; filename="ml-intro.pdf"'),
        ("ml-intro", 'attachment; filename="ml-intro.pdf"'),
        (None, 'attachment; filename="document.pdf"'),
        ("../../etc/passwd", 'attachment; filename="passwd.pdf"'),
        ('a"; filename="b.exe', 'attachment; filename="a__ filename=_b.exe.pdf"'),
        ("a\r\nSet-Cookie: x=1", 'attachment; filename="a Set-Cookie_ x=1.pdf"'),
        ("Einführung.pdf", "attachment; filename=\"Einfuhrung.pdf\"; filename*=UTF-8''Einf%C3%BChrung.pdf"),
    ],
)
def test_the_file_is_named_safely(shared: Shared, filename: str | None, header: str) -> None:
    answer = shared.ask("POST", "/export/pdf", json={"content": "# Hello", "filename": filename})
    named = answer.headers["content-disposition"]
    assert "\r" not in named
    assert "\n" not in named
    assert named.replace("  ", " ") == header


HOSTILE = [
    '$\\text{" #read("/etc/passwd") "}$',
    '#read("/etc/passwd") #import "@preview/cetz:0.1.0": *',
    "<img src='http://127.0.0.1:1/x'><script>alert(1)</script>",
    "![x](file:///etc/passwd) ![y](http://127.0.0.1:1/y.png)",
    "$\\undefined{x}$ and $\\ce{H2O}$ and $" + "{" * 500 + "$",
    "> " * 300 + "deep",
    "- " * 200 + "deep",
    "\u202e\u200b\ufeff\u0301" * 500,
    "|" * 5_000,
    "[a](" * 2_000,
    "`" * 9_999,
    "*_" * 5_000,
]


@pytest.mark.parametrize("content", HOSTILE, ids=lambda content: content[:20])
def test_a_hostile_document_is_set_as_text_or_refused_and_nothing_is_read(shared: Shared, content: str) -> None:
    answer = shared.ask("POST", "/export/pdf", json={"content": content})
    if answer.status_code == 200:
        assert "root:" not in "".join(made(answer))
    else:
        assert (answer.status_code, answer.json()["code"]) == (400, "PDF_GENERATION_FAILED")
    assert made(shared.ask("POST", "/export/pdf", json={"content": "# Still well"})) != []


def test_a_document_that_is_too_long_is_refused_with_the_limit(shared: Shared) -> None:
    answer = shared.ask("POST", "/export/pdf", json={"content": "x" * ((1 << 20) + 1)})
    assert (answer.status_code, answer.json()["code"]) == (400, "PDF_GENERATION_FAILED")
    assert "1,048,576" in answer.json()["details"]


def test_a_document_of_a_mebibyte_passes_though_escaped_it_is_longer(shared: Shared) -> None:
    content = "\u00fc\n\n" * 1000
    body = ('{"content": "' + "\\u00fc\\n\\n" * 1000 + '"}').encode()
    assert made(shared.ask("POST", "/export/pdf", content=body)) == made(
        shared.ask("POST", "/export/pdf", json={"content": content})
    )


async def post(service: Service, **body: Any) -> httpx2.Response:
    return await service.client.post("/export/pdf", json={"content": "# Hello"} | body)


async def test_every_export_is_on_record(service: Service) -> None:
    answer = await post(service, filename="a/b.pdf")
    ((status, filename, count, size, given, code),) = await service.rows(EXPORTS, service.user)
    assert (status, filename, count, given, code) == ("exported", "b.pdf", 1, 7, None)
    assert size == len(answer.content)
    assert answer.headers["Headwater-Position"].startswith("gccp/")


async def test_the_pages_that_are_recorded_are_those_there_are(service: Service) -> None:
    answer = await post(service, content="/Type/Pages/Count 9 " + "words " * 5000, title="/Type/Pages/Count 99")
    ((_, _, count, *_),) = await service.rows(EXPORTS, service.user)
    assert count == len(pages(answer.content)) > 3


def slow_document() -> str:
    """Takes seconds to set: thousands of different formulas."""
    return "\n\n".join(f"$\\frac{{{n}}}{{x^{{{n}}}}} + \\sqrt{{{n}}}$" for n in range(20_000))


@asynccontextmanager
async def rendering(service: Service, pool: PdfPool) -> AsyncIterator[None]:
    """The service renders with this pool for a while."""
    usual = service.own.pdf
    async with pool:
        object.__setattr__(service.own, "pdf", pool)
        yield
        object.__setattr__(service.own, "pdf", usual)


async def test_a_document_that_takes_too_long_is_refused_and_recorded(service: Service) -> None:
    async with rendering(service, PdfPool(DocumentLimits(seconds=1.0))):
        answer = await post(service, content=slow_document())
        assert (answer.status_code, answer.json()["code"]) == (400, "PDF_GENERATION_FAILED")
        assert "1 seconds" in answer.json()["details"]
        ((status, *_, code),) = await service.rows(EXPORTS, service.user)
        assert (status, code) == ("failed", "too_slow")
        assert (await post(service)).status_code == 200


async def test_a_client_that_leaves_is_rendered_for_no_longer(service: Service) -> None:
    asking = asyncio.create_task(post(service, content=slow_document()))
    async with asyncio.timeout(60):
        while not service.own.pdf.pids:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        asking.cancel()
        rows = await service.until(bool, EXPORTS, service.user)
    assert (rows[0][0], rows[0][5]) == ("failed", "client_disconnected")
    assert service.own.pdf.pids == []


async def test_when_too_many_wait_the_next_is_told_to_come_again(service: Service) -> None:
    narrow = PdfPool(workers=1, waiting=0)
    async with rendering(service, narrow):
        first = asyncio.create_task(post(service, content=slow_document()))
        async with asyncio.timeout(60):
            while not narrow._idle.empty():
                await asyncio.sleep(0.01)
        answer = await post(service)
        assert (answer.status_code, answer.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
        assert int(answer.headers["Retry-After"]) > 0
        first.cancel()
        await service.until(lambda rows: len(rows) == 2, EXPORTS, service.user)


async def test_the_same_key_is_one_export_and_another_document_under_it_a_conflict(service: Service) -> None:
    headers = {"Idempotency-Key": "once"}
    body = {"content": "# Hello"}
    first = await service.client.post("/export/pdf", json=body, headers=headers)
    again = await service.client.post("/export/pdf", json=body, headers=headers)
    other = await service.client.post("/export/pdf", json={"content": "# Other"}, headers=headers)
    assert (first.status_code, again.status_code, other.status_code) == (200, 200, 409)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(await service.rows(EXPORTS, service.user)) == 1


def test_no_failure_of_the_renderer_lacks_an_answer() -> None:
    from documents.errors import DocumentError, InvalidStyling

    assert set(DocumentError.__subclasses__()) == export.FAILURES.keys() | {InvalidStyling}


def test_characters_that_no_font_has_are_named_in_a_header(shared: Shared) -> None:
    unknown = shared.ask("POST", "/export/pdf", json={"content": "# Signs \U0001bbbb\n\n✅ \U0001bbbb"})
    assert unknown.headers["X-Missing-Characters"] == "U+1BBBB"
    known = shared.ask("POST", "/export/pdf", json={"content": "✅ done"})
    assert "X-Missing-Characters" not in known.headers


def test_a_table_that_fits_on_no_page_is_refused_in_a_sentence(shared: Shared) -> None:
    table = f"|{'a|' * 300}\n|{'-|' * 300}\n|{'incomprehensible|' * 300}"
    refused = shared.ask("POST", "/export/pdf", json={"content": table})
    assert refused.status_code == 400
    assert refused.json()["details"] == "a table has too many columns, or too long words in them, to fit on a page"

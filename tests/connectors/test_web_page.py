"""Web pages fetched from a local server that is well-behaved, and from one that is not."""

from __future__ import annotations

import gzip
import resource
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest

from connectors.web_page import MOST_BYTES, WebPages
from domain.calls.document import BlockKind, Document, FetchDocument, Source
from streams.core.calls import Accepted, Deferred, Rejected, Verdict
from tests.connectors.names import Names
from tests.imitations import dropping, failing, throttling
from tests.imitations.web import PAGE, WebImitation

Fetch = Callable[[str], Awaitable[Verdict]]


@pytest.fixture
async def fetch(dns: Names) -> AsyncIterator[Fetch]:
    pages = WebPages()

    async def fetched(address: str) -> Verdict:
        return await pages(FetchDocument(source=Source.URL, document_id=address), "key")

    yield fetched
    await pages.close()


def document(verdict: Verdict) -> Document:
    assert isinstance(verdict, Accepted), verdict
    return Document.model_validate(verdict.output)


def texts(verdict: Verdict) -> list[str]:
    return [block.text for block in document(verdict).blocks]


def code(verdict: Verdict) -> str:
    assert isinstance(verdict, Rejected), verdict
    return verdict.code


async def test_a_page_is_a_document_with_the_hash_of_its_content_as_version(web: WebImitation, fetch: Fetch) -> None:
    address = web.publish("/a", PAGE, last_modified="Wed, 21 Oct 2015 07:28:00 GMT")
    first = await fetch(address)
    assert document(first).title == "A page"
    assert document(first).modified_at == datetime(2015, 10, 21, 7, 28, tzinfo=UTC)
    assert texts(first) == ["It has text."]
    web.publish("/a", PAGE, last_modified="Thu, 22 Oct 2015 07:28:00 GMT")
    second = await fetch(address)
    web.publish("/a", PAGE.replace(b"text", b"words"))
    third = await fetch(address)
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    assert isinstance(third, Accepted)
    assert first.provider_id == second.provider_id != third.provider_id


async def test_markdown_is_read_by_its_type_its_name_or_its_marks(web: WebImitation, fetch: Fetch) -> None:
    text = "# News\n\nSome *text*."
    for address in (
        web.publish("/typed", text, "text/markdown; charset=utf-8"),
        web.publish("/named.md", text, "text/plain"),
        web.publish("/marked", text, "text/plain"),
    ):
        blocks = document(await fetch(address)).blocks
        assert [(block.kind, block.text) for block in blocks] == [
            (BlockKind.HEADING, "News"),
            (BlockKind.PARAGRAPH, "Some text."),
        ]


async def test_plain_text_is_paragraphs(web: WebImitation, fetch: Fetch) -> None:
    assert texts(await fetch(web.publish("/a.txt", "one *line*\nand more\n\n\ntwo", "text/plain"))) == [
        "one *line*\nand more",
        "two",
    ]


async def test_links_of_a_page_are_absolute_after_its_redirects(web: WebImitation, fetch: Fetch) -> None:
    web.publish("/deep/page", '<p><a href="other">a link</a>')
    [block] = document(await fetch(web.redirect("/start", "/deep/page"))).blocks
    assert block.spans[0].link == f"{web.url}/deep/other"


async def test_five_redirects_are_followed_and_not_six(web: WebImitation, fetch: Fetch) -> None:
    assert texts(await fetch(f"{web.url}/chain/5")) == ["It has text."]
    assert code(await fetch(f"{web.url}/chain/6")) == "bad_address"
    assert code(await fetch(f"{web.url}/loop")) == "bad_address"


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("http://127.0.0.2:{port}/", "not_public"),
        ("http://2130706434:{port}/", "not_public"),
        ("http://[::1]:{port}/", "not_public"),
        ("http://[::ffff:127.0.0.2]:{port}/", "not_public"),
        ("//10.0.0.1/", "not_public"),
        ("http://169.254.169.254/latest/meta-data/", "not_public"),
        ("http://inside.test:{port}/", "not_public"),
        ("file:///etc/passwd", "bad_address"),
        ("gopher://127.0.0.1:{port}/", "bad_address"),
        ("http://user:secret@127.0.0.1:{port}/", "bad_address"),
        ("http://127.0.0.1:99999/", "bad_address"),
        ("http://[", "bad_address"),
        ("", "bad_address"),
    ],
)
async def test_every_redirect_is_checked(
    web: WebImitation, fetch: Fetch, dns: Names, location: str, expected: str
) -> None:
    dns.add("inside.test", ["127.0.0.2"])
    verdict = await fetch(web.redirect("/start", location.format(port=web.port)))
    if location == "http://[":
        assert not isinstance(verdict, Accepted)
    else:
        assert code(verdict) == expected
    assert web.journal.counts == {"/start": 1}


async def test_a_name_that_leads_inside_at_its_second_resolution_is_not_called(
    web: WebImitation, fetch: Fetch, dns: Names
) -> None:
    dns.add("rebinding.test", ["127.0.0.1"], ["127.0.0.2"])
    web.redirect("/again", f"http://rebinding.test:{web.port}/once")
    assert code(await fetch(f"http://rebinding.test:{web.port}/again")) == "not_public"
    assert dns.questions == {"rebinding.test": 2}


@pytest.mark.parametrize(
    "address",
    [
        "",
        "example.com",
        "ftp://example.com/",
        "javascript:alert(1)",
        "http://",
        "http:///path",
        "http://user@example.com/",
        "http://example.com:0/",
        "http://example.com:65536/",
        "http://exa mple.com\n/",
        "http://\ud800/",
        "http://example.com/\ud800",
        "http://example.com/" + "a" * 2048,
    ],
)
async def test_an_address_that_is_none_is_refused(fetch: Fetch, address: str) -> None:
    assert code(await fetch(address)) == "bad_address"


@pytest.mark.parametrize(
    "address", ["http://localhost.test/", "http://10.1.2.3/", "http://[fd00::1]/", "http://0x7f000002/"]
)
async def test_a_private_address_is_refused_without_a_word_on_what_is_there(
    fetch: Fetch, dns: Names, address: str
) -> None:
    dns.add("localhost.test", ["192.168.1.1"])
    assert await fetch(address) == Rejected("not_public", "the address leads to a place that is not public")


async def test_private_addresses_may_be_allowed(web: WebImitation) -> None:
    pages = WebPages(allow_private=True)
    address = web.publish("/", PAGE)
    verdict = await pages(FetchDocument(source=Source.URL, document_id=address), "key")
    await pages.close()
    assert texts(verdict) == ["It has text."]


async def test_a_name_that_does_not_exist_is_not_found_and_a_silent_resolver_is_asked_again(
    fetch: Fetch, dns: Names
) -> None:
    dns.add("absent.test", socket.gaierror(socket.EAI_NONAME, "no such name"))
    dns.add("silent.test", socket.gaierror(socket.EAI_AGAIN, "no answer"))
    assert code(await fetch("http://absent.test/")) == "not_found"
    assert isinstance(await fetch("http://silent.test/"), Deferred)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(404, "not_found"), (410, "not_found"), (401, "forbidden"), (403, "forbidden"), (418, "forbidden")],
)
async def test_a_refusal_is_final(web: WebImitation, fetch: Fetch, status: int, expected: str) -> None:
    web.behave(failing(status))
    assert await fetch(web.publish("/", PAGE)) == Rejected(expected, f"the address answered {status}")


async def test_a_server_in_trouble_is_asked_again_when_it_says(web: WebImitation, fetch: Fetch) -> None:
    address = web.publish("/", PAGE)
    web.behave(failing(503), throttling("7"), dropping(recorded=True))
    assert await fetch(address) == Deferred("http_503", "the address answered 503")
    assert await fetch(address) == Deferred("http_429", "the address answered 429", 7.0)
    assert isinstance(await fetch(address), Deferred)


async def test_a_server_that_is_not_there_is_asked_again(fetch: Fetch, nobody_there: int) -> None:
    verdict = await fetch(f"http://127.0.0.1:{nobody_there}/")
    assert isinstance(verdict, Deferred)
    assert str(nobody_there) not in verdict.reason


@pytest.mark.parametrize("path", ["/drip", "/silent"])
async def test_a_slow_server_is_left_in_time(web: WebImitation, dns: Names, path: str) -> None:
    pages = WebPages(seconds=0.3)
    verdict = await pages(FetchDocument(source=Source.URL, document_id=f"{web.url}{path}"), "key")
    await pages.close()
    assert isinstance(verdict, Deferred)
    assert verdict.code in {"timeout", "unreachable"}


async def test_a_body_without_an_end_is_too_large(web: WebImitation, fetch: Fetch) -> None:
    assert code(await fetch(f"{web.url}/endless")) == "too_large"
    assert code(await fetch(web.publish("/big", b" " * (MOST_BYTES + 1)))) == "too_large"
    assert code(await fetch(web.publish("/just", b" " * MOST_BYTES))) == "no_text"


async def test_a_gigabyte_in_a_megabyte_takes_no_gigabyte(web: WebImitation, fetch: Fetch) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert code(await fetch(f"{web.url}/bomb")) == "too_large"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * (1 if sys.platform == "darwin" else 1024) < 200_000_000


async def test_compression_is_read_and_a_broken_one_is_no_text(web: WebImitation, fetch: Fetch) -> None:
    squeezed = gzip.compress(PAGE)
    assert texts(await fetch(web.publish("/gzip", squeezed, content_encoding="gzip"))) == ["It has text."]
    assert code(await fetch(web.publish("/broken", b"no gzip", content_encoding="gzip"))) == "no_text"
    assert code(await fetch(web.publish("/other", PAGE, content_encoding="br"))) == "no_text"


@pytest.mark.parametrize("content_type", ["image/png", "application/pdf", "application/json", "", None])
async def test_what_is_no_text_is_refused(web: WebImitation, fetch: Fetch, content_type: str | None) -> None:
    assert code(await fetch(web.publish("/", PAGE, content_type))) == "no_text"


async def test_a_page_of_pictures_has_no_text(web: WebImitation, fetch: Fetch) -> None:
    assert code(await fetch(web.publish("/", '<title>Pictures</title><img src="a.png" alt="A cat">'))) == "no_text"


async def test_a_page_with_too_much_text_is_too_large(web: WebImitation, fetch: Fetch) -> None:
    paragraph = "<p>" + "word " * 199 + "</p>"
    assert len(document(await fetch(web.publish("/much", paragraph * 200))).blocks) == 200
    assert code(await fetch(web.publish("/more", paragraph * 202))) == "too_large"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("Größe".encode(), "text/html; charset=utf-8"),
        ("Größe".encode("cp1252"), "text/html; charset=iso-8859-1"),
        (b'<meta charset="windows-1252">' + "Größe".encode("cp1252"), "text/html"),
        (b'<meta charset="windows-1252">' + "Größe".encode("cp1252"), "text/html; charset=utf-8"),
        ("Größe".encode(), "text/html; charset=no-such-thing"),
        ("Größe".encode(), 'text/html; charset="rot13"'),
        ("Größe".encode("utf-8-sig"), "text/html; charset=iso-8859-1"),
        ("Größe".encode("utf-16"), "text/html"),
    ],
)
async def test_the_text_is_read_in_the_encoding_that_fits(
    web: WebImitation, fetch: Fetch, body: bytes, content_type: str
) -> None:
    assert texts(await fetch(web.publish("/", body, content_type))) == ["Größe"]


async def test_bytes_that_are_no_text_are_shown_as_such(web: WebImitation, fetch: Fetch) -> None:
    assert texts(await fetch(web.publish("/", b"a\x81\x8d\xff", "text/plain; charset=utf-8"))) == [
        "a\ufffd\ufffd\ufffd"
    ]

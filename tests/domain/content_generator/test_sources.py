"""The ids of documents: however a caller writes one, it names one document."""

from __future__ import annotations

import pytest

from domain.calls.document import Source
from domain.content_generator.sources import Named, document_of, named


@pytest.mark.parametrize(
    ("written", "document"),
    [
        ("gdocs:1Bx", Named(Source.GOOGLE_DOCS, "1Bx")),
        (" google_docs: 1Bx ", Named(Source.GOOGLE_DOCS, "1Bx")),
        ("notion:abc", Named(Source.NOTION, "abc")),
        ("url:https://example.com/a", Named(Source.URL, "https://example.com/a")),
        ("gdocs", None),
        ("gdocs:", None),
        ("gdocs: ", None),
        ("word:abc", None),
        ("", None),
    ],
)
def test_a_prefixed_id_names_a_document_of_a_known_source(written: str, document: Named | None) -> None:
    assert document_of(written) == document


@pytest.mark.parametrize(
    ("written", "id_"),
    [
        ("gdocs:1Bx", "1Bx"),
        (" google_docs: 1Bx", "1Bx"),
        ("1Bx ", "1Bx"),
        ("notion:1Bx", "notion:1Bx"),
        ("gdocs:", "gdocs:"),
    ],
)
def test_the_prefix_of_the_source_itself_is_dropped_and_no_other(written: str, id_: str) -> None:
    assert named(Source.GOOGLE_DOCS, written) == Named(Source.GOOGLE_DOCS, id_)


@pytest.mark.parametrize(
    ("source", "public"), [(Source.GOOGLE_DOCS, "gdocs:1"), (Source.NOTION, "notion:1"), (Source.URL, "url:1")]
)
def test_what_is_shown_names_the_same_document(source: Source, public: str) -> None:
    assert named(source, "1").public == public
    assert document_of(public) == named(source, "1")


def test_neither_tenants_nor_sources_share_a_stream() -> None:
    one = named(Source.NOTION, "1")
    keys = {one.key("a"), one.key("b"), named(Source.URL, "1").key("a"), named(Source.NOTION, "2").key("a")}
    assert len(keys) == 4
    assert one.key("a") == named(Source.NOTION, " notion:1").key("a")

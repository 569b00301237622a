"""The draft of a document: what it cleans, checks and bounds."""

from __future__ import annotations

import pytest

from connectors.document_draft import (
    MOST_STORED,
    MOST_TEXT,
    NO_TEXT,
    TOO_LARGE,
    DocumentDraft,
    DocumentTooLarge,
    Run,
    accepted,
    link_of,
    moment_of,
)
from domain.calls.document import BlockKind, Document, Span
from streams.core.calls import Accepted

PARAGRAPH = BlockKind.PARAGRAPH


def spans(*runs: Run, kind: BlockKind = PARAGRAPH) -> list[Span]:
    draft = DocumentDraft()
    draft.add(kind, runs)
    return [span for block in draft.document().blocks for span in block.spans]


def test_white_space_is_kept_once_across_runs() -> None:
    assert spans(Run(" a "), Run(" b\n ", bold=True), Run(" \n c  d "), Run(" ")) == [
        Span(text="a "),
        Span(text="b\n", bold=True),
        Span(text="c d"),
    ]
    assert spans(Run("a "), Run("\n"), Run(" b")) == [Span(text="a\nb")]
    assert spans(Run("a"), Run("\n b"), kind=BlockKind.HEADING) == [Span(text="a b")]


def test_runs_of_one_style_are_one_span() -> None:
    assert spans(Run("a", link="http://b"), Run("c", link="http://b"), Run("d")) == [
        Span(text="ac", link="http://b"),
        Span(text="d"),
    ]


def test_a_block_without_text_is_none() -> None:
    draft = DocumentDraft()
    draft.add(PARAGRAPH, [Run(" "), Run("\n\0\ud800")])
    draft.add(BlockKind.CODE, [Run("\n \n")])
    draft.add_row([[], [Run(" ")]])
    assert not draft.has_text
    assert accepted(draft) == NO_TEXT


def test_levels_are_within_their_bounds() -> None:
    draft = DocumentDraft()
    for kind, level in ((BlockKind.HEADING, 0), (BlockKind.HEADING, 9), (BlockKind.ITEM, 0), (BlockKind.ITEM, 99)):
        draft.add(kind, [Run("a")], level)
    assert [block.level for block in draft.document().blocks] == [1, 6, 1, 9]


def test_the_verdict_is_the_document_as_plain_json() -> None:
    draft = DocumentDraft()
    draft.title = " A\n title "
    draft.modified_at = moment_of("2026-10-01T12:00:00+02:00")
    draft.add(PARAGRAPH, [Run("a")])
    verdict = accepted(draft, "revision-1")
    assert isinstance(verdict, Accepted)
    assert verdict == Accepted(
        "revision-1",
        {
            "title": "A title",
            "blocks": [{"kind": "paragraph", "spans": [{"text": "a"}]}],
            "modified_at": "2026-10-01T10:00:00Z",
        },
    )
    assert Document.model_validate(verdict.output) == draft.document()


def test_200000_bytes_are_a_document_and_one_more_is_not() -> None:
    draft = DocumentDraft()
    for _ in range(20):
        draft.add(PARAGRAPH, [Run("é" * (MOST_TEXT // 40))])
    assert isinstance(accepted(draft), Accepted)
    with pytest.raises(DocumentTooLarge):
        draft.add(PARAGRAPH, [Run("a")])


def test_links_count_as_they_are_stored() -> None:
    links = DocumentDraft()
    run = Run("a", link=f"https://example.com/{'a' * 2_000}")
    for _ in range(MOST_STORED // 2_100):
        links.add(PARAGRAPH, [run])
    with pytest.raises(DocumentTooLarge):
        links.add(PARAGRAPH, [run, Run("b")] * 20)


def test_text_that_grows_as_json_is_too_large() -> None:
    draft = DocumentDraft()
    for _ in range(6_500):
        draft.add(PARAGRAPH, [Run("a"), Run('"' * 15, bold=True), Run("b", italic=True)])
    assert accepted(draft) == TOO_LARGE


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("https://a.b/c", "https://a.b/c"),
        ("HTTP://a.b", "HTTP://a.b"),
        ("c", "https://base.test/x/c"),
        ("//a.b", "https://a.b"),
        ("mailto:a@b.c?subject=d", "mailto:a@b.c?subject=d"),
        ("mailto:nobody", None),
        ("javascript:alert(1)", None),
        ("java\tscript:alert(1)", None),
        ("javascript://a.b/%0aalert(1)", None),
        ("ftp://a.b/", None),
        ("data:text/html,x", None),
        ("http://", None),
        ("http://:80", None),
        ("http://[", None),
        ("http://a.b/c d", None),
        (f"http://a.b/{'c' * 2_048}", None),
    ],
)
def test_a_link_is_an_absolute_address_of_the_web_or_of_mail(address: str, link: str | None) -> None:
    assert link_of(address, "https://base.test/x/") == link


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-13-01", "x" * 10_000, "\0"],
)
def test_what_is_no_moment_is_none(text: str) -> None:
    assert moment_of(text) is None

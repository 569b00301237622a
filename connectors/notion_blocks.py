"""The reader of Notion's blocks: each adds to a draft, and says how to read the blocks below it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from connectors.document_draft import DocumentDraft, Run, link_of
from connectors.provider_json import Fields, fields_in, list_in, text_in
from domain.calls.document import BlockKind

_HEADING = re.compile(r"heading_([1-6])")
_ITEMS = frozenset({"bulleted_list_item", "numbered_list_item", "to_do"})
_APART = frozenset({"child_page", "child_database", "link_to_page", "meeting_notes", "transcription", "unsupported"})
"""Blocks that are documents for themselves, or that Notion does not show."""

_ADDRESSES = frozenset({"bookmark", "embed", "link_preview"})


class Place(NamedTuple):
    """Where a block stands: the depth of the list around it, and whether a quote is."""

    items: int = 0
    quoted: bool = False


TOP = Place()


def title_of(page: Fields) -> str:
    """The title of a page: the property of that type, whatever its name is."""
    for value in fields_in(page, "properties").values():
        if isinstance(value, dict) and value.get("type") == "title":
            return "".join(run.text for run in runs_of(value, "title"))
    return ""


def is_in_trash(block: Fields) -> bool:
    """Whether it is deleted; `archived` is the older word."""
    return block.get("in_trash") is True or block.get("archived") is True


def read_block(draft: DocumentDraft, block: Fields, place: Place) -> Place | None:
    """Add the block, without those below it; returns their place, None where they are none of this document.

    Raises DocumentTooLarge.
    """
    kind = text_in(block, "type")
    content = fields_in(block, kind)
    runs = runs_of(content, "rich_text")
    if kind in _APART:
        return None
    if heading := _HEADING.fullmatch(kind):
        draft.add(BlockKind.HEADING, runs, int(heading[1]))
    elif kind in _ITEMS:
        draft.add(BlockKind.ITEM, runs, place.items + 1, ordered=kind == "numbered_list_item")
        return Place(place.items + 1, place.quoted)
    elif kind == "quote":
        draft.add(BlockKind.QUOTE, runs)
        return Place(place.items, True)
    elif kind == "code":
        draft.add(BlockKind.CODE, runs)
    elif kind == "table_row":
        draft.add_row(_cells(content))
    elif kind == "equation":
        draft.add(BlockKind.PARAGRAPH, [Run(text_in(content, "expression"))])
    elif kind in _ADDRESSES:
        draft.add(BlockKind.PARAGRAPH, _address(content))
    else:
        draft.add(BlockKind.QUOTE if place.quoted else BlockKind.PARAGRAPH, runs)
    return place


def runs_of(fields: Fields, name: str) -> list[Run]:
    """The runs of the rich text of that name."""
    return [_run(part) for part in list_in(fields, name)]


def _run(part: Fields) -> Run:
    style = fields_in(part, "annotations")
    text = text_in(part, "plain_text") or text_in(fields_in(part, "text"), "content")
    return Run(text, style.get("bold") is True, style.get("italic") is True, link_of(text_in(part, "href")))


def _cells(row: Fields) -> Iterator[list[Run]]:
    cells = row.get("cells")
    for cell in cells if isinstance(cells, list) else []:
        yield runs_of({"cell": cell}, "cell")


def _address(content: Fields) -> list[Run]:
    address = text_in(content, "url")
    shown = "".join(run.text for run in runs_of(content, "caption")).strip() or address
    return [Run(shown, link=link_of(address))]

"""What a document says of itself: `Tags:`, `Date:` and `Category:` lines, `#words`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from content.content_generator.categories import named
from content.content_generator.plain_text import one_line
from domain.calls.document import Block, BlockKind, Span
from domain.content_generator.composed import Category
from domain.social.text import hashtags_in

LONGEST_TAG = 60
MOST_TAGS = 50
FIRST_YEAR, LAST_YEAR = 1970, 2200

_FIELD = re.compile(r"(tags?|keywords|labels|date|published|category)\s*:\s*(\S.*)", re.IGNORECASE)
_ONLY_HASHTAGS = re.compile(r"\s*(?:#\w+[\s,;]*)+", re.IGNORECASE)
_SEPARATOR = re.compile(r"[,;|\n]+")
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b", re.IGNORECASE)
_DATE_FORMS = ("%d %B %Y", "%B %d, %Y", "%B %d %Y", "%d %b %Y", "%b %d, %Y", "%b %d %Y")


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the lines of a section say about it. `blocks` are the others."""

    blocks: tuple[Block, ...]
    tags: tuple[str, ...]
    date: datetime | None
    category: Category | None


@dataclass(frozen=True, slots=True)
class _Field:
    tags: tuple[str, ...] = ()
    date: datetime | None = None
    category: Category | None = None


def metadata_of(blocks: Iterable[Block]) -> Metadata:
    """The metadata of a section. Tags are those of its lines first, then the `#words` of its text, each once."""
    kept: list[Block] = []
    fields: list[_Field] = []
    for block in blocks:
        found = _fields(block)
        if found is None:
            kept.append(block)
        else:
            fields += found
    tags = [tag for field in fields for tag in field.tags]
    words = [word for block in kept if block.kind is not BlockKind.CODE for word in hashtags_in(block.text)]
    return Metadata(
        blocks=tuple(kept),
        tags=distinct([*tags, *words]),
        date=next((field.date for field in fields if field.date is not None), None),
        category=next((field.category for field in fields if field.category is not None), None),
    )


def distinct(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags in order, each once whatever its case, and no more than 50."""
    kept: dict[str, str] = {}
    for tag in tags:
        kept.setdefault(tag.casefold(), tag)
    return tuple(kept.values())[:MOST_TAGS]


def tags_in(text: str) -> tuple[str, ...]:
    """The tags of a list such as `calm, box breathing` or `#calm #sleep`."""
    parts = text.split() if _ONLY_HASHTAGS.fullmatch(text) else _SEPARATOR.split(text)
    names = (one_line(part).strip("#,;. ") for part in parts)
    return tuple(name for name in names if name and len(name) <= LONGEST_TAG)


def date_in(text: str) -> datetime | None:
    """The instant of an ISO 8601 date or time, or of a date such as `15 January 2024`; without an offset it is UTC."""
    text = _ORDINAL.sub("", text.strip())
    moment = _iso(text) or next((date for form in _DATE_FORMS if (date := _formed(text, form)) is not None), None)
    if moment is None or not FIRST_YEAR <= moment.year <= LAST_YEAR:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if "-" in text else None
    except ValueError:
        return None


def _formed(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 - the caller adds the zone
    except ValueError:
        return None


def _fields(block: Block) -> list[_Field] | None:
    """What the lines of the block say; None where one of them says something else."""
    if block.kind not in (BlockKind.PARAGRAPH, BlockKind.ITEM):
        return None
    fields = [_field(line) for line in block.text.split("\n") if line.strip()]
    known = [field for field in fields if field is not None]
    return known if known and len(known) == len(fields) else None


def _field(line: str) -> _Field | None:
    if _ONLY_HASHTAGS.fullmatch(line) and any(hashtags_in(line)):
        return _Field(tags=tags_in(line))
    found = _FIELD.fullmatch(line.strip())
    if found is None:
        return None
    match found[1].casefold():
        case "date" | "published":
            date = date_in(found[2])
            return None if date is None else _Field(date=date)
        case "category":
            category = named(found[2].strip("[]"))
            return None if category is None else _Field(category=category)
        case _:
            return _Field(tags=tags_in(found[2])) if tags_in(found[2]) else None


def value_of(block: Block, names: Sequence[str]) -> str:
    """The value of a paragraph such as `Title: News` with one of the names, in lower case; empty for any other."""
    name, _, value = block.text.partition(":")
    return value.strip() if block.kind is BlockKind.PARAGRAPH and name.strip().casefold() in names else ""


def from_character(block: Block, start: int) -> Block:
    """The block from that character of its text on, without a separator at its beginning."""
    spans: list[Span] = []
    for span in block.spans:
        spans.append(span.model_copy(update={"text": span.text[start:]}))
        start = max(0, start - len(span.text))
    kept = [span for span in spans if span.text]
    if kept:
        kept[0] = kept[0].model_copy(update={"text": kept[0].text.lstrip(" :–—-\t")})
    return block.model_copy(update={"spans": tuple(kept)})

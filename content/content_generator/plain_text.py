"""Plain text: of blocks, of values from outside, in one line."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from domain.calls.document import Block, BlockKind, Span
from domain.social.addresses import addresses_in
from domain.social.text import first_sentence

_BLANKS = re.compile(r"\s+")
_LINE_BREAKS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_LINK = re.compile(r"(?:https?://[^\s/]|mailto:[^\s/])\S*", re.IGNORECASE)
_PICTURE = re.compile(r"https?://[^\s?#]+\.(?:png|jpe?g|gif|webp|avif)(?:[?#]\S*)?", re.IGNORECASE)
_HASH_SIGN = re.compile(r"(?<![\w&/#])#(?=\w*[^\W\d])")
_LAST_HASHTAGS = re.compile(r"(?<!\s)(?:\s++#(?=\w*[^\W\d])\w++)+\s*+$")
LONGEST_LINK = 4_096
DEEPEST_LIST = 6


def depth_of(item: Block) -> int:
    """The depth of a list item, from 1 to 6."""
    return min(max(1, item.level), DEEPEST_LIST)


def printable(text: str) -> str:
    """A text without control characters other than tabs and line ends."""
    return _UNPRINTABLE.sub("", _LINE_BREAKS.sub("\n", text))


def one_line(text: str) -> str:
    """A text in one line, without control characters."""
    return _BLANKS.sub(" ", printable(text)).strip()


def has_control_characters(text: str) -> bool:
    """Whether a text could not stand in a header of an e-mail, for line ends or other control characters."""
    return any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in text)


def safe_link(link: str | None) -> str | None:
    """The link if it leads to a page or an address for mail; None for any other, as `javascript:`."""
    if link is None or len(link) > LONGEST_LINK or printable(link) != link:
        return None
    return link if _LINK.fullmatch(link) else None


def links_of(block: Block) -> list[str]:
    """The links of a block: of its spans, then those that stand in its text."""
    in_spans = [link for span in block.spans if (link := safe_link(span.link)) is not None]
    return [*in_spans, *(block.text[place.start : place.end] for place in addresses_in(block.text))]


def is_picture(link: str) -> bool:
    """Whether a link leads to a picture, by the end of its path."""
    return _PICTURE.fullmatch(link) is not None


def text_of(blocks: Sequence[Block]) -> str:
    """The blocks as plain text: a blank line between paragraphs, none in lists and tables; links behind their words."""
    return _joined(blocks, [_with_links(block) for block in blocks])


def opening_of(blocks: Iterable[Block]) -> str:
    """The first sentence of the blocks in one line; tables and code have none."""
    texts = (block.text for block in blocks if block.kind not in (BlockKind.ROW, BlockKind.CODE))
    return first_sentence(one_line(without_hash_signs(next(texts, ""))))


def words_of(blocks: Sequence[Block]) -> str:
    """The blocks' words alone: no address behind a link, no `#` in front of a tag."""
    return _joined(blocks, [without_hash_signs(block.text) for block in blocks])


def without_hash_signs(text: str) -> str:
    """The text with `#words` as plain words, and without those at its end."""
    return _HASH_SIGN.sub("", _LAST_HASHTAGS.sub("", text))


def _joined(blocks: Sequence[Block], texts: Sequence[str]) -> str:
    parts: list[str] = []
    numbers: list[int] = []
    for index, (block, text) in enumerate(zip(blocks, texts, strict=True)):
        numbers = _numbered(block, numbers)
        parts += [_separator(blocks[index - 1], block) if index else "", _marked(block, text.strip(), numbers)]
    return "".join(parts).strip()


def _separator(above: Block, below: Block) -> str:
    close = above.kind is below.kind and below.kind in (BlockKind.ITEM, BlockKind.ROW, BlockKind.CODE)
    return "\n" if close else "\n\n"


def _numbered(block: Block, numbers: list[int]) -> list[int]:
    """The numbers of a list's levels at this block; a level that ends counts anew."""
    if block.kind is not BlockKind.ITEM:
        return []
    counted = (numbers + [0] * DEEPEST_LIST)[: depth_of(block)]
    counted[-1] += 1
    return counted


def _marked(block: Block, text: str, numbers: list[int]) -> str:
    match block.kind:
        case BlockKind.ITEM:
            mark = f"{numbers[-1]}." if block.ordered else "-"
            return f"{'  ' * (len(numbers) - 1)}{mark} {_BLANKS.sub(' ', text)}"
        case BlockKind.QUOTE:
            return "\n".join(f"> {line}" for line in text.split("\n"))
        case BlockKind.ROW:
            return " | ".join(_BLANKS.sub(" ", cell).strip() for cell in text.split("\t"))
        case _:
            return text


def _with_links(block: Block) -> str:
    return "".join(_with_link(span, link) for span, link in _linked(block.spans))


def _linked(spans: Iterable[Span]) -> list[tuple[str, str | None]]:
    """The texts of spans with their links; neighbours with one link are one."""
    texts: list[tuple[str, str | None]] = []
    for span in spans:
        link = safe_link(span.link)
        if texts and link is not None and texts[-1][1] == link:
            texts[-1] = (texts[-1][0] + span.text, link)
        else:
            texts.append((span.text, link))
    return texts


def _with_link(text: str, link: str | None) -> str:
    if link is None or not text.strip() or link.removeprefix("mailto:") in text:
        return text
    return f"{text.rstrip()} ({link}){text[len(text.rstrip()) :]}"

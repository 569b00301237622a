"""The tokens of HTML: text, start tags and end tags, in time and memory that grow with the length of the text alone.

No tree is built. The tree that HTML's standard asks for repeats open styles in every paragraph, so that a page of
13 kB makes 465 MB of it, and takes quadratic time for open elements. Whatever the text is, it has tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape

VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
"""Elements without an end tag."""

_RAW = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)
    for name in ("script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes")
}
"""Elements whose content is text whatever it looks like."""

_MARKUP = re.compile(
    r"<(?:!--(?:>|->|.*?(?:--!?>|\Z))"
    r"|[!?][^>]*+(?:>|\Z)"
    r"|/>|/[^A-Za-z>][^>]*+(?:>|\Z)"
    r"|(?P<end>/)?(?P<name>[A-Za-z][^\s/>]*+)"
    r"(?P<attributes>(?:[^>=]++|=\s*+(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z))?+)*+)(?:>|\Z))",
    re.DOTALL,
)
"""A tag, a comment or a declaration. One that has no end goes to the end of the text, so that nothing is read twice."""

_OPENING = re.compile(r"<(?=[A-Za-z/!?])")
_ATTRIBUTE = re.compile(r"([^\s=/>\"'][^\s=/>]*+)(?:\s*+=\s*+(?:\"([^\"]*+)\"?|'([^']*+)'?|([^\s>]++)))?+")
_LONG_REFERENCE = re.compile(r"&#[xX]?0*+[0-9A-Fa-f]{8,}+;?")
"""References to characters that do not exist, and whose number may have more digits than Python reads."""

MOST_ATTRIBUTES = 8_000
"""The most characters of a tag's attributes that are read: addresses of links are shorter."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text, with references to characters read."""

    text: str


@dataclass(frozen=True, slots=True)
class StartTag:
    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EndTag:
    name: str


Token = Text | StartTag | EndTag


def tokens(html: str) -> Iterator[Token]:
    """The tokens in their order. Comments and declarations are left out, names are in lower case."""
    place = 0
    while place < len(html):
        opening = _OPENING.search(html, place)
        found = _MARKUP.match(html, opening.start()) if opening else None
        start = found.start() if found else len(html)
        if start > place:
            yield Text(unescaped(html[place:start]))
        if found is None:
            return
        place = found.end()
        if found["name"] is not None:
            tag = _tag(found)
            yield tag
            if isinstance(tag, StartTag) and tag.name in _RAW:
                end = _RAW[tag.name].search(html, place)
                stop = len(html) if end is None else end.start()
                yield Text(unescaped(html[place:stop]))
                place = stop


def unescaped(text: str) -> str:
    """The text with references to characters read."""
    return unescape(_LONG_REFERENCE.sub("\ufffd", text)) if "&" in text else text


def _tag(found: re.Match[str]) -> StartTag | EndTag:
    name = found["name"].lower()
    if found["end"]:
        return EndTag(name)
    return StartTag(name, _attributes(found["attributes"][:MOST_ATTRIBUTES]))


def _attributes(text: str) -> dict[str, str]:
    if not text or text.isspace():
        return {}
    read: dict[str, str] = {}
    for name, *values in _ATTRIBUTE.findall(text):
        read.setdefault(name.lower(), unescaped("".join(values)))
    return read

"""The web addresses in a text by the rules of X (twitter-text 3.1.0): also those without `https://`, as `example.com`.

The pattern is that of the JavaScript library, with bounds on the length of a domain: time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from domain.social.top_level_domains import TOP_LEVEL_DOMAINS

LONGEST_ADDRESS = 4096
LONGEST_LABEL = 63
MOST_SUBDOMAINS = 16
LONGEST_DOMAIN = (MOST_SUBDOMAINS + 2) * (LONGEST_LABEL + 1)
LONGEST_SHORTENED = 40
"""Characters behind `t.co/`: with more of them it is no address of X's own."""


def _alternatives(names: Iterable[str]) -> str:
    """A pattern of names that reads each letter once: a plain list of 1,574 names takes the time of all of them."""
    endings: dict[str, list[str]] = {}
    for name in names:
        endings.setdefault(name[:1], []).append(name[1:])
    longer = [re.escape(first) + _alternatives(rest) for first, rest in sorted(endings.items()) if first]
    return f"(?:{'|'.join(longer + [''] * ('' in endings))})"


_SPACES = r"\x09-\x0D\x20\x85\xA0\u1680\u180E\u2000-\u200A\u2028\u2029\u202F\u205F\u3000"
_INVALID = r"\uFFFE\uFEFF\uFFFF"
_DIRECTIONS = r"\u202A-\u202E\u061C\u200E\u200F\u2066\u2067\u2068\u2069"
_PUNCTUATION = r"!'#%&()*+,\\\-./:;<=>?@\[\]^_{|}~$"
_CYRILLIC = r"\u0400-\u04FF"
_ACCENTS = (
    r"\xC0-\xD6\xD8-\xF6\xF8-\xFF\u0100-\u024F\u0253\u0254\u0256\u0257\u0259\u025B\u0263\u0268\u026F\u0272\u0289\u028B"
    r"\u02BB\u0300-\u036F\u1E00-\u1EFF"
)

_LETTER = rf"[^{_PUNCTUATION}{_SPACES}{_INVALID}{_DIRECTIONS}]"
_SUBDOMAIN = rf"(?:(?:{_LETTER}(?:[_-]|{_LETTER}){{0,{LONGEST_LABEL - 2}}})?{_LETTER}\.)"
_DOMAIN_NAME = rf"(?:(?:{_LETTER}(?:-|{_LETTER}){{0,{LONGEST_LABEL - 2}}})?{_LETTER}\.)"
_TOP_LEVEL = rf"(?:{_alternatives(TOP_LEVEL_DOMAINS)}(?![0-9a-zA-Z@+-])|xn--[\-0-9a-z]+)"
_DOMAIN = rf"(?:{_SUBDOMAIN}{{0,{MOST_SUBDOMAINS}}}{_DOMAIN_NAME}{_TOP_LEVEL})"

_IN_PATH = rf"[a-z{_CYRILLIC}0-9!*';:=+,.$/%#\[\]\-\u2013_~@|&{_ACCENTS}]"
_IN_PARENTHESES = rf"\((?:{_IN_PATH}+|{_IN_PATH}*\({_IN_PATH}+\){_IN_PATH}*)\)"
_PATH_END = rf"(?:[+\-a-z{_CYRILLIC}0-9=_#/{_ACCENTS}]|{_IN_PARENTHESES})"
_PATH = rf"(?:{_IN_PATH}*(?:{_IN_PARENTHESES}{_IN_PATH}*)*{_PATH_END}|@{_IN_PATH}+/)"
_QUERY = r"\?[a-z0-9!?*'@();:&=+$/%#\[\]\-_.,~|]*[a-z0-9\-_&=#/]"

_ADDRESS = re.compile(
    rf"(?P<before>[^A-Za-z0-9@\uFF20$#\uFF03{_INVALID}]|[{_DIRECTIONS}]|^)"
    rf"(?P<address>(?P<protocol>https?://)?(?P<domain>{_DOMAIN})(?::[0-9]+)?(?P<path>/(?>{_PATH}*))?(?:{_QUERY})?)",
    re.IGNORECASE,
)
_ENDING = re.compile(rf"\.{_TOP_LEVEL}", re.IGNORECASE)
_PLAIN_DOMAIN = re.compile(
    rf"(?:[\-a-z0-9{_ACCENTS}]{{1,{LONGEST_LABEL}}}\.){{1,{MOST_SUBDOMAINS + 1}}}{_TOP_LEVEL}", re.IGNORECASE
)
_SHORTENED = re.compile(rf"https?://t\.co/([a-z0-9]+)(?:{_QUERY})?", re.IGNORECASE)
_RUN = re.compile(rf"[^{_SPACES}]+")
_IN_LABEL = re.compile(rf"{_LETTER}|[_-]")


class Place(NamedTuple):
    """A part of a text, from `start` up to but not including `end`."""

    start: int
    end: int


def addresses_in(text: str) -> list[Place]:
    """The places of the web addresses in a text, in order."""
    runs = [run for run in _RUN.finditer(text) if "." in run[0]]
    return [Place(run.start() + one.start, run.start() + one.end) for run in runs for one in _addresses_in_run(run[0])]


def _addresses_in_run(run: str) -> Iterator[Place]:
    at = 0
    for ending in _ENDING.finditer(run):
        if ending.start() < at:
            continue
        found = _ADDRESS.search(run, max(at, ending.start() - LONGEST_DOMAIN))
        if found is None:
            return
        if _is_valid(found, run, at):
            yield from _places(found)
        at = found.end()


def _is_valid(found: re.Match[str], run: str, searched_from: int) -> bool:
    domain = found["domain"]
    labels = [_in_ascii(label) for label in domain.split(".")]
    if max(map(len, labels)) > LONGEST_LABEL or (domain[:4] == "xn--" and _PLAIN_DOMAIN.search(domain) is None):
        return False
    if _letters_before(run, found.start("domain"), searched_from) + len(labels[0]) > LONGEST_LABEL:
        return False
    return len(found["protocol"] or "https://") + len(found["address"]) <= LONGEST_ADDRESS


def _letters_before(run: str, start: int, searched_from: int) -> int:
    """The letters of the first label that stand before the match: the pattern's bound has cut a label too long."""
    first = max(searched_from, start - LONGEST_LABEL)
    return next(
        (count for count, letter in enumerate(reversed(run[first:start])) if not _IN_LABEL.match(letter)), start - first
    )


def _in_ascii(label: str) -> str:
    return label if label.isascii() else "xn--" + label.encode("punycode", "replace").decode()


def _places(found: re.Match[str]) -> Iterator[Place]:
    start, end = found.span("address")
    if found["protocol"] is not None:
        shortened = _SHORTENED.match(found["address"])
        if shortened is None:
            yield Place(start, end)
        elif len(shortened[1]) <= LONGEST_SHORTENED:
            yield Place(start, start + shortened.end())
        return
    if found["before"] in ("-", "_", ".", "/"):
        return
    plain = [Place(start + one.start(), start + one.end()) for one in _PLAIN_DOMAIN.finditer(found["domain"])]
    yield from plain[:-1]
    if plain:
        yield Place(plain[-1].start, end) if found["path"] else plain[-1]

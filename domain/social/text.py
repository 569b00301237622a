"""Text as social networks count it, and cut as a reader would: at a sentence, then at a word, never inside a link.

X counts by weights (twitter-text v3): 1 for most characters of the world's alphabets, 2 for others, 2 for an emoji of
whatever parts, 23 for a link; the text is normalized first (NFC). LinkedIn and Facebook count UTF-16 code units here:
neither says how it counts, and that is never too little.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence

from domain.calls.social_post import Network
from domain.social.addresses import Place, addresses_in
from domain.social.emoji import EMOJI
from domain.social.graphemes import boundaries

LIMITS: Mapping[Network, int] = {Network.TWITTER: 280, Network.LINKEDIN: 3_000, Network.FACEBOOK: 63_206}
LINK_WEIGHT = 23
ELLIPSIS = "…"

_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
"""The ranges of code points that weigh 1; all others weigh 2."""

_LAST_PLAIN, _EMOJI_MARKS = 0xA8, ("\ufe0f", "\u20e3")
"""A character up to this one is part of an emoji only in front of one of these marks."""

_REACH = 4_000
"""Characters looked at beyond the room: only links count for less than they are long."""

_TRIES = 50
"""Places tried from the last one that fits: the mark and a link that ends there can make a piece too long."""

_SENTENCE_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’)\]]*+(?=\s|$)|[。！？｡]+[」』”’）]*|(?=\n)")  # noqa: RUF001 - of their scripts
_ABBREVIATION = re.compile(r"(?<![^\s(])(?:[^\W\d_]|(?:[^\W\d_]\.)+[^\W\d_]|Dr|Mrs?|Ms|Prof|St|No|Nos|vs|cf|approx)\.$")
_GAP = re.compile(r"(?<![\d\s])\s+")
"""White space behind anything but a digit: "5 million" is not cut to 5."""

_FIGURE = re.compile(r"\d+(?:[.,:/]\d+)*")
_LINK = re.compile(r"(?<![a-z0-9+.-])(?:[a-z][a-z0-9+.-]{0,20}://|mailto:|www\.)\S+", re.IGNORECASE)


def length_on(network: Network, text: str) -> int:
    """The length of a text as the network counts it."""
    return weighted_length(text) if network is Network.TWITTER else utf16_length(text)


def fits(network: Network, text: str) -> bool:
    """Whether the network takes a text of that length."""
    return length_on(network, text) <= LIMITS[network]


def utf16_length(text: str) -> int:
    """The number of UTF-16 code units."""
    return len(text) + sum(letter > "\uffff" for letter in text)


def weighted_length(text: str) -> int:
    """The length of a text as X counts it."""
    normal = unicodedata.normalize("NFC", text)
    links = dict(addresses_in(normal))
    at, total = 0, 0
    while at < len(normal):
        weight, at = (LINK_WEIGHT, links[at]) if at in links else _unit(normal, at)
        total += weight
    return total


def _unit(text: str, at: int) -> tuple[int, int]:
    """The weight of the emoji or character at a place, and the place behind it."""
    code = ord(text[at])
    if code > _LAST_PLAIN or text[at + 1 : at + 2] in _EMOJI_MARKS:
        emoji = EMOJI.match(text, at)
        if emoji is not None:
            return 2, emoji.end()
    return (1 if any(first <= code <= last for first, last in _LIGHT) else 2), at + 1


def links_in(text: str) -> list[Place]:
    """The places of all links: X's addresses, and whatever has a scheme."""
    found = sorted([*addresses_in(text), *(Place(*link.span()) for link in _LINK.finditer(text))])
    merged: list[Place] = []
    for place in found:
        if merged and place.start < merged[-1].end:
            merged[-1] = Place(merged[-1].start, max(merged[-1].end, place.end))
        else:
            merged.append(place)
    return merged


def shortened(text: str, longest: int, length: Callable[[str], int] = len) -> str:
    """At most `longest` of a text, counted by `length`: its first sentences, else its first words and an ellipsis.

    Sentences that fill less than a third of the room give way to words, words that fill less than half of it to
    characters (scripts without spaces). A link, a number or a grapheme that does not fit whole is left out.
    """
    head = text[: longest + _REACH]
    if length(head) <= longest and head == text:
        return text
    sentences = _best(head, _sentence_ends(head), longest, length, "")
    if 3 * length(sentences) >= longest:
        return sentences
    words = _best(head, _word_ends(head), longest, length, ELLIPSIS)
    if 2 * length(words) >= longest:
        return words
    letters = _best(head, _letter_ends(head), longest, length, ELLIPSIS)
    return max(letters, words, sentences, key=length)


def first_sentence(text: str) -> str:
    """The first sentence of a text, or all of it."""
    ends = _sentence_ends(text)
    return text[: ends[0]].strip() if ends else text.strip()


def _best(text: str, ends: Sequence[int], longest: int, length: Callable[[str], int], mark: str) -> str:
    """The longest piece that ends at one of the places and fits together with the mark."""
    index = bisect_right(ends, longest, key=lambda end: length(text[:end]))
    nearest = reversed(ends[max(0, index - _TRIES) : index])
    pieces = (_ended(text[:end], mark) for end in nearest)
    return next((piece for piece in pieces if piece and length(piece) <= longest), "")


def _ended(piece: str, mark: str) -> str:
    kept = piece.rstrip().rstrip(",;:–-([") if mark else piece.rstrip()
    if not kept or not mark:
        return kept
    links = links_in(kept)
    return f"{kept} {mark}" if links and links[-1].end == len(kept) else f"{kept}{mark}"


def _sentence_ends(text: str) -> list[int]:
    ends = (found.end() for found in _SENTENCE_END.finditer(text))
    return [end for end in ends if end < len(text) and _ABBREVIATION.search(text, max(0, end - 12), end) is None]


def _word_ends(text: str) -> list[int]:
    return [gap.start() for gap in _GAP.finditer(text)]


def _letter_ends(text: str) -> list[int]:
    """The boundaries of graphemes outside links and figures."""
    whole = [*links_in(text), *(Place(*figure.span()) for figure in _FIGURE.finditer(text))]
    inside = {at for place in whole for at in range(place.start + 1, place.end + 1)}
    return [end for end in boundaries(text) if end not in inside]


def hashtags_in(text: str) -> Iterator[str]:
    """The `#words` of a text, without the sign; a number alone is none."""
    links = links_in(text) if "#" in text else []
    for found in _HASHTAG.finditer(text):
        if not any(link.start <= found.start() < link.end for link in links):
            yield found[1]


_HASHTAG = re.compile(r"(?<![\w&/#])#((?=\w*[^\W\d])\w{1,100})(?!\w)")

"""Long texts cut into messages: at a blank line, else at a line, a sentence, a word, a character as readers see it.

Chat services take 4,096 characters. Telegram was seen to count code points and documents entities in UTF-16 code units,
WhatsApp does not say: code units are never too few.
"""

from __future__ import annotations

import re

from domain.social.graphemes import boundaries

_PLACES = (
    re.compile(r"\n[^\S\n]*(?=\n)"),
    re.compile(r"(?=\n)"),
    re.compile(r"(?<=[.!?…])[\"'”’)\]]*(?=\s)|(?<=[。！？｡])"),  # noqa: RUF001 - of their scripts
    re.compile(r"(?=\s)"),
)
"""The ends of paragraphs, lines, sentences and words, best first."""


def message_parts(text: str, longest: int) -> tuple[str, ...]:
    """The parts of a text in order, each of at most `longest` UTF-16 code units; none of a blank text.

    White space between parts is dropped, and nothing else.
    """
    parts, rest = [], text.strip()
    while (room := _room(rest, longest)) < len(rest):
        end = _end(rest[: room + 1], room)
        parts.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return (*parts, rest) if rest else tuple(parts)


def _room(text: str, longest: int) -> int:
    """The number of characters from the beginning that fit, at least one."""
    used = 0
    for at, letter in enumerate(text):
        used += 2 if letter > "\uffff" else 1
        if used > longest:
            return max(at, 1)
    return len(text)


def _end(text: str, room: int) -> int:
    """The best place that leaves at least half of the room filled; the text has one character more than fits."""
    for pattern in _PLACES:
        ends = [found.end() for found in pattern.finditer(text) if room <= 2 * found.end() <= 2 * room]
        if ends:
            return ends[-1]
    return max((end for end in boundaries(text) if end <= room), default=room)

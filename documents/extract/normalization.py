"""The cleaning of extracted text: what no database keeps and no reader sees is dropped, white space is bounded."""

from __future__ import annotations

import re

LONGEST_SPACE = 200
"""Characters of white space in a row; so much of longer ones is kept, as it lies between chunks and goes with them."""

LONGEST_END = 20
"""Characters of white space at the end, which belong to the last chunk."""

_DROPPED = re.compile("[\x00\ud800-\udfff]")
_LINE_END = re.compile("\r\n?")
_SPACES = re.compile(rf"(\s{{{LONGEST_SPACE}}})\s+")


def cleaned(text: str) -> str:
    """The text without NULs, halves of characters and a byte order mark, with one kind of line end."""
    kept = _LINE_END.sub("\n", _DROPPED.sub("", text.removeprefix("\ufeff")))
    bounded = _SPACES.sub(r"\1", kept)
    words = bounded.rstrip()
    return bounded[: len(words) + LONGEST_END]

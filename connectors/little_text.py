"""LinkedIn's "little text" format, in which the text of a post is written.

Its reserved characters are escaped by a backslash: LinkedIn ends a post without a word at the first that is not. A
hashtag is a template, or nobody can follow it.
"""

from __future__ import annotations

import re

_RESERVED = re.compile(r"[\\|{}@\[\]()<>#*_~]")
_HASHTAG = re.compile(r"(?<!\S)#(\w*[^\W\d_]\w*)")
"""A word with a letter in it after a #, at the start or after a space: not the fragment of a link, and not C#."""

_ELEMENT = re.compile(
    r"\\(?P<escaped>.)"
    r"|\{hashtag\|\\?#\|(?P<tag>(?:\\.|[^\\}])*)\}"
    r"|@\[(?P<name>(?:\\.|[^\\\]])*)\]\((?:\\.|[^\\)])*\)",
    re.DOTALL,
)


def little_text(text: str) -> str:
    """A plain text in the format, its hashtags as templates."""
    parts: list[str] = []
    end = 0
    for hashtag in _HASHTAG.finditer(text):
        parts += [_escaped(text[end : hashtag.start()]), f"{{hashtag|\\#|{_escaped(hashtag[1])}}}"]
        end = hashtag.end()
    return "".join([*parts, _escaped(text[end:])])


def plain_text(little: str) -> str:
    """The text as a reader sees it: escapes undone, hashtags and mentions as words."""
    return _ELEMENT.sub(_seen, little)


def _escaped(text: str) -> str:
    return _RESERVED.sub(r"\\\g<0>", text)


def _seen(element: re.Match[str]) -> str:
    if element["escaped"] is not None:
        return element["escaped"]
    if element["tag"] is not None:
        return f"#{plain_text(element['tag'])}"
    return plain_text(element["name"])

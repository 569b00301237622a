"""The wrapper that a language model puts around its answer: thoughts, a code fence, a sentence before or after."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

LONGEST_REMARK = 400
"""The most characters of a remark about the answer."""

_THOUGHT = re.compile(r"\s*<think(?:ing)?>.*?(?:</think(?:ing)?>\s*|\Z)", re.DOTALL)
_THOUGHT_END = re.compile(r"^</think(?:ing)?>[ \t]*\n\s*", re.MULTILINE)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)[^`]*")
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]")
_TITLE = re.compile(r" {0,3}#[ \t]+\S")
_BLOCK = re.compile(r"\s*(?:#{1,6}[ \t]|[-*+][ \t]|[>|]|\d+[.)][ \t]|`{3,}|~{3,}|={3,}|\$\$)")
_RULE = re.compile(r"\s*(?:-{3,}|\*{3,}|_{3,})\s*")


def unwrapped(text: str, *, titled: bool) -> str:
    """The answer itself; as it is where it has no wrapper. `titled`: it begins with a heading of level 1."""
    inner = _unfenced(without_thoughts(text))
    return _from_title(inner) if titled else inner


def without_thoughts(text: str) -> str:
    """The text after `<think>…</think>` at its beginning; nothing is left of thoughts without an end."""
    if thought := _THOUGHT.match(text):
        return text[thought.end() :]
    end = _THOUGHT_END.search(text)
    return text[end.end() :] if end and "<think" not in text[: end.start()] else text


def _unfenced(text: str) -> str:
    lines = text.strip().split("\n")
    start = next((number for number, line in enumerate(lines) if _FENCE.fullmatch(line)), None)
    if start is None or not _is_remark(lines[:start]):
        return text
    opening = _FENCE.fullmatch(lines[start])
    assert opening is not None
    for end in _ends(lines, start, opening[1]):
        inner = lines[start + 1 : end]
        fits = _is_document(_language(lines[start]), inner) and _is_remark(lines[end + 1 :])
        if fits and _is_balanced(inner, named=end == len(lines)):
            return "\n".join(inner).strip("\n")
    return text


def _ends(lines: Sequence[str], start: int, fence: str) -> list[int]:
    """The last closing line of a fence; also the end of the text, as a writer may forget to close it."""
    closing = [number for number in range(start + 1, len(lines)) if not _opened(fence, lines[number])]
    return [*closing[-1:], len(lines)]


def _is_document(language: str, inner: Sequence[str]) -> bool:
    """Whether a fence holds Markdown: it says so, or says nothing and begins with a heading."""
    first = next((line for line in inner if line.strip()), "")
    return language in ("markdown", "md") or (not language and _HEADING.match(first) is not None)


def _is_balanced(lines: Sequence[str], *, named: bool) -> bool:
    """Whether every fence inside is closed, and names its language (`named`).

    Else the outer one is no wrapper, but was closed further up.
    """
    opened = ""
    for line in lines:
        before, opened = opened, _opened(opened, line)
        if named and opened and not before and not _language(line):
            return False
    return not opened


def _language(line: str) -> str:
    found = _FENCE.fullmatch(line)
    return found[2].lower() if found else ""


def _opened(opened: str, line: str) -> str:
    """The fence that is open after a line; empty if none is."""
    found = _FENCE.fullmatch(line)
    if found is None:
        return opened
    if not opened:
        return found[1]
    return "" if not found[2] and found[1].startswith(opened) else opened


def _from_title(text: str) -> str:
    """The text from its only heading of level 1 on, if but a remark stands before it."""
    lines = text.split("\n")
    titles = [number for number, line in _outside_fences(lines) if _TITLE.match(line)]
    return "\n".join(lines[titles[0] :]) if len(titles) == 1 and _is_remark(lines[: titles[0]]) else text


def _outside_fences(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    opened = ""
    for number, line in enumerate(lines):
        opened = _opened(opened, line)
        if not opened:
            yield number, line


def _is_remark(lines: Sequence[str]) -> bool:
    """Whether these lines are a few words of prose, or none: nothing that belongs to a document."""
    if len("".join(lines)) > LONGEST_REMARK or any(_BLOCK.match(line) for line in lines):
        return False
    return not any(_RULE.fullmatch(line) and before.strip() for before, line in pairwise(lines))

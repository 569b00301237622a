"""Placeholders of a document: `{{key}}` becomes the value of `custom_data`, as text and nothing else.

A key that was not given stays as it is. A value is never searched for placeholders.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from content.content_generator.plain_text import printable
from domain.calls.document import Block, Document
from domain.content_generator.composed import LARGEST_COMPOSED, TooLarge

_PLACEHOLDER = re.compile(r"\{\{[ \t]{0,9}([^{}\s](?:[^{}\n]{0,198}[^{}\s])?)[ \t]{0,9}\}\}")


def filled(document: Document, custom_data: Mapping[str, JsonValue]) -> Document:
    """The document with its placeholders filled, and without control characters.

    Raises TooLarge: a short placeholder can stand for a long value many times.
    """
    values = {key: printable(_as_text(value)) for key, value in custom_data.items()}
    texts = [printable(document.title), *(printable(block.text) for block in document.blocks)]
    size = sum(len(values[found[1]]) for text in texts for found in _placeholders(text, values))
    if size > LARGEST_COMPOSED:
        raise TooLarge("composed", size, LARGEST_COMPOSED)
    blocks = tuple(_filled_block(block, values) for block in document.blocks)
    title = _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), texts[0])
    return document.model_copy(update={"title": title, "blocks": blocks})


def _as_text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _placeholders(text: str, values: Mapping[str, str]) -> Iterator[re.Match[str]]:
    return (found for found in _PLACEHOLDER.finditer(text) if found[1] in values)


def _filled_block(block: Block, values: Mapping[str, str]) -> Block:
    """The block with each value in the style of its placeholder's first character: one may reach over several spans."""
    if "{{" not in block.text and printable(block.text) == block.text:
        return block
    spans = [span.model_copy(update={"text": printable(span.text)}) for span in block.spans]
    text = "".join(span.text for span in spans)
    edits = deque(_placeholders(text, values))
    filled_spans, at = [], 0
    for span in spans:
        end = at + len(span.text)
        filled_spans.append(span.model_copy(update={"text": _filled_piece(text, at, end, edits, values)}))
        at = end
    return block.model_copy(update={"spans": tuple(filled_spans)})


def _filled_piece(text: str, start: int, end: int, edits: deque[re.Match[str]], values: Mapping[str, str]) -> str:
    """The text from start to end, filled; takes the placeholders that end there from the front of `edits`."""
    pieces, at = [], start
    while edits and edits[0].start() < end:
        edit = edits[0]
        if edit.start() >= start:
            pieces += [text[at : edit.start()], values[edit[1]]]
        at = min(edit.end(), end)
        if edit.end() > end:
            break
        edits.popleft()
    return "".join([*pieces, text[at:end]])

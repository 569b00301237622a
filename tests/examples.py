"""An example of any message, made from its schema, whose personal values can be told from everything else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any, TypeVar

import orjson

from domain.messages import Event, Named
from streams.core.envelope import Decided, Recorded

N = TypeVar("N", bound=Named)
MARK = "a personal value"

TEXTS = {
    "uuid": "00000000-0000-0000-0000-000000000007",
    "date-time": "2026-01-05T09:00:00Z",
    "date": "2026-01-05",
    "time": "09:00:00",
}


def example(type_: type[N]) -> N:
    """A message with every field given; MARK is in every text of its personal fields, and in no other."""
    schema = type_.model_json_schema()
    definitions = schema.get("$defs", {})
    body = {
        field: _value(field_schema, definitions, MARK if field in type_.personal_fields else "any text")
        for field, field_schema in schema["properties"].items()
    }
    return type_.model_validate(body)


def personal_texts(message: Named) -> set[str]:
    """The free texts in a message's personal fields, but for those that are too short to be told from others."""
    body = message.model_dump()
    return {text for field in message.personal_fields for text in _texts(body[field]) if len(text) > 5}


def in_clear(journal: Iterable[Recorded[Event]]) -> set[str]:
    """The names of the records that hold a personal value of any event in the journal, and not sealed.

    A command is sealed as a whole: which of its values are personal, its outcome does not tell.
    """
    recorded = list(journal)
    events = [one.fact for one in recorded if not isinstance(one.fact, Decided)]
    texts = {orjson.dumps(text)[1:-1] for event in events for text in personal_texts(event)}
    return {one.record.name for one in recorded if any(text in one.record.data for text in texts)}


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str() if not isinstance(value, Enum):
            yield value
        case dict():
            for one in value.values():
                yield from _texts(one)
        case list() | tuple():
            for one in value:
                yield from _texts(one)


SIMPLE = {"integer": 1, "number": 1.0, "boolean": True}


def _value(schema: dict[str, Any], definitions: dict[str, Any], text: str) -> Any:
    match schema:
        case {"$ref": str(reference)}:
            return _value(definitions[reference.rpartition("/")[2]], definitions, text)
        case {"anyOf": [first, *_]}:
            return _value(first, definitions, text)
        case {"const": value} | {"enum": [value, *_]}:
            return value
    if schema.get("type") == "object":
        return _object(schema, definitions, text)
    if schema.get("type") == "array":
        items = schema.get("prefixItems") or [schema.get("items", {})]
        return [_value(item, definitions, text) for item in items]
    return SIMPLE.get(schema.get("type", ""), TEXTS.get(schema.get("format", ""), text))


def _object(schema: dict[str, Any], definitions: dict[str, Any], text: str) -> dict[str, Any]:
    fields = {name: _value(one, definitions, text) for name, one in schema.get("properties", {}).items()}
    if isinstance(more := schema.get("additionalProperties"), dict):
        fields[_value(schema.get("propertyNames", {"const": "key"}), definitions, text)] = _value(
            more, definitions, text
        )
    elif more is True and not fields:
        fields["key"] = text
    return fields

"""Plain sentences for the errors of pydantic, by their type: callers see no wording of the library."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails

REQUIRED = "Field required"
NULL = "must not be null"
UNFIT = "does not have the right form"
"""The sentence for a type without one."""

PLACE = re.compile(r"line (\d+) column (\d+)")

SENTENCES: Mapping[str, str] = {
    "missing": REQUIRED,
    "json_type": "must be JSON",
    "extra_forbidden": "is not a known field",
    "invalid_key": "must have texts for keys",
    "recursion_loop": "is nested too deep",
    "recursion_depth_exceeded": "is nested too deep",
    "none_required": "must be null",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "dict_type": "must be a JSON object",
    "mapping_type": "must be a JSON object",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "set_type": "must be a list",
    "frozen_set_type": "must be a list",
    "iterable_type": "must be a list",
    "string_type": "must be a string",
    "string_unicode": "must be valid Unicode",
    "string_not_ascii": "must have ASCII characters only",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "is out of range",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "decimal_type": "must be a number",
    "decimal_parsing": "must be a number",
    "multiple_of": "must be a multiple of {multiple_of}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be {le} or less",
    "string_too_short": "must have {min_length} characters or more",
    "string_too_long": "must have {max_length} characters or fewer",
    "too_short": "must have {min_length} items or more",
    "too_long": "must have {max_length} items or fewer",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "union_tag_invalid": "must name one of the known kinds",
    "union_tag_not_found": "must name its kind",
    "uuid_type": "must be a UUID",
    "uuid_parsing": "must be a UUID",
    "uuid_version": "must be a UUID",
    "date_type": "must be a date, as 2025-01-27",
    "date_parsing": "must be a date, as 2025-01-27",
    "date_from_datetime_parsing": "must be a date, as 2025-01-27",
    "date_from_datetime_inexact": "must be a date, as 2025-01-27",
    "time_type": "must be a time of day, as 09:00:00",
    "time_parsing": "must be a time of day, as 09:00:00",
    "datetime_type": "must be a date and time, as 2025-01-27T10:00:00Z",
    "datetime_parsing": "must be a date and time, as 2025-01-27T10:00:00Z",
    "datetime_from_date_parsing": "must be a date and time, as 2025-01-27T10:00:00Z",
    "timezone_aware": "must have an offset, as 2025-01-27T10:00:00Z",
    "timezone_naive": "must have no offset",
    "url_type": "must be an address, as https://example.com",
    "url_parsing": "must be an address, as https://example.com",
    "url_scheme": "must be an address, as https://example.com",
    "url_too_long": "must have {max_length} characters or fewer",
}
"""Sentences with the names of the error's context in braces. `value_error` has the words of our own validators."""


def sentence_of(found: ErrorDetails) -> str:
    """The rest of a sentence that begins with the field's name. It echoes no value."""
    kind, context = found["type"], found.get("ctx", {})
    if kind in ("value_error", "assertion_error"):
        return str(context["error"])
    if kind == "json_invalid":
        return _not_json(str(context["error"]))
    return _one(SENTENCES.get(kind, UNFIT).format_map(context))


def _not_json(error: str) -> str:
    place = PLACE.search(error)
    return "is not valid JSON" + (f" (line {place[1]}, column {place[2]})" if place else "")


def _one(sentence: str) -> str:
    return re.sub(r"\b1 (item|character)s\b", r"1 \1", sentence)


def path_of(where: tuple[Any, ...], longest: int) -> str:
    """The path of a field (`a.0.b`), each name cut to `longest` characters; the library's names of keys left out."""
    return ".".join(str(part)[:longest] for part in where if part != "[key]")

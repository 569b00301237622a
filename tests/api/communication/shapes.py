"""Whether an answer has the shape of an example: every key, every type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

OPEN = ("preferences.alert_types_sms", "preferences.alert_types_email")
"""Maps whose keys are data."""


def departures(example: Any, answer: Any, where: str = "", optional: frozenset[str] = frozenset()) -> Iterator[str]:
    """Every way in which the answer does not do what the example shows; more keys than shown are no departure."""
    if example is None or (answer is None and where in optional):
        return
    if type(example) is not type(answer) and not _both_numbers(example, answer):
        yield f"{where or 'answer'}: {type(answer).__name__} instead of {type(example).__name__}"
    elif isinstance(example, dict):
        yield from _of_object(example, answer, where, optional)
    elif isinstance(example, list) and example:
        for item in answer:
            yield from departures(example[0], item, f"{where}[]", optional)


def _both_numbers(example: Any, answer: Any) -> bool:
    return isinstance(example, float) and isinstance(answer, int) and not isinstance(answer, bool)


def _of_object(example: dict[str, Any], answer: dict[str, Any], where: str, optional: frozenset[str]) -> Iterator[str]:
    if where in OPEN:
        yield from (f"{where}.{key}: not a switch" for key, value in answer.items() if not isinstance(value, bool))
        return
    for key, shown in example.items():
        place = f"{where}.{key}" if where else key
        if key in answer:
            yield from departures(shown, answer[key], place, optional)
        elif place not in optional:
            yield f"{place}: missing"


def values_at(answer: Any, path: str) -> list[Any]:
    """Everything that stands at a path such as `trigger_types[].value`."""
    found = [answer]
    for part in path.split("."):
        name, is_list = part.removesuffix("[]"), part.endswith("[]")
        found = [item[name] for item in found if isinstance(item, dict) and name in item]
        found = [one for item in found for one in item] if is_list else found
    return found

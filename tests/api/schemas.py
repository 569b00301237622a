"""Whether an answer has the shape of an example, and whether a value fits a schema of an OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator


class Leeway(NamedTuple):
    """Where an answer may depart from its example: paths that may be absent or null, and maps whose keys are data.

    `fractions` are numbers that the example happens to show whole.
    """

    optional: frozenset[str] = frozenset()
    maps: frozenset[str] = frozenset()
    fractions: frozenset[str] = frozenset()


EXACT = Leeway()


def departures(example: Any, answer: Any, leeway: Leeway = EXACT, where: str = "") -> Iterator[str]:
    """Every way in which the answer does not do what the example shows; more keys than shown are no departure."""
    if example is None or (answer is None and where in leeway.optional):
        return
    numbers = _both_numbers(example, answer) or (where in leeway.fractions and isinstance(answer, float))
    if type(example) is not type(answer) and not numbers:
        yield f"{where or 'answer'}: {type(answer).__name__} instead of {type(example).__name__}"
    elif isinstance(example, dict):
        yield from _of_object(example, answer, leeway, where)
    elif isinstance(example, list) and example:
        for item in answer:
            yield from departures(example[0], item, leeway, f"{where}[]")


def _both_numbers(example: Any, answer: Any) -> bool:
    return isinstance(example, float) and isinstance(answer, int) and not isinstance(answer, bool)


def _of_object(example: dict[str, Any], answer: dict[str, Any], leeway: Leeway, where: str) -> Iterator[str]:
    if where in leeway.maps:
        kinds = {type(value) for value in example.values()}
        yield from (
            f"{where}.{key}: {type(value).__name__}"
            for key, value in answer.items()
            if kinds and type(value) not in kinds
        )
        return
    for key, shown in example.items():
        place = f"{where}.{key}" if where else key
        if key in answer:
            yield from departures(shown, answer[key], leeway, place)
        elif place not in leeway.optional:
            yield f"{place}: missing"


def values_at(answer: Any, path: str) -> list[Any]:
    """Everything that stands at a path such as `trigger_types[].value`."""
    found = [answer]
    for part in path.split("."):
        name, is_list = part.removesuffix("[]"), part.endswith("[]")
        found = [item[name] for item in found if isinstance(item, dict) and name in item]
        found = [one for item in found for one in item] if is_list else found
    return found


def faults(document: dict[str, Any], schema: dict[str, Any], value: object) -> list[str]:
    """What is wrong with a value by a schema of this OpenAPI."""
    whole = schema | {"components": document["components"]}
    return [error.message for error in Draft202012Validator(whole).iter_errors(value)]

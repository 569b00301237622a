"""Messages recorded once, which load for ever: one of every event's name, and one of every name that was retired.

`tests/domain/<first part of the name>/recorded.jsonl` holds them in clear, with every field that was stored.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from domain.messages import Event, Named
from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.wiring import ENGINE_MESSAGES, ENGINE_UPCASTS, Stream, names_of
from tests.commands.contexts import every_context

HERE = Path(__file__).parent
CONTEXTS = every_context()
NAMES = names_of(CONTEXTS)
EVENTS = {
    kind.name: kind
    for kind in (*ENGINE_MESSAGES, *(event for context in CONTEXTS for event in context.events))
    if issubclass(kind, Event)
}
RETIRED = {*ENGINE_UPCASTS, *(name for context in CONTEXTS for name in context.upcasts)}


class Line(NamedTuple):
    """A message as the log has held it. `after` are names of examples without which it cannot happen."""

    name: str
    body: dict[str, Any]
    after: Sequence[str] = ()


def recorded() -> list[Line]:
    """Every example, each in the folder that the first part of its name says."""
    found = []
    for path in sorted(HERE.glob("*/recorded.jsonl")):
        lines = [Line(**json.loads(text)) for text in path.read_text().splitlines()]
        assert {line.name.partition(".")[0] for line in lines} == {path.parent.name}
        found += lines
    return found


def streams() -> dict[tuple[str, str], Stream[Any]]:
    """The kinds of aggregate by context and category."""
    return {
        (context.name, stream.category): stream
        for context in CONTEXTS
        for handler in context.handlers
        for stream in handler.streams
    }


RECORDED = recorded()
STREAMS = streams()
OWNED = {
    kind: [context.name for context in CONTEXTS if kind in context.events]
    for context in CONTEXTS
    for kind in context.events
}
"""The contexts of each event."""


def loaded(line: Line) -> Named:
    """The message that the line is today."""
    kind, body = NAMES.current(line.name, dict(line.body))
    return kind.model_validate_json(json.dumps(body))


def named(line: Line) -> str:
    return line.name


def test_there_is_one_of_every_name_and_of_no_other() -> None:
    assert {line.name for line in RECORDED} == EVENTS.keys() | RETIRED


@pytest.mark.parametrize("line", RECORDED, ids=named)
def test_what_was_recorded_once_loads_as_it_was(line: Line) -> None:
    _, body = NAMES.current(line.name, dict(line.body))
    assert loaded(line).model_dump(mode="json", exclude_unset=True) == body


@pytest.mark.parametrize("line", RECORDED, ids=named)
def test_what_was_recorded_once_is_stored_and_read_again_without_loss(line: Line) -> None:
    message = loaded(line)
    mapper = Mapper(NAMES, Keyring(bytes(32)))
    if message.subject is not None:
        mapper.keyring.allow(message.subject)
    assert mapper.decode(message.name, mapper.encode(message), message.subject) == message


@pytest.mark.parametrize("name", sorted(RETIRED))
def test_a_retired_name_is_read_as_a_name_of_today(name: str) -> None:
    for message in [loaded(line) for line in RECORDED if line.name == name]:
        assert message.name != name
        assert NAMES.type_of(message.name) is type(message)


@pytest.mark.parametrize("line", RECORDED, ids=named)
def test_an_event_that_was_recorded_once_evolves_its_aggregate(line: Line) -> None:
    event = loaded(line)
    if not isinstance(event, Event) or type(event) in ENGINE_MESSAGES:
        assert type(event) not in OWNED
        return
    history = [loaded(one) for name in line.after for one in RECORDED if one.name == name]
    for context in OWNED[type(event)]:
        stream = STREAMS[context, event.aggregate]
        state = reduce(stream.evolve, [*history, event], stream.initial)
        assert type(state) is type(stream.initial)
        assert type(state).model_validate_json(state.model_dump_json()) == state, "a snapshot of it cannot be read"

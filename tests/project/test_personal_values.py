"""Guarantees about personal values, over every context.

The test records an example of each event with personal values, under a key other than the person's. It does not see
values that a state derives from a personal one (a length, a hash), personal values in unmarked fields, or values kept
outside a stream's state. Read models are blanked, and tasks are sealed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

import pytest

from domain.messages import Command, Event
from streams.audit.refold import streams_of
from streams.core.clock import ManualClock
from streams.core.envelope import Status
from streams.core.wiring import Context, EraseSubject, Handler, Stream, no_reactions
from streams.testing import MemoryRuntime
from tests.commands.contexts import every_context
from tests.contract.shelf import SHELF
from tests.domain.test_recorded import RECORDED
from tests.examples import MARK, example

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
KEY = "the key of another"
CONTEXTS = every_context()


class Probe(Command, name="headwater.test.probe.v1", key="place", subject="about"):
    """Records the example or not; in any case what the stream's state was before is looked at."""

    place: str = KEY
    about: str
    records: bool

    @property
    def subject(self) -> str:
        return self.about


class Probed:
    """A context in memory in which one example is recorded, after those without which it cannot happen."""

    def __init__(self, context: Context, stream: Stream[Any], event: Event) -> None:
        assert event.subject is not None, f"{event.name} has personal values and does not say of whom"
        self.context, self.event, self.subject = context, event, event.subject
        self.seen: list[str] = []
        handler = Handler(Probe, decide=self._decide, writes=replace(stream, id_of=attrgetter("place")))
        probed = replace(context, handlers=(*context.handlers, handler), react=no_reactions, read_models=())
        self.runtime = MemoryRuntime([probed], ManualClock(NOW))
        self._do(Probe(at=NOW, about=self.subject, records=True))

    def _decide(self, command: Probe, state: Any) -> Sequence[Event]:
        self.seen.append(state.model_dump_json())
        return [*before(self.context, type(self.event)), self.event] if command.records else []

    def _do(self, command: Command) -> None:
        outcome = self.runtime.do(command, self.context.name)
        assert outcome.status in (Status.ACCEPTED, Status.UNCHANGED), outcome

    def state(self) -> str:
        """The state that the next command would be decided on."""
        self._do(Probe(at=NOW, about=self.subject, records=False))
        return self.seen[-1]

    def erase(self) -> None:
        """Erases the person under every key that has records about them, as `headwater erase` does."""
        for key in {one.record.key for one in self.runtime.journal if one.record.subject == self.subject}:
            self._do(EraseSubject(at=NOW, partition_key=key, erased=self.subject))


def before(context: Context, event: type[Event]) -> list[Event]:
    """Examples of the events without which this one cannot happen."""
    names = {name for line in RECORDED if line.name == event.name for name in line.after}
    return [example(one) for one in context.events if one.name in names]


def personal_events(context: Context) -> Iterator[tuple[Stream[Any], type[Event]]]:
    """Every event of a context that has personal values, with the kind of stream it belongs to."""
    streams = streams_of(context)
    return ((streams[event.aggregate], event) for event in context.events if event.personal_fields)


@pytest.mark.parametrize("context", CONTEXTS, ids=attrgetter("name"))
def test_whatever_is_about_one_person_names_them(context: Context) -> None:
    """Who is meant by a field is learned from the messages that do: where one says a person is meant, all do."""
    messages = [*context.events, *(handler.command for handler in context.handlers)]
    people = {message.subject_field for message in messages if message.subject_field is not None}
    nameless = [m.name for m in messages if m.subject_field is None and people & set(m.model_fields)]
    assert nameless == []


@pytest.mark.parametrize("context", [*CONTEXTS, SHELF], ids=attrgetter("name"))
def test_of_an_erased_person_no_state_holds_a_value(context: Context) -> None:
    held = set()
    for stream, event in personal_events(context):
        probed = Probed(context, stream, example(event))
        if MARK in probed.state():
            held.add(event.name)
            probed.erase()
            assert MARK not in probed.state(), f"the state of {stream.category} keeps a value of {event.name}"
    assert held, "no example left a value in a state: this test would see nothing"


@pytest.mark.parametrize("context", [*CONTEXTS, SHELF], ids=attrgetter("name"))
def test_no_personal_value_is_in_the_log_in_clear(context: Context) -> None:
    for stream, event in personal_events(context):
        probed = Probed(context, stream, example(event))
        assert all(MARK.encode() not in one.record.data for one in probed.runtime.journal)

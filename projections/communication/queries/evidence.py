"""The evidence for every input of a decision: its events, or its other source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from psycopg import AsyncConnection

from domain.communication.consent import AddressSuppressed
from domain.communication.decision import Decision, DecisionStep
from domain.communication.delivery import MessageRejected
from domain.communication.message import DecidedEvent, MessageRequested
from domain.communication.recipient import PreferencesReset, PreferencesUpdated
from projections.communication.queries.journal import events_of
from projections.journal import JournalEvent, Link, link
from streams.core.mapper import Mapper
from streams.core.read_models import Row


class Source(StrEnum):
    """The source of an input.

    - event: recorded; the events are its evidence.
    - default: nothing was recorded, or this part was not set, so the default applies.
    - setting: the installation's configuration when the message was requested.
    - rule: a constant of the rule in its version.
    - derived: follows from the other inputs and the time of the decision.
    - counters: sums over the log, counted up to the sequences that `counted_to` gives for each partition.
    - unrecorded: the decision is older than the record of this input's position.
    """

    EVENT = "event"
    DEFAULT = "default"
    SETTING = "setting"
    RULE = "rule"
    DERIVED = "derived"
    COUNTERS = "counters"
    UNRECORDED = "unrecorded"


FIXED = {
    "cap": Source.RULE,
    "daily_limit": Source.SETTING,
    "monthly_limit": Source.SETTING,
    "counted_to": Source.COUNTERS,
    "cost": Source.DERIVED,
    "free_at": Source.DERIVED,
    "local_time": Source.DERIVED,
    "opens": Source.DERIVED,
}
"""The sources of the inputs that no event holds."""

IN_RECIPIENT = {
    "consent": "consent",
    "suppression": "suppression",
    "cause": "suppression",
    "preferences": "preferences",
    "switched_off": "preferences",
    "frequency": "preferences",
    "time_zone": "preferences",
    "quiet_hours": "preferences",
    "contacts": "contacts",
    "sent_in_window": "contacts",
}
"""The inputs from events of the recipient's stream, and the input that holds the versions of those events."""

COUNTED = ("contacts", "sent_in_window")
"""The inputs with any number of events as evidence."""

MAY_BE_UNSET = ("time_zone", "quiet_hours")
"""The preferences that an event may leave unset, so that a default applies."""

SPENT = ("daily_used", "monthly_used", "reservation")
IN_REQUEST = ("asked", "priority")
IN_ANSWER = ("provider", "code")
ADDRESS = "address"


class Basis(NamedTuple):
    """The source of an input, and its event, or each event it counts; None for any source but EVENT."""

    source: Source
    evidence: Link | list[Link] | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """The events that a message's decisions refer to, by stream and version."""

    message: Sequence[JournalEvent]
    others: Mapping[tuple[str, int], JournalEvent]

    def basis(self, name: str, step: DecisionStep, decided: JournalEvent) -> Basis:
        """The basis of an input of a step. `decided` is the event that holds the decision."""
        if name in FIXED:
            return Basis(FIXED[name], None)
        events = [link(one) for one in self._behind(name, step, decided) if not _unset(name, one)]
        if not events:
            return Basis(_without_event(name, step), None)
        return Basis(Source.EVENT, events if name in COUNTED else events[0])

    def inputs_of(self, step: DecisionStep, decided: JournalEvent) -> dict[str, object]:
        """The inputs of a step, with the provider's words on a suppressed address, which the decision does not hold."""
        if "suppression" not in step.inputs or "cause" in step.inputs or step.verdict != "refuse":
            return dict(step.inputs)
        facts = (one.fact for one in self._behind("suppression", step, decided))
        return {**step.inputs, "cause": next((f.reason for f in facts if isinstance(f, AddressSuppressed)), None)}

    def _behind(self, name: str, step: DecisionStep, decided: JournalEvent) -> Sequence[JournalEvent]:
        if name in IN_REQUEST:
            return self.message[:1]
        if name in IN_ANSWER:
            return self._answer(step, decided)
        return [self.others[place] for place in _places(name, step, decided) if place in self.others]

    def _answer(self, step: DecisionStep, decided: JournalEvent) -> Sequence[JournalEvent]:
        """The provider's last refusal on that channel before the decision."""
        before = (one for one in self.message if one.version < decided.version)
        refusals = [o for o in before if isinstance(o.fact, MessageRejected) and o.fact.channel == step.channel]
        return refusals[-1:]


async def evidence_of(connection: AsyncConnection[Row], message: Sequence[JournalEvent], mapper: Mapper) -> Evidence:
    """Load the events outside of the message's stream to which its decisions refer."""
    places = {
        place
        for decided in message
        for step in decision_in(decided).steps
        for name in step.inputs
        for place in _places(name, step, decided)
    }
    found = [
        await _events_at(connection, stream, places, mapper) for stream in sorted({stream for stream, _ in places})
    ]
    return Evidence(message, {(one.stream, one.version): one for events in found for one in events})


async def _events_at(
    connection: AsyncConnection[Row], stream: str, places: Iterable[tuple[str, int]], mapper: Mapper
) -> Sequence[JournalEvent]:
    versions = sorted(version for name, version in places if name == stream)
    return await events_of(connection, stream, versions=versions, mapper=mapper)


def decision_in(written: JournalEvent) -> Decision:
    """The decision that an event holds; an empty one if it holds none."""
    decision = written.fact.decision if isinstance(written.fact, DecidedEvent) else None
    return decision if decision is not None else Decision(verdict="allow")


def _places(name: str, step: DecisionStep, decided: JournalEvent) -> list[tuple[str, int]]:
    """The stream and version of each event behind an input, outside of the message's own stream."""
    fact = decided.fact
    if not isinstance(fact, DecidedEvent):
        return []
    if name in IN_RECIPIENT:
        return [(f"recipient/{fact.user_id}", version) for version in _versions(step, IN_RECIPIENT[name])]
    if name in SPENT and not isinstance(fact, MessageRequested):
        return [(f"budget/{fact.day:%Y-%m}", version) for version in _versions(step, "reservation")]
    if name == ADDRESS:
        return [(f"subject/{fact.subject_prefix}{fact.user_id}", 1)]
    return []


def _versions(step: DecisionStep, reference: str) -> list[int]:
    given = step.inputs.get(reference) or []
    return given if isinstance(given, list) else [given]


def _unset(name: str, written: JournalEvent) -> bool:
    fact = written.fact
    if name not in MAY_BE_UNSET or not isinstance(fact, PreferencesUpdated | PreferencesReset):
        return False
    return getattr(fact.preferences, name) is None


def _without_event(name: str, step: DecisionStep) -> Source:
    if name in SPENT:
        return Source.COUNTERS if "counted_to" in step.inputs else Source.UNRECORDED
    return Source.DEFAULT if IN_RECIPIENT.get(name) in step.inputs else Source.UNRECORDED

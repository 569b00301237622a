"""Processor core: decides batches of commands into records and outcomes. No I/O; every runtime drives it.

A runtime calls `wants`, loads that state, calls `decide`, writes the records, and then calls `committed` or `aborted`.
Nothing that was decided survives an abort.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from domain.messages import Event, Refused
from streams.core.batch import (
    NOTHING_LOADED,
    Answer,
    Batch,
    Folded,
    Head,
    History,
    KnownOutcome,
    Loaded,
    Snapshot,
    Wants,
)
from streams.core.chain import link
from streams.core.envelope import (
    Envelope,
    IdempotencyConflict,
    Outcome,
    Position,
    Problem,
    Record,
    Recorded,
    Status,
    event_id,
    outcome_stream,
)
from streams.core.keys import WrappedKey
from streams.core.mapper import Mapper
from streams.core.outcomes import concluded, decode_outcome
from streams.core.refusals import (
    INTERNAL_ERROR,
    SubjectWasErased,
    UnknownCommand,
    VersionConflict,
    WrittenElsewhere,
)
from streams.core.sizes import check_size
from streams.core.wiring import ENGINE_HANDLERS, Context, Handler, Stream, SubjectErased, seals

log = logging.getLogger(__name__)

SNAPSHOT_EVERY = 200
"""Number of events after which a stream gets its next snapshot."""


Line = tuple[Event, str, int, bytes]
"""Record in preparation: the event, its stream's name, its version there, its bytes."""


@dataclass(slots=True)
class Opened:
    """Stream opened for the decision on one command."""

    stream: Stream[Any]
    name: str
    folded: Folded

    def append(self, event: Event, key: str) -> tuple[str, int]:
        """Append an event under a partition key; returns the stream's name and the event's version there."""
        version, state, snapshot, _ = self.folded
        self.folded = Folded(version + 1, self.stream.evolve(state, event), snapshot, key)
        return self.name, version + 1


class BrokenStream(Exception):
    """A gap in a stream's versions: the store is damaged, and nothing may be decided on it."""


class Processor:
    """Processor of commands for the partitions it owns, with their heads and a bounded cache of folded states."""

    def __init__(self, contexts: Sequence[Context], mapper: Mapper, cache_size: int = 50_000) -> None:
        handlers = [(context, handler) for context in contexts for handler in (*context.handlers, *ENGINE_HANDLERS)]
        self._handlers = {handler.command: (context.name, handler) for context, handler in handlers}
        self._kept = {handler.command for _, handler in handlers if handler.keeps_command}
        self._sealed = {handler.command for context, handler in handlers if seals(context, handler)}
        self.mapper = mapper
        self._cache_size = cache_size
        self._states: OrderedDict[tuple[str, str], Folded] = OrderedDict()
        self._heads: dict[tuple[str, int], Head] = {}
        streams = [(context.name, stream) for context, handler in handlers for stream in handler.streams]
        self._schemas = {(context, stream.category): stream.schema for context, stream in streams}

    def adopt(self, context: str, partition: int, head: Head) -> None:
        """Take over a partition whose log ends at `head`."""
        self.drop(context, partition)
        self._heads[context, partition] = head

    def drop(self, context: str, partition: int) -> None:
        """Remove a partition, and all cached states: the partition's next owner may append to its streams."""
        self._heads.pop((context, partition), None)
        self._states.clear()

    def head(self, context: str, partition: int) -> Head:
        return self._heads[context, partition]

    def owns(self, context: str, partition: int) -> bool:
        return (context, partition) in self._heads

    def wants(self, envelopes: Sequence[Envelope]) -> Wants:
        """State to load for a decision: outcomes of ids that are not fresh, streams not cached, keys not known."""
        wants, streams, subjects = Wants(), dict[tuple[str, str, str], None](), dict[str, None]()
        for envelope in envelopes:
            if not envelope.fresh:
                wants.outcomes.append((envelope.context, envelope.command_id))
            if type(envelope.command) in self._sealed:
                subjects.update(dict.fromkeys(self._unknown_subjects(envelope)))
            if (listed := self._handlers.get(type(envelope.command))) is not None:
                self._add_cold(envelope, listed[1], streams)
        wants.streams, wants.subjects = list(streams), list(subjects)
        return wants

    def _unknown_subjects(self, envelope: Envelope) -> Iterable[str]:
        return (subject for subject in envelope.command.subjects if not self.mapper.keyring.knows(subject))

    def _add_cold(self, envelope: Envelope, handler: Handler, streams: dict[tuple[str, str, str], None]) -> None:
        context = envelope.context
        for stream in handler.reads if handler.creates and envelope.fresh else handler.streams:
            name = stream.name(envelope.command)
            if (context, name) not in self._states:
                streams[context, name, self._schemas[context, stream.category]] = None

    def decide(self, envelopes: Sequence[Envelope], loaded: Loaded = NOTHING_LOADED) -> Batch:
        """Decide the batch in order; each command sees the results of those before it."""
        for key in loaded.keys:
            self.mapper.keyring.learn(key)
        for envelope in envelopes:
            if type(envelope.command) in self._sealed:
                for subject in self._unknown_subjects(envelope):
                    self.mapper.keyring.allow(subject)
        batch = Batch()
        for envelope in envelopes:
            batch.answers.append(self._answer(envelope, loaded, batch))
        batch.keys = self.mapper.keyring.created()
        return batch

    def committed(self, batch: Batch) -> None:
        """Keep the states and heads of a batch that is in the log, except what it erased, and trim the caches."""
        for context, key, _ in batch.erased:
            self._forget_key(context, key, batch)
        while len(self._states) > self._cache_size:
            self._states.popitem(last=False)
        self.mapper.keyring.trim()

    def aborted(self, batch: Batch) -> None:
        """Undo a batch that is not in the log: remove the states and keys that it touched, and restore the heads."""
        for name in batch.touched:
            self._states.pop(name, None)
        for place, (before, _) in batch.heads.items():
            if place in self._heads:
                self._heads[place] = before
        self.mapper.keyring.forget([key.subject for key in batch.keys])
        self.mapper.keyring.forget([subject for _, _, subject in batch.erased])

    def _forget_key(self, context: str, key: str, batch: Batch) -> None:
        """States hold plain values: none may stay under the partition key of an erasure."""
        for place in [place for place, folded in self._states.items() if (place[0], folded.key) == (context, key)]:
            del self._states[place]
        batch.snapshots = {p: s for p, s in batch.snapshots.items() if (s.context, s.key) != (context, key)}

    def _answer(self, envelope: Envelope, loaded: Loaded, batch: Batch) -> Answer:
        repeated = batch.outcomes.get(envelope.command_id)
        if repeated is not None:
            return self._replay(envelope, *repeated)
        known = loaded.outcomes.get(envelope.command_id) if loaded.outcomes else None
        if known is not None:
            return self._replay(envelope, *self.outcome_of(known))
        outcome = self._decide_one(envelope, loaded, batch)
        batch.outcomes[envelope.command_id] = (envelope.fingerprint, outcome)
        return outcome

    def _replay(self, envelope: Envelope, fingerprint: str, outcome: Outcome) -> Answer:
        if not envelope.is_request(fingerprint):
            return IdempotencyConflict(str(envelope.command_id))
        return outcome._replace(replayed=True)

    def outcome_of(self, known: KnownOutcome) -> tuple[str, Outcome]:
        """Decode a stored outcome to (fingerprint, outcome)."""
        return decode_outcome(self.mapper, known)

    def _decide_one(self, envelope: Envelope, loaded: Loaded, batch: Batch) -> Outcome:
        listed = self._handlers.get(type(envelope.command))
        try:
            if listed is None:
                raise UnknownCommand(f"no handler for {envelope.command.name}")
            return self._append(self._of_living(envelope), listed[1], loaded, batch)
        except Refused as refusal:
            problem = Problem(type=refusal.name, sentence=refusal.sentence, details=refusal.details)
            return self._conclude(envelope, Status.REFUSED, [], batch, problem)
        except Exception:
            error_id = event_id(envelope.command_id, 0)
            log.exception("deciding %s failed, error %s", envelope.command.name, error_id)
            problem = Problem(
                type=INTERNAL_ERROR, sentence="the command could not be decided", details={"error_id": str(error_id)}
            )
            return self._conclude(envelope, Status.FAILED, [], batch, problem)

    def _of_living(self, envelope: Envelope) -> Envelope:
        """The command, without its remarks once its person is erased; raises SubjectWasErased if it needs values."""
        command = envelope.command
        if not command.personal_fields or not self.mapper.keyring.has_erased(command.subject):
            return envelope
        if command.needed_fields:
            raise SubjectWasErased("this person's data has been erased; nothing can be recorded about them")
        return envelope._replace(command=command.without_personal())

    def _append(self, envelope: Envelope, handler: Handler, loaded: Loaded, batch: Batch) -> Outcome:
        opened = {stream.category: self._open(envelope, stream, loaded) for stream in handler.streams}
        key, encode, withheld = envelope.command.key, self.mapper.encode, self.mapper.withheld
        for one in opened.values():
            _check_key(key, one.folded)
        written = opened[handler.writes.category].folded
        _check_version(envelope, written)
        read = [opened[stream.category].folded.state for stream in handler.reads]
        lines: list[Line] = [
            (event, *opened[event.aggregate].append(event, key), encode(event))
            for event in map(withheld, handler.decide(envelope.command, written.state, *read))
        ]
        for _, _, _, data in lines:
            check_size(data)
        outcome = self._conclude(envelope, Status.ACCEPTED if lines else Status.UNCHANGED, lines, batch, None)
        for one in opened.values():
            self._keep(envelope, one, batch)
        return outcome

    def _open(self, envelope: Envelope, stream: Stream[Any], loaded: Loaded) -> Opened:
        name = stream.name(envelope.command)
        return Opened(stream, name, self._state(envelope.context, stream, name, loaded))

    def _keep(self, envelope: Envelope, one: Opened, batch: Batch) -> None:
        after, place = one.folded, (envelope.context, one.name)
        if after.version - after.snapshot >= SNAPSHOT_EVERY:
            state = after.state.model_dump_json().encode()
            schema = self._schemas[envelope.context, one.stream.category]
            batch.snapshots[place] = Snapshot(*place, envelope.command.key, after.version, schema, state)
            after = after._replace(snapshot=after.version)
        self._states[place] = after
        self._states.move_to_end(place)
        batch.touched.add(place)

    def _conclude(
        self, envelope: Envelope, status: Status, lines: list[Line], batch: Batch, problem: Problem | None
    ) -> Outcome:
        events = tuple(line[0] for line in lines)
        keeps = type(envelope.command) in self._kept
        decided, data = concluded(self.mapper, envelope, status, len(lines), problem, keeps)
        lines.append((decided, outcome_stream(envelope.command_id), 1, data))
        head = self._log(envelope, lines, batch)
        position = Position(envelope.context, envelope.partition, head.sequence)
        return Outcome(envelope.command_id, status, events, position, problem, False, envelope.actor)

    def _log(self, envelope: Envelope, lines: Sequence[Line], batch: Batch) -> Head:
        """Append a command's lines to its partition: its events, then its outcome (which is number 0 by id)."""
        command, command_id, context, partition, actor, correlation, causation, *_ = envelope
        key, place = command.key, (context, partition)
        before = self._heads[place]
        sequence, hash_ = before
        for number, (event, stream, version, data) in enumerate(lines, 1):
            sequence += 1
            id_ = event_id(command_id, number % len(lines))
            header = (
                context,
                partition,
                sequence,
                id_,
                key,
                stream,
                version,
                event.name,
                event.subject,
                data,
                command_id,
                causation,
                correlation,
                actor,
                event.at,
            )
            hash_ = link(hash_, *header)
            batch.recorded.append(Recorded(event, Record(*header, hash_)))
            if type(event) is SubjectErased:
                self._erase(context, key, event, batch)
        head = self._heads[place] = Head(sequence, hash_)
        batch.heads[place] = (batch.heads[place][0] if place in batch.heads else before, head)
        return head

    def _erase(self, context: str, key: str, event: SubjectErased, batch: Batch) -> None:
        batch.erased.append((context, key, event.erased))
        self.mapper.keyring.learn(WrappedKey(event.erased, None))

    def _state(self, context: str, stream: Stream[Any], name: str, loaded: Loaded) -> Folded:
        cached = self._states.get((context, name))
        if cached is not None:
            return cached
        history = loaded.histories.get((context, name))
        if history is None:
            return Folded(0, stream.initial)
        return self._fold(stream, history)

    def _fold(self, stream: Stream[Any], history: History) -> Folded:
        folded = Folded(0, stream.initial)
        if history.snapshot is not None:
            state = type(stream.initial).model_validate_json(history.snapshot.state)
            folded = Folded(history.snapshot.version, state, history.snapshot.version, history.snapshot.key)
        for record in history.records:
            if record.version <= folded.version:
                continue
            if record.version != folded.version + 1:
                raise BrokenStream(f"{record.stream} goes from version {folded.version} to {record.version}")
            event = self.mapper.decode(record.name, record.data, record.subject)
            folded = Folded(record.version, stream.evolve(folded.state, event), folded.snapshot, record.key)
        return folded


def _check_key(key: str, opened: Folded) -> None:
    if opened.version and opened.key != key:
        raise WrittenElsewhere("what this is about belongs to another partition key")


def _check_version(envelope: Envelope, written: Folded) -> None:
    expected = envelope.expected_version
    if expected is not None and expected != written.version:
        raise VersionConflict(
            f"version {expected} was expected, the stream is at {written.version}",
            expected=expected,
            actual=written.version,
        )

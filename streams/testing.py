"""Test kit: an in-memory runtime, and given/when/then scenarios over a context; thousands of cases per second."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self
from uuid import UUID, uuid4, uuid5

from domain.messages import Command, Event, Refused, Reply
from streams.core.batch import Head, History, KnownOutcome, Loaded
from streams.core.calls import Verdict
from streams.core.clock import ManualClock
from streams.core.envelope import Decided, Envelope, IdempotencyConflict, Outcome, Record, Recorded, Status, TaskEnd
from streams.core.gateway import envelop
from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.processor import Processor
from streams.core.read_models import Add, Change, Delete, Put, Set
from streams.core.wiring import Context, Handler, Later, Withdraw, names_of
from streams.postgres.installation import projection_of
from streams.postgres.projection_tables import Active, Halt, Projection, changes_of
from streams.postgres.tasks import error_of, reacted, reactions
from streams.work.attempts import answer_of, attempt_of, may_repeat

Rows = dict[tuple[Any, ...], dict[str, Any]]
Perform = Callable[[Any, str], Verdict]


class MemoryRuntime:
    """The in-memory runtime: the engine's processor, projections and tasks over lists and dictionaries."""

    def __init__(self, contexts: Sequence[Context], clock: ManualClock, partitions: int = 4) -> None:
        self.clock = clock
        self.partitions = partitions
        self.mapper = Mapper(names_of(contexts), Keyring(os.urandom(32)))
        self.processor = Processor(contexts, self.mapper)
        self.contexts = {context.name: context for context in contexts}
        self.journal: list[Recorded[Event]] = []
        self.tables: dict[str, Rows] = {}
        self.halts: list[Halt] = []
        self._projections: list[Projection] = []
        self._streams: dict[tuple[str, str], list[Record]] = defaultdict(list)
        self._outcomes: dict[UUID, KnownOutcome] = {}
        self._open: dict[UUID, _Open] = {}
        for context in contexts:
            self._adopt(context)

    def _adopt(self, context: Context) -> None:
        for partition in range(self.partitions):
            self.processor.adopt(context.name, partition, Head())
        self._projections += [projection_of(context.name, model) for model in context.read_models]
        self._projections.append(reactions(context, self.mapper))

    async def submit(self, envelope: Envelope, timeout_seconds: float = 5.0) -> Outcome:
        """See `Gateway.submit`."""
        return self.execute([envelope])[0]

    async def outcome(self, context: str, command_id: UUID) -> Outcome | None:
        """See `Gateway.outcome`."""
        known = self._outcomes.get(command_id)
        return None if known is None else self.processor.outcome_of(known)[1]

    def do(self, command: Command, context: str, actor: str = "test", **envelope: Any) -> Outcome:
        """Decide one command; returns its outcome. Its tasks wait for `run_due`."""
        return self.execute([envelop(command, context, self.partitions, actor, **envelope)])[0]

    def execute(self, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Decide a batch; raises IdempotencyConflict for the first conflicting envelope."""
        wants = self.processor.wants(envelopes)
        histories = {(c, s): History(self._streams[c, s]) for c, s, _ in wants.streams}
        batch = self.processor.decide(envelopes, Loaded(self._outcomes, histories))
        self._append(batch.recorded)
        self.processor.committed(batch)
        for answer in batch.answers:
            if isinstance(answer, IdempotencyConflict):
                raise answer
        return [answer for answer in batch.answers if isinstance(answer, Outcome)]

    def _append(self, recorded: Sequence[Recorded[Event]]) -> None:
        for one in recorded:
            self.journal.append(one)
            self._streams[one.record.context, one.record.stream].append(one.record)
            if isinstance(one.fact, Decided):
                end = one.record.sequence
                events = [r.record for r in recorded if r.record.command_id == one.record.command_id][:-1]
                self._outcomes[one.record.command_id] = KnownOutcome(
                    one.record, events[-one.fact.events :] if end else []
                )
            self._react(one)
        for projection in self._projections:
            self._project(projection, recorded)

    def _project(self, projection: Projection, recorded: Sequence[Recorded[Event]]) -> None:
        changes = changes_of(Active(projection, projection.name, {}), recorded)
        if isinstance(changes, Halt):
            self.halts.append(changes)
            self._projections.remove(projection)
        else:
            apply_changes(self.tables.setdefault(projection.name, {}), projection.key, changes)

    def _react(self, one: Recorded[Event]) -> None:
        if isinstance(one.fact, Decided):
            self._conclude(one.fact)
            return
        for id_, reaction in reacted(self.contexts[one.record.context], one):
            if isinstance(reaction, Withdraw):
                self._open.pop(id_, None)
                continue
            due = reaction.due_at if isinstance(reaction, Later) else one.record.at
            self._open.setdefault(id_, _Open(id_, reaction, due, one.record))

    def _conclude(self, decided: Decided) -> None:
        if decided.status is Status.FAILED and decided.task is not None and decided.task.id in self._open:
            self._open[decided.task.id].error = error_of(decided.problem)
        else:
            self._end(decided.task)

    def _end(self, end: TaskEnd | None) -> None:
        if end is not None and end.id in self._open:
            if end.due_at is None:
                del self._open[end.id]
            else:
                self._open[end.id].due_at, self._open[end.id].answer = end.due_at, None

    def kept(self) -> list[tuple[str, str | None]]:
        """The tasks whose commands failed, by name, each with its error."""
        kept = [task for task in self._open.values() if task.error is not None]
        return [((t.task.command if isinstance(t.task, Later) else t.task.effect).name, t.error) for t in kept]

    def retry(self) -> None:
        """Release the kept tasks, so that `run_due` performs them again."""
        for task in self._open.values():
            task.error = None

    def run_due(self, perform: Perform, idempotent: bool = True) -> int:
        """Perform all due tasks, and the tasks that follow from them, until none is due; returns their number.

        A task whose command fails is kept until `retry`.
        """
        done = 0
        while due := [task for task in self._open.values() if task.due_at <= self.clock.now() and task.error is None]:
            for task in due:
                if task.id not in self._open:
                    continue
                done += 1
                self._perform(task, perform, idempotent)
        return done

    def run_one(self, number: int, perform: Perform, idempotent: bool = True) -> bool:
        """Perform one of the due tasks, by its number among them, so that a test chooses their order.

        False when none is due.
        """
        due = [task for task in self._open.values() if task.due_at <= self.clock.now() and task.error is None]
        if due:
            self._perform(due[number % len(due)], perform, idempotent)
        return bool(due)

    def next_due(self) -> datetime | None:
        """The due time of the next task; None without tasks."""
        return min((task.due_at for task in self._open.values()), default=None)

    def _perform(self, task: _Open, perform: Perform, idempotent: bool) -> None:
        task.attempts += 1
        now = self.clock.now()
        command, end = self._command(task, perform, idempotent)
        outcome = self.do(
            command.model_copy(update={"at": now}),
            task.cause.context,
            actor="worker",
            command_id=_command_id(task),
            causation_id=task.cause.event_id,
            correlation_id=task.cause.correlation_id,
            task=end,
        )
        if outcome.replayed:
            self._end(end)

    def _command(self, task: _Open, perform: Perform, idempotent: bool) -> tuple[Command, TaskEnd]:
        if isinstance(task.task, Later):
            return task.task.command, TaskEnd(id=task.id)
        if task.answer is not None and task.answer.attempt is not None:
            return task.answer, TaskEnd(id=task.id, due_at=task.answer.attempt.retry_at)
        verdict = perform(task.task.effect, str(task.id))
        attempt = attempt_of(
            verdict, task.attempts, "test", may_repeat(task.attempts, idempotent), self.clock.now(), 1.0
        )
        task.answer = answer_of(task.task.reply, attempt, self.clock.now())
        return task.answer, TaskEnd(id=task.id, due_at=attempt.retry_at)


@dataclass(slots=True)
class _Open:
    id: UUID
    task: Any
    due_at: datetime
    cause: Record
    attempts: int = 0
    answer: Reply | None = None
    error: str | None = None


def _command_id(task: _Open) -> UUID:
    """The id of a timer's first command is the worker's: a key that is used again gives the same command."""
    timer = isinstance(task.task, Later) and task.attempts == 1
    return uuid5(task.id, "timer") if timer else uuid4()


def apply_changes(rows: Rows, key: tuple[str, ...], changes: Sequence[Change]) -> None:
    """Apply row changes to a dictionary, as the engine's statements apply them to a table."""
    for one in changes:
        match one:
            case Delete():
                rows.pop(one.key, None)
            case Set():
                if one.key in rows:
                    rows[one.key].update(one.columns)
            case Put():
                rows.setdefault(one.key, dict(zip(key, one.key, strict=True))).update(one.columns)
            case Add():
                row = rows.setdefault(one.key, dict(zip(key, one.key, strict=True)))
                row.update({name: row.get(name, 0) + number for name, number in one.columns.items()})


@dataclass(frozen=True)
class Scenario:
    """A test of a context's decisions: given events, when a command is decided, then events or a refusal follow.

    Immutable; every step returns a new scenario. `produced` holds the last command's events, `pending` those that are
    not yet in `history`. A refusal stays, so a later `then` fails.
    """

    context: Context
    history: tuple[Event, ...] = ()
    produced: tuple[Event, ...] = ()
    pending: tuple[Event, ...] = ()
    refusal: Refused | None = None
    states: dict[str, Any] = field(default_factory=dict)

    def given(self, *events: Event) -> Self:
        """Add events to the history; each folds into the stream of its aggregate."""
        return replace(self, history=(*self.history, *self.pending, *events), pending=())

    def when(self, command: Command) -> Self:
        """Decide the command on the folded history, which includes the events of earlier `when`s.

        Raises LookupError when the context has no handler of the command.
        """
        handler, past = self._handler(command), self.given()
        states = past._folded(handler)
        try:
            produced = handler.decide(
                command, states[handler.writes.category], *(states[stream.category] for stream in handler.reads)
            )
        except Refused as refusal:
            return replace(past, produced=(), refusal=refusal, states=states)
        return replace(past, produced=tuple(produced), pending=tuple(produced), states=states)

    def _handler(self, command: Command) -> Handler:
        for handler in self.context.handlers:
            if handler.command is type(command):
                return handler
        raise LookupError(f"no handler is listed for {type(command).__name__}: add one to the context's wiring")

    def _folded(self, handler: Handler) -> dict[str, Any]:
        streams = {stream.category: stream for stream in (handler.writes, *handler.reads)}
        states = {category: stream.initial for category, stream in streams.items()}
        for event in self.history:
            if event.aggregate in streams:
                states[event.aggregate] = streams[event.aggregate].evolve(states[event.aggregate], event)
        return states

    def then(self, *events: Event) -> Self:
        """Assert that the command produced exactly these events."""
        assert self.refusal is None, f"refused: {self.refusal}"
        assert self.produced == events, f"expected {events}\nproduced {self.produced}"
        return self.given()

    def then_kinds(self, *kinds: type[Event]) -> Self:
        """Assert that the command produced events of exactly these types."""
        assert self.refusal is None, f"refused: {self.refusal}"
        assert tuple(type(event) for event in self.produced) == kinds, f"produced {self.produced}"
        return self.given()

    def then_nothing(self) -> Self:
        """Assert that the command produced no events."""
        return self.then()

    def then_refused(self, kind: type[Refused]) -> Self:
        """Assert that the command was refused with this type."""
        assert type(self.refusal) is kind, f"refusal {self.refusal!r}, produced {self.produced}"
        assert kind in self.context.refusals, f"{kind.__name__} is not among the refusals of {self.context.name}"
        return self

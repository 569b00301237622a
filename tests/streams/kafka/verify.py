"""Verification after a fault, from outside: the log read by another library, PostgreSQL, and the clients' answers."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from confluent_kafka import Consumer, TopicPartition
from psycopg import Connection

from domain.messages import Command
from streams.core.chain import chained
from streams.core.envelope import GENESIS, OUTCOMES, Decided, Outcome, Record, Status
from streams.core.read_models import Row
from streams.kafka.replay import replay
from streams.postgres.catch_up import catch_up
from streams.postgres.database import connect_plain
from streams.postgres.journal import COLUMNS
from streams.postgres.rebuild import activate, compare, create, join_writers
from streams.postgres.tasks import known_projections
from tests.contract.shelf import SHELF, EmptyJar, FillJar, JarEmptied, JarFilled, JarOpened, OpenJar
from tests.streams.kafka.runtime import Processes, mapper

JOURNAL = f"select {COLUMNS} from headwater.journal j order by context, partition, sequence"


def read_log(roles: Processes) -> list[Record]:
    """Every record of every partition, its sequence and hash checked on the way."""
    records = []
    for partition in range(roles.partitions):
        head = GENESIS
        for sequence, ((record, _), _) in enumerate(replay(roles.cluster, "shelf", partition), 1):
            head = chained(head, record)
            assert (record.sequence, record.hash) == (sequence, head), f"the chain breaks at {record.position}"
            records.append(record)
    return records


def end_of(roles: Processes, topic: str, partition: int, isolation_level: str) -> int:
    """Where a topic's partition ends for whom reads with this isolation level."""
    reader = Consumer(roles.cluster.reader(isolation_level=isolation_level))
    try:
        return reader.get_watermark_offsets(TopicPartition(topic, partition), 10)[1]
    finally:
        reader.close()


def verify(roles: Processes, submitted: Mapping[UUID, Command], answered: Mapping[UUID, Outcome]) -> None:
    """Raises AssertionError, naming what does not hold."""
    log = read_log(roles)
    with connect_plain(roles.dsn) as connection:
        stored = _journal(connection, len(log))
        assert stored == log, f"the journal has {len(stored)} records, the log {len(log)}"
        _check_versions(log)
        _check_answers(log, submitted, answered)
        _Verdicts(submitted).check(log)
        _check_read_models(connection)


def _journal(connection: Connection[Row], expected: int) -> list[Record]:
    """The journal, once the projector has caught up with the log."""
    until = time.monotonic() + 60
    while True:
        rows = connection.execute(JOURNAL.encode()).fetchall()
        if len(rows) >= expected or time.monotonic() > until:
            return [Record(*row) for row in rows]
        time.sleep(0.05)


def _check_versions(log: Sequence[Record]) -> None:
    versions: dict[str, list[int]] = defaultdict(list)
    for record in log:
        versions[record.stream].append(record.version)
    for stream, found in versions.items():
        assert found == list(range(1, len(found) + 1)), f"the versions of {stream} are {found}"


def _check_answers(log: Sequence[Record], submitted: Mapping[UUID, Command], answered: Mapping[UUID, Outcome]) -> None:
    outcomes = {r.command_id: r for r in log if r.stream.startswith(f"{OUTCOMES}/")}
    counts = Counter(r.command_id for r in log if r.stream.startswith(f"{OUTCOMES}/"))
    assert max(counts.values()) == 1, "a command has two outcomes"
    assert answered.keys() == submitted.keys(), "a command was never answered"
    assert outcomes.keys() == submitted.keys(), "the log and what was submitted differ"
    for command_id, outcome in answered.items():
        decided = Decided.model_validate_json(outcomes[command_id].data)
        found = (decided.status, outcomes[command_id].position)
        assert (outcome.status, outcome.position) == found, f"{command_id} was answered otherwise than recorded"


@dataclass
class _Verdicts:
    """Decides everything once more from the log alone: no decision may have been made on a stale state."""

    submitted: Mapping[UUID, Command]
    grams: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    opened: set[str] = field(default_factory=set)
    events: list[Record] = field(default_factory=list)

    def check(self, log: Sequence[Record]) -> None:
        for record in log:
            if not record.stream.startswith(f"{OUTCOMES}/"):
                self.events.append(record)
                continue
            decided = Decided.model_validate_json(record.data)
            assert len(self.events) == decided.events, f"{record.position} misses events"
            self._check(self.submitted[record.command_id], decided, record)
            self.events = []

    def _check(self, command: Command, decided: Decided, record: Record) -> None:
        found = (decided.status, [event.name for event in self.events])
        assert found == self._expected(command), f"stale decision at {record.position}: {command} gave {found}"
        self._apply(command, decided.status)

    def _expected(self, command: Command) -> tuple[Status, list[str]]:
        match command:
            case FillJar() if self.grams[command.jar] + command.grams > 1000:
                return Status.REFUSED, []
            case FillJar():
                return Status.ACCEPTED, [JarFilled.name]
            case EmptyJar():
                return Status.ACCEPTED, [JarEmptied.name]
            case OpenJar() if command.jar in self.opened:
                return Status.UNCHANGED, []
        return Status.ACCEPTED, [JarOpened.name, "shelf.owner.counted.v1"]

    def _apply(self, command: Command, status: Status) -> None:
        match command:
            case FillJar() if status is Status.ACCEPTED:
                self.grams[command.jar] += command.grams
            case EmptyJar():
                self.grams[command.jar] = 0
            case OpenJar():
                self.opened.add(command.jar)


def _check_read_models(connection: Connection[Row]) -> None:
    """Every read model equals one built anew from the journal."""
    known = {projection.name: projection for projection in known_projections([SHELF], mapper())}
    for model in SHELF.read_models:
        projection = known[model.name]
        active = activate(connection, projection, create(connection, projection, model))
        catch_up(connection, active, mapper())
        join_writers(connection, active, mapper(), "shadow")
        comparison = compare(connection, model.name, active)
        assert comparison.equal, f"{model.name}: {comparison}"

"""What travels: a command in its envelope, a record in the log, and the outcome that answers a command."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field

from domain.messages import Command, Event, Instant, Personal
from streams.core.ids import derived_id

E = TypeVar("E", bound=Event, covariant=True)
F = TypeVar("F", bound=Event)

GENESIS = bytes(32)
"""The hash before the first record of a partition."""

LARGEST_BYTES = 900_000
"""Of a record's data. Kafka's brokers take messages of a million bytes, headers included."""

OUTCOMES = "command"
"""The category of the streams that hold outcomes: one stream, and one record, per command id."""


class Position(NamedTuple):
    """A place in the log: the sequence is gapless within (context, partition), starting at 1."""

    context: str
    partition: int
    sequence: int

    def __str__(self) -> str:
        return f"{self.context}/{self.partition}/{self.sequence}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """Reads `context/partition/sequence`; raises ValueError for anything else."""
        context, partition, sequence = text.strip().split("/")
        position = cls(context, int(partition), int(sequence))
        if not context or position.partition < 0 or position.sequence < 0:
            raise ValueError(f"not a position: {text!r}")
        return position


class TaskEnd(BaseModel):
    """What a reply does to the task it answers: ends it, or puts it off until `due_at` (UTC)."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    due_at: Instant | None = None


class Envelope(NamedTuple):
    """A command on its way to being decided.

    `fresh` promises that the id was minted for this very submission, so no outcome can exist yet.
    `fingerprint` identifies the request behind an idempotency key; the same id with another one is a conflict.
    `former_fingerprint` is the form that older outcomes hold.
    """

    command: Command
    command_id: UUID
    context: str
    partition: int
    actor: str
    correlation_id: UUID
    causation_id: UUID | None = None
    fingerprint: str = ""
    fresh: bool = False
    expected_version: int | None = None
    task: TaskEnd | None = None
    former_fingerprint: str = ""

    def is_request(self, fingerprint: str) -> bool:
        """Whether a recorded fingerprint is that of the request behind this command."""
        return fingerprint in (self.fingerprint, self.former_fingerprint or self.fingerprint)


class Status(StrEnum):
    """How a command was decided."""

    ACCEPTED = "accepted"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    FAILED = "failed"


class Problem(BaseModel):
    """Why a command was refused or failed: the refusal's name, a sentence for a person, plain JSON details.

    `type` is found in `Names.refusals`. Outcomes of older code hold the name that the class had then.
    """

    model_config = ConfigDict(frozen=True)

    type: str
    sentence: str
    details: dict[str, Any] = {}


class Decided(Event, name="headwater.command.decided.v2", subject="data_subject"):
    """The outcome of one command, recorded after its events. `events` of them precede this record directly.

    `code` is what kept the command from being accepted, the type of its problem; "" for one that was not kept. The
    command itself, as JSON, is the `body`, or, if it has personal fields, `sealed`. It is in neither where it could not
    be read, cannot be stored or is too large (`LARGEST_BYTES`), nor in outcomes recorded as v1.
    """

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    subject_in_full = True
    command: str
    status: Status
    events: int = 0
    fingerprint: str = ""
    problem: Problem | None = None
    task: TaskEnd | None = None
    data_subject: str | None = Field(None, alias="subject")
    code: str = ""
    body: dict[str, Any] | None = None
    sealed: Personal[dict[str, Any]] = None


DECIDED_V1 = "headwater.command.decided.v1"
"""The name of outcomes that hold neither subject, code nor command."""


OUTCOME_NAMES = [DECIDED_V1, Decided.name]
"""Every name under which outcomes are recorded, for queries that read raw names."""


def decided_v1(body: dict[str, Any]) -> dict[str, Any]:
    """Carry the body of a v1 outcome forward."""
    problem = body.get("problem")
    return body | {"code": problem["type"] if problem else ""}


class Record(NamedTuple):
    """One line of the log, as stored: `data` is the event's JSON, personal values encrypted."""

    context: str
    partition: int
    sequence: int
    event_id: UUID
    key: str
    stream: str
    version: int
    name: str
    subject: str | None
    data: bytes
    command_id: UUID
    causation_id: UUID | None
    correlation_id: UUID
    actor: str
    at: datetime
    hash: bytes

    @property
    def position(self) -> Position:
        return Position(self.context, self.partition, self.sequence)


class StreamName(NamedTuple):
    """`category/id`: one aggregate's history."""

    category: str
    id: str

    def __str__(self) -> str:
        return f"{self.category}/{self.id}"

    @classmethod
    def parse(cls, text: str) -> StreamName:
        category, _, id_ = text.partition("/")
        return cls(category, id_)


class Recorded(NamedTuple, Generic[E]):
    """A record together with the event it holds."""

    fact: E
    record: Record

    @property
    def stream(self) -> StreamName:
        return StreamName.parse(self.record.stream)

    @property
    def position(self) -> Position:
        return self.record.position


class Outcome(NamedTuple):
    """The answer to a command. `events` are its own, in order; `position` is where the outcome itself stands."""

    command_id: UUID
    status: Status
    events: tuple[Event, ...]
    position: Position
    problem: Problem | None = None
    replayed: bool = False

    def only(self, kind: type[F]) -> F:
        """The one event of this kind; raises LookupError when there is none or more than one."""
        found = [event for event in self.events if isinstance(event, kind)]
        if len(found) != 1:
            raise LookupError(f"{len(found)} {kind.__name__} in the outcome of {self.command_id}")
        return found[0]


class IdempotencyConflict(Exception):
    """The command id has been used already, for a different body."""


def outcome_stream(command_id: UUID) -> str:
    """The stream that holds the outcome of this command."""
    return f"{OUTCOMES}/{orjson.dumps(command_id)[1:-1].decode()}"  # less than half the time that str() takes


def event_id(command_id: UUID, number: int) -> UUID:
    """The id of a command's nth record, uuid5(command id, n): the same for every retry of the command."""
    return derived_id(command_id, str(number))

"""Messages of the engine: commands in envelopes, records of the log, and outcomes of commands."""

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
"""Largest size of a record's data. Kafka's brokers take messages of a million bytes, headers included."""

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
        """Parse `context/partition/sequence`; raises ValueError for any other text."""
        context, partition, sequence = text.strip().split("/")
        position = cls(context, int(partition), int(sequence))
        if not context or position.partition < 0 or position.sequence < 0:
            raise ValueError(f"not a position: {text!r}")
        return position


class Doubt(BaseModel):
    """What is known of a call that may have gone out, between the looks at the provider's list.

    `since` is before the first attempt; `reason` says why its fate is unknown. `absent` looks found nothing, `failed`
    looks could not be made. `resent`: it was sent once more, without an answer again.
    """

    model_config = ConfigDict(frozen=True)

    since: Instant
    reason: str
    absent: int = 0
    failed: int = 0
    resent: bool = False


class TaskEnd(BaseModel):
    """End of the task that a command answers, or its delay until `due_at` (UTC), perhaps in doubt."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    due_at: Instant | None = None
    doubt: Doubt | None = None


class Envelope(NamedTuple):
    """A command with the data needed to decide it: ids, partition, actor, conditions.

    `fresh` promises that the id was generated for this submission, so no outcome can exist yet.
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
    """Result of the decision on a command."""

    ACCEPTED = "accepted"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    FAILED = "failed"


class Problem(BaseModel):
    """Reason for a refusal or failure of a command: its name, a sentence for a person, and details as plain JSON.

    `type` of a refusal is a key of `Names.refusals`. Outcomes of older code hold a former name of the class.
    """

    model_config = ConfigDict(frozen=True)

    type: str
    sentence: str
    details: dict[str, Any] = {}


class Decided(Event, name="headwater.command.decided.v2", subject="data_subject"):
    """The outcome of one command, recorded after its events. `events` of them precede this record directly.

    `code` is the type of the command's problem, "" without a problem. The command itself, as JSON, is in `body`, or in
    `sealed` if it has personal fields. Both are empty for a command that could not be read, cannot be stored or is too
    large (`LARGEST_BYTES`), and in outcomes recorded as v1.
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
"""Former name of outcomes, which held neither subject, code nor command."""


OUTCOME_NAMES = [DECIDED_V1, Decided.name]
"""All names under which outcomes are recorded, for queries that read raw names."""


def decided_v1(body: dict[str, Any]) -> dict[str, Any]:
    """Upcast the body of a v1 outcome to v2."""
    problem = body.get("problem")
    return body | {"code": problem["type"] if problem else ""}


class Record(NamedTuple):
    """Record of the log as stored; `data` is the event's JSON with personal values encrypted."""

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

    @property
    def key_subject(self) -> str:
        """The subject whose key belongs to the record.

        Earlier releases noted none for an event without personal values. What they wrote about a person lies under the
        person's own partition key.
        """
        return self.subject or f"{self.context}:{self.key}"


class StreamName(NamedTuple):
    """Name of an aggregate's stream: `category/id`."""

    category: str
    id: str

    def __str__(self) -> str:
        return f"{self.category}/{self.id}"

    @classmethod
    def parse(cls, text: str) -> StreamName:
        category, _, id_ = text.partition("/")
        return cls(category, id_)


class Recorded(NamedTuple, Generic[E]):
    """A record with its decoded event."""

    fact: E
    record: Record

    @property
    def stream(self) -> StreamName:
        return StreamName.parse(self.record.stream)

    @property
    def position(self) -> Position:
        return self.record.position


class Outcome(NamedTuple):
    """The answer to a command. `events` are the command's events, in order; `position` is that of the outcome's record.

    `actor` is the command's actor, the only one that may look the outcome up.
    """

    command_id: UUID
    status: Status
    events: tuple[Event, ...]
    position: Position
    problem: Problem | None = None
    replayed: bool = False
    actor: str = ""

    def only(self, kind: type[F]) -> F:
        """The one event of this kind; raises LookupError when there is none or more than one."""
        found = [event for event in self.events if isinstance(event, kind)]
        if len(found) != 1:
            raise LookupError(f"{len(found)} {kind.__name__} in the outcome of {self.command_id}")
        return found[0]


class IdempotencyConflict(Exception):
    """The command id is in use already, for a different body."""


def outcome_stream(command_id: UUID) -> str:
    """The stream that holds the outcome of this command."""
    return f"{OUTCOMES}/{orjson.dumps(command_id)[1:-1].decode()}"  # less than half the time that str() takes


def event_id(command_id: UUID, number: int) -> UUID:
    """The id of a command's nth record, uuid5(command id, n): the same for every retry of the command."""
    return derived_id(command_id, str(number))

"""Wiring of a context for the engine: its streams, handlers, reactions and read models, as tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, cached_property
from hashlib import sha256
from typing import Any, Generic, TypeVar

import orjson
from pydantic import BaseModel

from domain.messages import Command, Effect, Event, Named, Refused, Reply
from streams.core.envelope import DECIDED_V1, Decided, Recorded, decided_v1
from streams.core.names import Names, Upcast
from streams.core.read_models import ReadModel
from streams.core.refusals import ENGINE_REFUSALS
from streams.core.sources import sources_digest

S = TypeVar("S", bound=BaseModel)


class SubjectErased(Event, name="headwater.subject.erased.v1", subject="erased"):
    """Erasure of a person: the key of `erased` (`context:id`) is destroyed from here on."""

    subject_in_full = True
    erased: str


class EraseSubject(Command, name="headwater.subject.erase.v1", key="partition_key", subject="erased"):
    """Destroy the key of `erased` (`context:id`) and blank what read models hold of that person.

    States and snapshots hold plain values, and only those under `partition_key` are forgotten: a person must be erased
    under every key that has records about them.
    """

    subject_in_full = True
    partition_key: str
    erased: str


class Nothing(BaseModel):
    """Empty state, of a stream on which no decision depends."""


def fold_nothing(state: Nothing, _event: Event) -> Nothing:
    """Fold the events of such a stream."""
    return state


@dataclass(frozen=True, slots=True)
class Stream(Generic[S]):
    """Kind of aggregate: its category, its initial state, the fold of its events, and its id for a command."""

    category: str
    initial: S
    evolve: Callable[[S, Any], S]
    id_of: Callable[[Any], object]

    def name(self, command: Command) -> str:
        return f"{self.category}/{self.id_of(command)}"

    @property
    def schema(self) -> str:
        """Identifier of the fold, by the state's shape and the fold's code: no other fold's snapshot is used."""
        return _fold_id(type(self.initial), self.evolve)


@cache
def _fold_id(state: type[BaseModel], evolve: Callable[..., BaseModel]) -> str:
    """Derived once a fold: describing a state takes milliseconds, and tests start an engine for every example."""
    schema = orjson.dumps(state.model_json_schema(), option=orjson.OPT_SORT_KEYS)
    return sha256(schema + evolve.__qualname__.encode() + sources_digest(evolve.__module__)).hexdigest()[:16]


@dataclass(frozen=True)
class Handler:
    """Decider of a command, with the streams that it reads and writes. Events go to the stream of their aggregate.

    `creates` promises that the written stream's id derives from the command's id: a fresh command finds it empty.
    `keeps_command`: whether the outcome records the command.
    """

    command: type[Command]
    decide: Callable[..., Sequence[Event]]
    writes: Stream[Any]
    reads: tuple[Stream[Any], ...] = ()
    creates: bool = False
    keeps_command: bool = True

    @cached_property
    def streams(self) -> tuple[Stream[Any], ...]:
        """All streams that are opened for a decision."""
        return *self.reads, self.writes


@dataclass(frozen=True, slots=True)
class Later:
    """Timer: the command is submitted when `due_at` has come. `key`: see `Withdraw`."""

    due_at: datetime
    command: Command
    key: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """Outside call: the effect is performed, and `reply` is submitted with the result. `key`: see `Withdraw`."""

    effect: Effect
    reply: Reply
    key: str = ""


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Withdrawal of the task that the context made under this key; without effect when there is none any more.

    A call under way continues, and its reply is decided as usual, but the call is not repeated, even if it is put off
    or its worker is lost. The withdrawing event must lie under the partition key of the event that made the task: only
    then is their order certain. A key names one task for ever: the task of a retry needs another key.
    """

    key: str


Task = Later | Call
Reaction = Task | Withdraw
React = Callable[[Recorded[Any]], Iterator[Reaction]]


def no_reactions(_event: Recorded[Any]) -> Iterator[Reaction]:
    yield from ()


def erase(command: EraseSubject, _state: Nothing) -> Sequence[Event]:
    return [SubjectErased(at=command.at, erased=command.erased)]


def erasure_id(command: EraseSubject) -> str:
    """Stream id of an erasure: `erased`, or `erased@key` where the partition key is not the subject's own id.

    Each key's partition has a writer that assigns the stream's versions, so each key has a stream. The first @ ends the
    subject: an @ within the subject is written %40.
    """
    erased, key = command.erased, command.partition_key
    own_id = erased.partition(":")[2]
    if key == own_id and "@" not in own_id:
        return erased
    return f"{erased.replace('%', '%25').replace('@', '%40')}@{key}"


class ProbePartition(Command, name="headwater.partition.probe.v1", key="partition_key"):
    """A command without effect. With its outcome, those of all commands sent to its partition before are visible."""

    partition_key: str


def probe(_command: ProbePartition, _state: Nothing) -> Sequence[Event]:
    return []


SUBJECT_STREAM = Stream("subject", Nothing(), fold_nothing, id_of=erasure_id)
ERASE = Handler(EraseSubject, decide=erase, writes=SUBJECT_STREAM)
PROBE = Handler(
    ProbePartition,
    decide=probe,
    writes=Stream("probe", Nothing(), fold_nothing, id_of=lambda command: command.partition_key),
    keeps_command=False,
)
ENGINE_HANDLERS = (ERASE, PROBE)
ENGINE_MESSAGES: tuple[type[Named], ...] = (Decided, SubjectErased, EraseSubject, ProbePartition)
ENGINE_UPCASTS: dict[str, tuple[str, Upcast]] = {DECIDED_V1: (Decided.name, decided_v1)}


@dataclass(frozen=True, slots=True)
class Context:
    """Wiring of one product: everything that the engine needs to run it."""

    name: str
    events: tuple[type[Event], ...]
    handlers: tuple[Handler, ...]
    refusals: tuple[type[Refused], ...] = ()
    effects: tuple[type[Effect], ...] = ()
    react: React = no_reactions
    read_models: tuple[ReadModel, ...] = ()
    upcasts: Mapping[str, tuple[str, Upcast]] = field(default_factory=dict)

    @property
    def messages(self) -> tuple[type[Named], ...]:
        return (*self.events, *(handler.command for handler in self.handlers), *self.effects)


def seals(context: Context, handler: Handler) -> bool:
    """Whether a command is recorded with sealed values, its own or its events', so that its subject's key is needed.

    A person without recorded personal values needs no key.
    """
    opened = {stream.category for stream in handler.streams}
    events = (event for event in context.events if event.aggregate in opened)
    return handler.command.subject_field is not None and any(
        message.personal_fields for message in (handler.command, *events)
    )


def names_of(contexts: Sequence[Context]) -> Names:
    """Table of names over all contexts and the engine's messages; raises ValueError on a clash."""
    types = {type_: None for context in contexts for type_ in context.messages}
    upcasts = ENGINE_UPCASTS | {name: to for context in contexts for name, to in context.upcasts.items()}
    refusals = (refusal for context in contexts for refusal in context.refusals)
    return Names((*ENGINE_MESSAGES, *types), upcasts, (*ENGINE_REFUSALS, *refusals))

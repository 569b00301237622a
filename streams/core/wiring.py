"""What a context tells the engine: its streams, its handlers, its reactions and its read models, as tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
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
    """A person's key is destroyed from here on. `erased` is the subject, `context:id`."""

    subject_in_full = True
    erased: str


class EraseSubject(Command, name="headwater.subject.erase.v1", key="partition_key", subject="erased"):
    """Destroy the key of `erased` (`context:id`) and blank what read models hold of that person.

    States and snapshots hold plain values, and only those under `partition_key` are forgotten: a person is to be erased
    under every key that has records about them.
    """

    subject_in_full = True
    partition_key: str
    erased: str


class Nothing(BaseModel):
    """The state of a stream nobody needs to ask anything of."""


def fold_nothing(state: Nothing, _event: Event) -> Nothing:
    """Fold the events of such a stream."""
    return state


@dataclass(frozen=True, slots=True)
class Stream(Generic[S]):
    """A kind of aggregate: its category, its state before anything happened, how events change it, and its id."""

    category: str
    initial: S
    evolve: Callable[[S, Any], S]
    id_of: Callable[[Any], object]

    def name(self, command: Command) -> str:
        return f"{self.category}/{self.id_of(command)}"

    @property
    def schema(self) -> str:
        """Identifies the fold by the shape of the state and the code behind it: no other fold's snapshot is used."""
        schema = orjson.dumps(type(self.initial).model_json_schema(), option=orjson.OPT_SORT_KEYS)
        fold = self.evolve.__qualname__.encode() + sources_digest(self.evolve.__module__)
        return sha256(schema + fold).hexdigest()[:16]


@dataclass(frozen=True)
class Handler:
    """Who decides a command, and on which streams. Events go to the stream of their aggregate among these.

    `creates` promises that the written stream's id derives from the command's id: a fresh command finds it empty.
    `keeps_command` says that the outcome records the command.
    """

    command: type[Command]
    decide: Callable[..., Sequence[Event]]
    writes: Stream[Any]
    reads: tuple[Stream[Any], ...] = ()
    creates: bool = False
    keeps_command: bool = True

    @cached_property
    def streams(self) -> tuple[Stream[Any], ...]:
        """Every stream that is opened to decide."""
        return *self.reads, self.writes


@dataclass(frozen=True, slots=True)
class Later:
    """A timer: this command is submitted when `due_at` has come. `key`: see `Withdraw`."""

    due_at: datetime
    command: Command
    key: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """An outside call: the effect is performed and `reply` comes back with what became of it. `key`: see `Withdraw`."""

    effect: Effect
    reply: Reply
    key: str = ""


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Removes the task that the context made under this key; nothing happens when there is none any more.

    A call under way goes on and its reply is decided as ever, but it is not made again, be it put off or its worker
    lost. The event that withdraws must lie under the partition key of the one that made the task, as only so is their
    order certain. A key names one task for ever: what a retry makes needs a key of its own.
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
    """The subject, and the partition key as well where that is not the subject's own id: `erased` or `erased@key`.

    Each key's partition has a writer that gives the stream's versions, so each key has a stream. The first @ ends the
    subject: what holds one itself is written with %40.
    """
    erased, key = command.erased, command.partition_key
    own_id = erased.partition(":")[2]
    if key == own_id and "@" not in own_id:
        return erased
    return f"{erased.replace('%', '%25').replace('@', '%40')}@{key}"


SUBJECT_STREAM = Stream("subject", Nothing(), fold_nothing, id_of=erasure_id)
ERASE = Handler(EraseSubject, decide=erase, writes=SUBJECT_STREAM)
ENGINE_MESSAGES: tuple[type[Named], ...] = (Decided, SubjectErased, EraseSubject)
ENGINE_UPCASTS: dict[str, tuple[str, Upcast]] = {DECIDED_V1: (Decided.name, decided_v1)}


@dataclass(frozen=True, slots=True)
class Context:
    """One product, wired: everything the engine needs to run it."""

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

    A person about whom nothing personal is recorded needs no key.
    """
    opened = {stream.category for stream in handler.streams}
    events = (event for event in context.events if event.aggregate in opened)
    return handler.command.subject_field is not None and any(
        message.personal_fields for message in (handler.command, *events)
    )


def names_of(contexts: Sequence[Context]) -> Names:
    """The one table of names over all contexts and what is the engine's own; raises ValueError on a clash."""
    types = {type_: None for context in contexts for type_ in context.messages}
    upcasts = ENGINE_UPCASTS | {name: to for context in contexts for name, to in context.upcasts.items()}
    refusals = (refusal for context in contexts for refusal in context.refusals)
    return Names((*ENGINE_MESSAGES, *types), upcasts, (*ENGINE_REFUSALS, *refusals))

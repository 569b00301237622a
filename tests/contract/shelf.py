"""A small context that uses every engine feature: jars on a shelf, filled by hand or by a supplier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from operator import attrgetter
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.messages import Command, Effect, Event, ForgottenObject, ObjectId, Personal, Refused, Reply, Result
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, add, change, delete, put
from streams.core.wiring import Call, Context, Handler, Later, Reaction, Stream, Withdraw


class JarOpened(Event, name="shelf.jar.opened.v1", subject="owner"):
    jar: str
    owner: str
    note: Personal[str] = None


class JarFilled(Event, name="shelf.jar.filled.v1"):
    jar: str
    grams: int


class JarOrdered(Event, name="shelf.jar.ordered.v1"):
    jar: str
    grams: int
    errand: str = ""


class JarSupplied(Event, name="shelf.jar.supplied.v1"):
    jar: str
    result: str


class JarEmptied(Event, name="shelf.jar.emptied.v1"):
    jar: str
    soon: bool = False
    errand: str = ""


class JarLent(Event, name="shelf.jar.lent.v1", subject="borrower"):
    """Under the owner's key, about somebody else."""

    jar: str
    borrower: str
    address: Personal[str]


class ErrandCalledOff(Event, name="shelf.jar.errand_called_off.v1"):
    jar: str
    errand: str


class LabelAttached(Event, name="shelf.jar.label_attached.v1", subject="owner"):
    jar: str
    owner: str
    label: ObjectId


class LabelRemoved(Event, name="shelf.jar.label_removed.v1", subject="owner"):
    jar: str
    owner: str
    label: ForgottenObject


class OwnerCounted(Event, name="shelf.owner.counted.v1"):
    owner: str


class Jar(BaseModel):
    model_config = ConfigDict(frozen=True)

    opened: bool = False
    grams: int = 0
    note: str | None = None
    lent: bool = False
    address: str | None = None


class Owner(BaseModel):
    model_config = ConfigDict(frozen=True)

    jars: int = 0


def evolve_jar(jar: Jar, event: Event) -> Jar:
    match event:
        case JarOpened():
            return jar.model_copy(update={"opened": True, "note": event.note})
        case JarFilled():
            return jar.model_copy(update={"grams": jar.grams + event.grams})
        case JarLent():
            return jar.model_copy(update={"lent": True, "address": event.address})
        case JarEmptied(soon=False):
            return jar.model_copy(update={"grams": 0})
    return jar


def evolve_owner(owner: Owner, _event: Event) -> Owner:
    return Owner(jars=owner.jars + 1)


class TooFull(Refused, name="shelf.too_full"):
    """A jar holds a kilogram."""


class LentAlready(Refused, name="shelf.lent_already"):
    """One borrower at a time. `reachable` says whether it is known where the jar is."""


class OpenJar(Command, name="shelf.jar.open.v1", key="owner", subject="owner"):
    jar: str
    owner: str
    note: Personal[str] = None


class FillJar(Command, name="shelf.jar.fill.v1", key="owner"):
    jar: str
    owner: str
    grams: int


class OrderFilling(Command, name="shelf.jar.order.v1", key="owner"):
    jar: str
    owner: str
    grams: int
    errand: str = ""


class EmptyLater(Command, name="shelf.jar.empty_later.v1", key="owner"):
    jar: str
    owner: str
    errand: str = ""


class CallOff(Command, name="shelf.jar.call_off.v1", key="owner"):
    """Withdraws the order or the emptying that was asked for as this errand."""

    jar: str
    owner: str
    errand: str


class EmptyJar(Command, name="shelf.jar.empty.v1", key="owner"):
    jar: str
    owner: str


class RecordSupply(Reply, name="shelf.jar.record_supply.v1", key="owner"):
    jar: str
    owner: str


class LendJar(Command, name="shelf.jar.lend.v1", key="owner", subject="borrower"):
    jar: str
    owner: str
    borrower: str
    address: Personal[str]


class PassJar(Command, name="shelf.jar.pass.v1", key="owner", subject="owner"):
    """Lends a jar to somebody who is named in what the owner says."""

    jar: str
    owner: str
    borrower: str
    address: Personal[str]

    @property
    def subjects(self) -> tuple[str, ...]:
        return f"shelf:{self.owner}", f"shelf:{self.borrower}"


class MatchNeighbour(Command, name="shelf.jar.match_neighbour.v1", key="owner"):
    """Fills a jar with a gram for every jar that the neighbour has opened."""

    jar: str
    owner: str
    neighbour: str


class BreakJar(Command, name="shelf.jar.break.v1", key="owner"):
    jar: str
    owner: str


class AttachLabel(Command, name="shelf.jar.attach_label.v1", key="owner"):
    """Names a picture beside the log, which is kept for it, or removed with it."""

    jar: str
    owner: str
    label: str


class RemoveLabel(AttachLabel, name="shelf.jar.remove_label.v1"):
    pass


class Supply(Effect, name="shelf.supply.v1"):
    jar: str
    owner: str
    grams: int


def open_jar(command: OpenJar, jar: Jar, owner: Owner) -> Sequence[Event]:
    if jar.opened:
        return []
    opened = JarOpened(at=command.at, jar=command.jar, owner=command.owner, note=command.note)
    return [opened, OwnerCounted(at=command.at, owner=command.owner)]


def fill(command: FillJar, jar: Jar) -> Sequence[Event]:
    if jar.grams + command.grams > 1000:
        raise TooFull(f"jar {command.jar} holds {jar.grams} g already", grams=jar.grams)
    return [JarFilled(at=command.at, jar=command.jar, grams=command.grams)]


def order(command: OrderFilling, _jar: Jar) -> Sequence[Event]:
    ordered = JarOrdered(at=command.at, jar=command.jar, grams=command.grams, errand=command.errand)
    if command.grams > 1000:  # no jar can hold it: called off in the same breath
        return [ordered, ErrandCalledOff(at=command.at, jar=command.jar, errand=command.errand)]
    return [ordered]


def empty_later(command: EmptyLater, _jar: Jar) -> Sequence[Event]:
    return [JarEmptied(at=command.at, jar=command.jar, soon=True, errand=command.errand)]


def call_off(command: CallOff, _jar: Jar) -> Sequence[Event]:
    return [ErrandCalledOff(at=command.at, jar=command.jar, errand=command.errand)]


def empty(command: EmptyJar, jar: Jar) -> Sequence[Event]:
    _stumble(jar)
    return [JarEmptied(at=command.at, jar=command.jar)]


def record_supply(command: RecordSupply, jar: Jar) -> Sequence[Event]:
    _stumble(jar)
    assert command.attempt is not None
    supplied = JarSupplied(at=command.at, jar=command.jar, result=command.attempt.result.value)
    if command.attempt.result is not Result.ACCEPTED:
        return [supplied]
    return [supplied, JarFilled(at=command.at, jar=command.jar, grams=1)]


def _stumble(jar: Jar) -> None:
    """A bug that shows while a jar holds 13 g, and is mended by another gram."""
    if jar.grams == 13:
        raise ZeroDivisionError("thirteen")


def lend(command: LendJar | PassJar, jar: Jar) -> Sequence[Event]:
    if jar.lent:
        raise LentAlready(f"jar {command.jar} is lent already", reachable=jar.address is not None)
    return [JarLent(at=command.at, jar=command.jar, borrower=command.borrower, address=command.address)]


def match_neighbour(command: MatchNeighbour, _jar: Jar, neighbour: Owner) -> Sequence[Event]:
    return [JarFilled(at=command.at, jar=command.jar, grams=neighbour.jars)]


def break_jar(command: BreakJar, _jar: Jar) -> Sequence[Event]:
    raise ZeroDivisionError(command.jar)


def attach_label(command: AttachLabel, _jar: Jar) -> Sequence[Event]:
    return [LabelAttached(at=command.at, jar=command.jar, owner=command.owner, label=command.label)]


def remove_label(command: RemoveLabel, _jar: Jar) -> Sequence[Event]:
    return [LabelRemoved(at=command.at, jar=command.jar, owner=command.owner, label=command.label)]


def react(event: Recorded[Any]) -> Iterator[Reaction]:
    owner = event.record.key
    match event.fact:
        case JarOrdered() as ordered:
            yield Call(
                Supply(jar=ordered.jar, owner=owner, grams=ordered.grams),
                RecordSupply(at=ordered.at, jar=ordered.jar, owner=owner),
                key=ordered.errand,
            )
        case JarEmptied(soon=True) as soon:
            emptying = EmptyJar(at=soon.at, jar=soon.jar, owner=owner)
            yield Later(soon.at + timedelta(hours=1), emptying, key=soon.errand)
        case ErrandCalledOff() as called_off:
            yield Withdraw(called_off.errand)


def project_jars(event: Recorded[Any]) -> Iterator[Change]:
    match event.fact:
        case JarOpened() as opened:
            yield put(opened.jar, owner=opened.owner, note=opened.note, grams=0, opened_at=opened.at)
        case JarFilled() as filled:
            if filled.grams == 666:
                raise ValueError("the devil is in this jar")
            yield add(filled.jar, grams=filled.grams)
        case JarEmptied(soon=False) as emptied:
            yield change(emptied.jar, grams=0)


def project_owners(event: Recorded[Any]) -> Iterator[Change]:
    match event.fact:
        case OwnerCounted() as counted:
            yield add(counted.owner, jars=1)
        case JarFilled(grams=-1) as filled:
            yield delete(filled.jar)


JARS = ReadModel(
    "shelf_jars",
    version=1,
    key=("jar",),
    project=project_jars,
    subject="owner",
    personal=("note",),
    ddl="""
        create table {table} (
            jar         text primary key,
            owner       text,
            note        text,
            grams       int not null default 0 check (grams < 2000),
            opened_at   timestamptz
        );
    """,
)

OWNERS = ReadModel(
    "shelf_owners",
    version=1,
    key=("owner",),
    project=project_owners,
    ddl="create table {table} (owner text primary key, jars int not null);",
)

JAR = Stream("jar", Jar(), evolve_jar, id_of=attrgetter("jar"))
OWNER = Stream("owner", Owner(), evolve_owner, id_of=attrgetter("owner"))
NEIGHBOUR = Stream("owner", Owner(), evolve_owner, id_of=attrgetter("neighbour"))

SHELF = Context(
    name="shelf",
    events=(
        JarOpened,
        JarFilled,
        JarOrdered,
        JarSupplied,
        JarEmptied,
        JarLent,
        ErrandCalledOff,
        LabelAttached,
        LabelRemoved,
        OwnerCounted,
    ),
    handlers=(
        Handler(OpenJar, decide=open_jar, writes=JAR, reads=(OWNER,)),
        Handler(FillJar, decide=fill, writes=JAR),
        Handler(OrderFilling, decide=order, writes=JAR),
        Handler(EmptyLater, decide=empty_later, writes=JAR),
        Handler(CallOff, decide=call_off, writes=JAR),
        Handler(EmptyJar, decide=empty, writes=JAR),
        Handler(RecordSupply, decide=record_supply, writes=JAR),
        Handler(LendJar, decide=lend, writes=JAR),
        Handler(PassJar, decide=lend, writes=JAR),
        Handler(MatchNeighbour, decide=match_neighbour, writes=JAR, reads=(NEIGHBOUR,)),
        Handler(BreakJar, decide=break_jar, writes=JAR),
        Handler(AttachLabel, decide=attach_label, writes=JAR),
        Handler(RemoveLabel, decide=remove_label, writes=JAR),
    ),
    refusals=(TooFull, LentAlready),
    effects=(Supply,),
    react=react,
    read_models=(JARS, OWNERS),
)

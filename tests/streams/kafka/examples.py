"""Example records and messages for tests of the runtime's pure parts."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid5

from domain.messages import Event
from streams.core.batch import Head
from streams.core.chain import chained
from streams.core.envelope import GENESIS, Decided, Record, Status, event_id, outcome_stream
from streams.core.mapper import Mapper
from streams.kafka.event_batches import EventMessage
from streams.kafka.records import ChainedRecord, record_headers
from tests.contract.shelf import JarFilled
from tests.streams.kafka.runtime import mapper

AT = datetime(2026, 1, 5, 9, 0, 0, 123456, tzinfo=UTC)
IDS = UUID(int=7)


def command_id(number: int) -> UUID:
    return uuid5(IDS, str(number))


class Log:
    """A partition's log as it grows, one decided command after the other."""

    def __init__(self, partition: int = 0, by: Mapper | None = None) -> None:
        self.partition, self.head, self.versions = partition, Head(), dict[str, int]()
        self.links: list[ChainedRecord] = []
        self._mapper = by or mapper()

    def decided(self, number: int, *events: tuple[str, Event]) -> list[ChainedRecord]:
        """Appends a command's events (each with its stream's name) and its outcome."""
        before = len(self.links)
        for place, (stream, event) in enumerate(events, 1):
            self.versions[stream] = self.versions.get(stream, 0) + 1
            self._append(number, place, stream, self.versions[stream], event)
        outcome = Decided(at=AT, command="shelf.jar.fill.v1", status=Status.ACCEPTED, events=len(events))
        self._append(number, 0, outcome_stream(command_id(number)), 1, outcome)
        return self.links[before:]

    def filled(self, number: int, jar: str = "plums") -> list[ChainedRecord]:
        return self.decided(number, (f"jar/{jar}", JarFilled(at=AT, jar=jar, grams=number)))

    def _append(self, number: int, place: int, stream: str, version: int, event: Event) -> None:
        id_ = command_id(number)
        record = Record(
            "shelf",
            self.partition,
            self.head.sequence + 1,
            event_id(id_, place),
            "ada",
            stream,
            version,
            event.name,
            event.subject,
            self._mapper.encode(event),
            id_,
            None,
            id_,
            "test",
            AT,
            GENESIS,
        )
        record = record._replace(hash=chained(self.head.hash, record))
        self.links.append(ChainedRecord(record, self.head.hash))
        self.head = Head(record.sequence, record.hash)


def messages(log: Log, first_offset: int = 0, step: int = 1) -> list[EventMessage]:
    """The log as messages, the offsets having gaps as transaction markers make them."""
    place = ("shelf", log.partition)
    return [_message(place, first_offset + number * step, link) for number, link in enumerate(log.links)]


def _message(place: tuple[str, int], offset: int, link: ChainedRecord) -> EventMessage:
    record, previous = link
    return EventMessage(place, offset, record.key.encode(), record.data, record_headers(record, previous))

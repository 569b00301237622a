"""Which consumed commands may be decided: those of partitions served all along, each following the one before it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from confluent_kafka import Message

from streams.kafka.command_decoder import CommandMessage, time_of
from streams.kafka.takeover import Guard, Guards, Taken
from streams.kafka.types import Place, context_of

log = logging.getLogger(__name__)

NO_GENERATION = -1


class Expected:
    """The next command of every partition that is served, and how often each has changed hands."""

    def __init__(self, off: Guards) -> None:
        self.following: dict[Place, int] = {}
        self.sent_since: dict[Place, int] = {}
        self._off = off
        self._generations: dict[Place, int] = {}
        self._gaps: dict[Place, tuple[int, int]] = {}

    def drop(self, place: Place) -> None:
        """The partition is not served any more, or has to be loaded again."""
        self.following.pop(place, None)
        self.sent_since.pop(place, None)
        self._generations[place] = self._generations.get(place, 0) + 1

    def take(self, place: Place, taken: Taken) -> None:
        """The partition is served from here on."""
        self.following[place], self.sent_since[place] = taken.next_command, taken.sent_since

    def generations(self) -> dict[Place, int]:
        """To be taken before consuming: a partition may change hands within the client's calls."""
        return dict(self._generations)

    def accept(
        self, messages: Iterable[CommandMessage], before: Mapping[Place, int]
    ) -> tuple[list[CommandMessage], list[Place]]:
        """The messages to decide, and the partitions with a gap, of which there are none among them."""
        accepted: list[CommandMessage] = []
        following, gaps = dict(self.following), set[Place]()
        for one in messages:
            place = (one.context, one.partition)
            if place not in following or place in gaps or one.offset < following[place]:
                continue
            if before.get(place) != self._generations.get(place) and Guard.OWNERSHIP not in self._off:
                continue
            if one.offset != following[place] and self._is_gap(place, following[place], one.offset):
                gaps.add(place)
                continue
            following[place] = one.offset + 1
            accepted.append(one)
        return [one for one in accepted if (one.context, one.partition) not in gaps], sorted(gaps)

    def _is_gap(self, place: Place, expected: int, found: int) -> bool:
        """A gap met twice at the same place is in the topic itself; once, it is messages lost on the way here."""
        if Guard.GAPS in self._off:
            return False
        log.warning("after command %d of %s/%d came %d", expected - 1, *place, found)
        if self._gaps.get(place) == (expected, found):
            return False
        self._gaps[place] = (expected, found)
        return True


def command_message(message: Message) -> CommandMessage:
    """A consumed message without an error, as received."""
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None
    assert partition is not None
    assert offset is not None
    at = time_of(message.timestamp())
    return CommandMessage(context_of(topic), partition, offset, at, message.key(), message.value(), message.headers())


def generation_of(metadata: bytes) -> int:
    """The group generation in librdkafka's (serialized, otherwise opaque) group metadata; -1 for no member at all."""
    if not metadata.startswith(b"CGMDv2:"):
        raise ValueError("this version of librdkafka serializes group metadata in another way")
    return int.from_bytes(metadata[7:11], "little", signed=True)

"""Selection of the consumed commands that may be decided.

A command qualifies if its partition was served during the whole poll and its offset follows the one before it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from confluent_kafka import Message

from streams.kafka.command_decoder import CommandMessage, time_of
from streams.kafka.protocol import ProcessorProtocol
from streams.kafka.types import Place, Takeover, context_of

log = logging.getLogger(__name__)


class CommandOffsets:
    """Next command offset of every served partition, and how often each partition has changed hands."""

    def __init__(self, protocol: ProcessorProtocol) -> None:
        self.next_offsets: dict[Place, int] = {}
        self.sent_since: dict[Place, int] = {}
        self._protocol = protocol
        self._assignment_counts: dict[Place, int] = {}
        self._gaps: dict[Place, tuple[int, int]] = {}

    def drop(self, place: Place) -> None:
        """Forget a partition that is no longer served or must be loaded again."""
        self.next_offsets.pop(place, None)
        self.sent_since.pop(place, None)
        self._assignment_counts[place] = self._assignment_counts.get(place, 0) + 1

    def add(self, place: Place, takeover: Takeover) -> None:
        """Serve the partition from the takeover's next command on."""
        self.next_offsets[place], self.sent_since[place] = takeover.next_command, takeover.sent_since

    def assignment_counts(self) -> dict[Place, int]:
        """Number of times that each partition has changed hands.

        Take it before consuming: a partition may change hands within the client's calls.
        """
        return dict(self._assignment_counts)

    def accept(
        self, messages: Iterable[CommandMessage], before: Mapping[Place, int]
    ) -> tuple[list[CommandMessage], list[Place]]:
        """Select the messages to decide, and name the partitions with a gap, whose messages are left out."""
        accepted: list[CommandMessage] = []
        next_offsets, gaps = dict(self.next_offsets), set[Place]()
        reassigned = self._protocol.reassigned_places(before, self._assignment_counts)
        for one in messages:
            place = (one.context, one.partition)
            if place not in next_offsets or place in gaps or place in reassigned or one.offset < next_offsets[place]:
                continue
            if one.offset != next_offsets[place] and self._is_gap(place, next_offsets[place], one.offset):
                gaps.add(place)
                continue
            next_offsets[place] = one.offset + 1
            accepted.append(one)
        return [one for one in accepted if (one.context, one.partition) not in gaps], sorted(gaps)

    def _is_gap(self, place: Place, expected: int, found: int) -> bool:
        """The last gap is kept, for one that is met twice is in the topic itself (see `is_loss`)."""
        log.warning("after command %d of %s/%d came %d", expected - 1, *place, found)
        gap, last_gap = (expected, found), self._gaps.get(place)
        self._gaps[place] = gap
        return self._protocol.is_loss(gap, last_gap)


def command_message(message: Message) -> CommandMessage:
    """Convert a consumed message that carries no error."""
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None
    assert partition is not None
    assert offset is not None
    at = time_of(message.timestamp())
    return CommandMessage(context_of(topic), partition, offset, at, message.key(), message.value(), message.headers())

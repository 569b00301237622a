"""Selection of the consumed commands: the pure part of the ownership and gap guards, on and off."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer

from streams.kafka.command_decoder import CommandMessage
from streams.kafka.consumed_commands import CommandOffsets
from streams.kafka.protocol import NO_GENERATION, generation_of
from streams.kafka.settings import Cluster
from tests.streams.kafka.examples import AT
from tests.streams.kafka.protocols import NoGaps, NoOwnership, Weakness, protocol_of

PLACE = ("shelf", 0)


def messages(*offsets: int, partition: int = 0) -> list[CommandMessage]:
    return [CommandMessage("shelf", partition, offset, AT, b"k", b"{}", None) for offset in offsets]


def serving(weakness: Weakness = None) -> CommandOffsets:
    expected = CommandOffsets(protocol_of(weakness, Cluster("nowhere")))
    expected.next_offsets = {PLACE: 5, ("shelf", 1): 0}
    return expected


def offsets(found: list[CommandMessage]) -> list[int]:
    return [one.offset for one in found]


def test_what_follows_is_decided_and_what_was_decided_before_or_is_nobody_s_is_not() -> None:
    accepted, gaps = serving().accept(messages(3, 4, 5, 6) + messages(0, partition=2), {})
    assert (offsets(accepted), gaps) == ([5, 6], [])


def test_after_a_gap_nothing_of_that_partition_is_decided() -> None:
    accepted, gaps = serving().accept(messages(5, 7, 8) + messages(0, 1, partition=1), {})
    assert (offsets(accepted), gaps) == ([0, 1], [PLACE])


def test_a_gap_that_is_still_there_after_loading_again_is_the_topic_s_own() -> None:
    expected = serving()
    expected.accept(messages(7), {})
    accepted, gaps = expected.accept(messages(7, 8), {})
    assert (offsets(accepted), gaps) == ([7, 8], [])


def test_without_the_guard_against_gaps_lost_commands_go_unnoticed() -> None:
    accepted, gaps = serving(NoGaps).accept(messages(5, 7), {})
    assert (offsets(accepted), gaps) == ([5, 7], [])


@pytest.mark.parametrize(("weakness", "accepted"), [(None, []), (NoOwnership, [5, 6])])
def test_messages_of_a_partition_that_changed_hands_while_they_were_consumed_are_not_decided(
    weakness: Weakness, accepted: list[int]
) -> None:
    expected = serving(weakness)
    before = expected.assignment_counts()
    expected.drop(PLACE)
    expected.next_offsets[PLACE] = 5
    assert offsets(expected.accept(messages(5, 6), before)[0]) == accepted


def test_the_metadata_of_a_consumer_that_is_no_member_names_no_generation() -> None:
    outsider = Consumer({"bootstrap.servers": "127.0.0.1:1", "group.id": "g", "log_level": 0})
    assert generation_of(outsider.consumer_group_metadata()) == NO_GENERATION
    outsider.close()
    with pytest.raises(ValueError, match="another way"):
        generation_of(b"CGMDv9:")

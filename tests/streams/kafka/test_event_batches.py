"""Batches of events: only records that continue the log and can be read get into one."""

from __future__ import annotations

from streams.core.batch import Head
from streams.kafka.event_batches import EventMessage, batch_of, decode, read_batch
from streams.kafka.types import Checkpoint
from tests.contract.shelf import JarFilled
from tests.streams.kafka.examples import AT, Log, messages
from tests.streams.kafka.runtime import mapper

START = Checkpoint(0, Head())


def logs() -> tuple[Log, Log]:
    one, two = Log(0), Log(1)
    for number in range(1, 4):
        one.filled(number)
        two.filled(number + 10, "pears")
    return one, two


def test_a_batch_is_what_follows_the_checkpoints_with_the_offsets_to_go_on_from() -> None:
    one, two = logs()
    checkpoints = {("shelf", 0): START, ("shelf", 1): START}
    found = read_batch(messages(one, step=3) + messages(two, 7), checkpoints)
    batch, offsets, _ = batch_of(decode(found, mapper()), checkpoints)
    assert found.halts == {}
    assert batch.heads == {("shelf", 0): (Head(), one.head), ("shelf", 1): (Head(), two.head)}
    assert offsets == {("shelf", 0): 16, ("shelf", 1): 13}
    assert [recorded.record for recorded in batch.recorded] == [f.record for f in one.links + two.links]
    assert batch.recorded[0].fact == JarFilled(at=AT, jar="plums", grams=1)


def test_what_was_projected_before_and_what_is_nobody_s_are_left_out() -> None:
    one, two = logs()
    checkpoints = {("shelf", 0): Checkpoint(2, Head(2, one.links[1].record.hash))}
    found = read_batch(messages(one) + messages(two), checkpoints)
    assert [one.record.sequence for one in found.records] == [3, 4, 5, 6]
    assert found.halts == {}


def test_a_partition_halts_alone_at_a_record_that_does_not_follow() -> None:
    one, two = logs()
    received = messages(one) + messages(two)
    del received[2]
    found = read_batch(received, {("shelf", 0): START, ("shelf", 1): START})
    assert [one.record.position.sequence for one in found.records] == [1, 2, 1, 2, 3, 4, 5, 6]
    assert list(found.halts) == [("shelf", 0)]
    assert "after sequence 2 comes 4" in found.halts["shelf", 0]


def test_a_partition_halts_at_a_message_that_is_no_record() -> None:
    one, _ = logs()
    received = messages(one)
    received[3] = EventMessage(("shelf", 0), 3, b"junk", b"junk", None)
    found = read_batch(received, {("shelf", 0): START})
    assert len(found.records) == 3
    assert "offset 3: Unreadable" in found.halts["shelf", 0]


def test_a_partition_halts_at_an_event_that_nobody_can_decode() -> None:
    one, _ = logs()
    unknown = type("Later", (JarFilled,), {}, name="shelf.jar.of_newer_code.v1")(at=AT, jar="plums", grams=1)
    one.decided(9, ("jar/plums", unknown))
    checkpoints = {("shelf", 0): START}
    found = read_batch(messages(one), checkpoints)
    batch, offsets, _ = batch_of(decode(found, mapper()), checkpoints)
    assert (len(batch.recorded), offsets["shelf", 0]) == (6, 6)
    assert "UnknownName: shelf.jar.of_newer_code.v1" in found.halts["shelf", 0]


def test_a_record_whose_subject_s_key_is_missing_halts_instead_of_reading_as_erased() -> None:
    from tests.contract.shelf import JarOpened

    by = mapper()
    by.keyring.allow("shelf:ada")
    log = Log(0, by)
    log.decided(1, ("jar/plums", JarOpened(at=AT, jar="plums", owner="ada", note="secret")))
    found = read_batch(messages(log), {("shelf", 0): START})
    assert found.subjects(by) == ["shelf:ada"]
    assert decode(found, mapper()) == []
    assert "KeyNotLoaded" in found.halts["shelf", 0]

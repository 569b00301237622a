"""Overlay: records that are in the log but not yet in PostgreSQL are never missed and never counted twice."""

from __future__ import annotations

import pytest

from streams.core.batch import Head, History, Loaded, Wants
from streams.core.chain import chained
from streams.core.wiring import SubjectErased
from streams.kafka.overlay import Overlay
from streams.kafka.records import ChainedRecord
from streams.kafka.types import BrokenLog
from tests.contract.shelf import JarLent
from tests.streams.kafka.examples import AT, Log, command_id
from tests.streams.kafka.runtime import mapper

PLUMS = ("shelf", "jar/plums")
WANTED = Wants(streams=[("shelf", "jar/plums", "schema")])


def overlay_of(log: Log, after: int = 0) -> Overlay:
    """Everything in the log after a sequence."""
    overlay = Overlay()
    head = Head() if after == 0 else Head(after, log.links[after - 1].record.hash)
    overlay.start(("shelf", 0), head)
    for link in log.links[after:]:
        overlay.append(link)
    return overlay


def a_log() -> Log:
    log = Log()
    for number in range(1, 5):
        log.filled(number)
    return log


def versions(found: Loaded) -> list[int]:
    return [record.version for record in found.histories[PLUMS].records]


def test_a_stream_is_what_is_stored_and_what_is_in_the_log() -> None:
    log = a_log()
    stored = History([log.links[0].record, log.links[2].record])
    assert versions(overlay_of(log, after=2).merge(Loaded(histories={PLUMS: stored}), WANTED)) == [1, 2, 3, 4]
    assert versions(overlay_of(log).merge(Loaded(), WANTED)) == [1, 2, 3, 4]


def test_a_stream_whose_ends_do_not_join_is_not_decided_on() -> None:
    log = a_log()
    with pytest.raises(BrokenLog, match="from version 1 to 3"):
        overlay_of(log, after=4).merge(Loaded(histories={PLUMS: History([log.links[0].record])}), WANTED)


def test_an_outcome_in_the_log_comes_with_its_events() -> None:
    log = a_log()
    wants = Wants(outcomes=[("shelf", command_id(2)), ("shelf", command_id(9))])
    found = overlay_of(log).merge(Loaded(), wants).outcomes
    assert list(found) == [command_id(2)]
    assert found[command_id(2)].record == log.links[3].record
    assert list(found[command_id(2)].events) == [log.links[2].record]


def test_what_postgresql_has_by_now_is_forgotten_and_nothing_else() -> None:
    overlay = overlay_of(a_log())
    overlay.prune({("shelf", 0): 5, ("shelf", 1): 99})
    assert len(overlay) == 3
    wants = Wants(outcomes=[("shelf", command_id(number)) for number in range(1, 5)])
    assert list(overlay.merge(Loaded(), wants).outcomes) == [command_id(3), command_id(4)]
    overlay.prune({("shelf", 0): 8})
    assert len(overlay) == 0
    assert overlay.merge(Loaded(), WANTED).histories == {}


def test_an_erasure_in_the_log_counts_although_the_key_is_still_stored() -> None:
    log = Log()
    log.decided(1, ("subject/shelf:ada", SubjectErased(at=AT, erased="shelf:ada")))
    overlay = overlay_of(log)
    assert [(key.subject, key.wrapped) for key in overlay.erased_keys()] == [("shelf:ada", None)]
    overlay.prune({("shelf", 0): 2})
    assert overlay.erased_keys() == []


def test_an_erasure_counts_until_it_is_projected_for_every_key_that_it_was_recorded_under() -> None:
    overlay = Overlay()
    for partition, stream in enumerate(("subject/shelf:ada", "subject/shelf:ada@bob")):
        log = Log(partition)
        log.decided(partition, (stream, SubjectErased(at=AT, erased="shelf:ada")))
        overlay.start(("shelf", partition), Head())
        for link in log.links:
            overlay.append(link)
    overlay.drop(("shelf", 1))
    assert [key.subject for key in overlay.erased_keys()] == ["shelf:ada"]
    overlay.drop(("shelf", 0))
    assert overlay.erased_keys() == []


def test_it_is_known_whose_keys_are_needed_for_what_is_only_in_the_log() -> None:
    log, by = Log(), mapper()
    by.keyring.allow("shelf:bob")
    log = Log(by=by)
    log.decided(1, ("jar/plums", JarLent(at=AT, jar="plums", borrower="bob", address="12 Orchard Lane")))
    log.filled(2)
    overlay = overlay_of(log)
    assert overlay.subjects(WANTED, by) == {"shelf:bob"}
    assert overlay.subjects(Wants(outcomes=[("shelf", command_id(1))]), by) == {"shelf:bob"}
    others = Wants(outcomes=[("shelf", command_id(2))], streams=[("shelf", "jar/pears", "")])
    assert overlay.subjects(others, by) == set()


def test_a_dropped_partition_leaves_nothing_behind() -> None:
    overlay = overlay_of(a_log())
    overlay.drop(("shelf", 0))
    assert len(overlay) == 0
    assert overlay.merge(Loaded(), WANTED).histories == {}


@pytest.mark.parametrize("fault", ["gap", "repetition", "previous", "content"])
def test_a_log_that_does_not_follow_on_is_noticed(fault: str) -> None:
    log = a_log()
    overlay = overlay_of(log)
    (record, previous_hash), *_ = log.filled(5)
    wrong = {
        "gap": ChainedRecord(record._replace(sequence=record.sequence + 1), previous_hash),
        "repetition": log.links[7],
        "previous": ChainedRecord(record, chained(previous_hash, record)),
        "content": ChainedRecord(record._replace(data=b"{}"), previous_hash),
    }[fault]
    with pytest.raises(BrokenLog):
        overlay.append(wrong)

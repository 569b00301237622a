"""Projection writer: one batch is written while the next is decoded, and nothing that has changed since is written."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from streams.core.batch import Head
from streams.core.mapper import Mapper
from streams.core.read_models import Row
from streams.core.wiring import SubjectErased
from streams.kafka.event_batches import DecodedRecord, decode, read_batch
from streams.kafka.processor_store import Store
from streams.kafka.projection_writer import BatchRejected, Fenced, ProjectionWriter
from streams.kafka.types import Checkpoint, Place
from streams.postgres.database import connect_plain, read_plain
from streams.postgres.installation import prepare
from streams.postgres.journal import DESTROY_KEY
from streams.postgres.projection_tables import Projections
from streams.postgres.rebuild import bring_up
from streams.postgres.tasks import known_projections
from tests.contract.runtimes import PARTITIONS
from tests.contract.shelf import SHELF, JarFilled, JarOpened
from tests.streams.kafka.examples import AT, Log, messages
from tests.streams.kafka.runtime import mapper

PLACES = [("shelf", partition) for partition in range(PARTITIONS)]
ADA = "shelf:ada"


@dataclass
class Projecting:
    """A writer on a database of its own, with the keys that its process knows."""

    store: Store
    mapper: Mapper
    writer: ProjectionWriter
    checkpoints: dict[Place, Checkpoint] = field(default_factory=lambda: dict.fromkeys(PLACES, Checkpoint(0, Head())))

    def decoded(self, log: Log, checkpoints: Mapping[Place, Checkpoint] | None = None) -> list[DecodedRecord]:
        """What of the log follows the checkpoints, read with the keys as they are in the database."""
        found = read_batch(messages(log), checkpoints or self.writer.expected_checkpoints(self.checkpoints))
        subjects = found.subjects(self.mapper)
        self.mapper.keyring.forget(subjects)
        for key in self.store.keys(subjects):
            self.mapper.keyring.learn(key)
        return decode(found, self.mapper)

    def rows(self, query: str) -> list[Row]:
        return self.store.connected().execute(query.encode()).fetchall()

    @property
    def written(self) -> list[Row]:
        return self.rows("select partition, sequence from headwater.journal order by 1, 2")


@pytest.fixture
def projecting(database: str) -> Iterator[Projecting]:
    by = mapper()
    projections = Projections(known_projections([SHELF], by))
    with connect_plain(database) as connection:
        prepare(connection, [SHELF], PARTITIONS, "kafka")
        bring_up(connection, [SHELF], by, lambda _: None)
        projections.learn(read_plain(connection, Projections.LOAD))
    one = Projecting(Store(database, "test"), by, ProjectionWriter(database, by, projections))
    yield one
    one.writer.close()
    one.store.close()


def a_log(*numbers: int, partition: int = 0) -> Log:
    log = Log(partition)
    for number in numbers:
        log.filled(number, f"plums {partition}")
    return log


def unwritable(log: Log) -> None:
    """A stream's name that no index can hold."""
    name = random.Random(1).randbytes(5000).hex()
    log.decided(99, (f"jar/{name}", JarFilled(at=AT, jar="plums", grams=1)))


def of_ada(projecting: Projecting) -> Log:
    """The log of a partition in which Ada said something personal; her key is in the database."""
    by = mapper()
    by.keyring.allow(ADA)
    log = Log(0, by)
    log.decided(1, ("jar/plums", JarOpened(at=AT, jar="plums", owner="ada", note="secret")))
    projecting.store.add_keys(by.keyring.created())
    return log


def test_the_next_batch_is_decoded_while_one_is_under_way(projecting: Projecting) -> None:
    log, writer = a_log(1, 2), projecting.writer
    writer.begin(projecting.decoded(log), projecting.checkpoints)
    log.filled(3)
    next_batch = projecting.decoded(log)
    assert [one.consumed.record.sequence for one in next_batch] == [5, 6]
    projecting.checkpoints |= writer.finish().ends
    assert projecting.checkpoints["shelf", 0].next_offset == 4
    writer.begin(next_batch, projecting.checkpoints)
    assert writer.finish().ends["shelf", 0] == Checkpoint(6, log.head)
    assert projecting.written == [(0, sequence) for sequence in range(1, 7)]


def test_a_batch_that_cannot_be_written_at_once_is_written_with_care_up_to_where_it_cannot(
    projecting: Projecting,
) -> None:
    log, other, writer = a_log(1), a_log(7, partition=1), projecting.writer
    readable = log.head
    unwritable(log)
    decoded = [*projecting.decoded(log), *projecting.decoded(other)]
    writer.begin(decoded, projecting.checkpoints)
    with pytest.raises(BatchRejected):
        writer.finish()
    assert projecting.written == []
    written = writer.write(decoded, projecting.checkpoints)
    assert list(written.halts) == [("shelf", 0)]
    assert written.ends == {("shelf", 0): Checkpoint(2, readable), ("shelf", 1): Checkpoint(2, other.head)}
    assert projecting.written == [(0, 1), (0, 2), (1, 1), (1, 2)]


def test_of_somebody_erased_since_a_batch_was_decoded_nothing_is_written(projecting: Projecting) -> None:
    log, writer = of_ada(projecting), projecting.writer
    decoded = projecting.decoded(log)
    projecting.store.connected().execute(DESTROY_KEY, (ADA, AT))
    writer.begin(decoded, projecting.checkpoints)
    with pytest.raises(BatchRejected):
        writer.finish()
    with pytest.raises(Fenced):
        writer.write(decoded, projecting.checkpoints)
    assert projecting.written == []


def test_an_erasure_holds_for_what_was_decoded_before_it_was_written(projecting: Projecting) -> None:
    log, erasing, writer = of_ada(projecting), Log(1), projecting.writer
    erasing.decided(2, ("subject/ada", SubjectErased(at=AT, erased=ADA)))
    decoded = projecting.decoded(log)
    writer.begin(projecting.decoded(erasing), projecting.checkpoints)
    projecting.checkpoints |= writer.finish().ends
    with pytest.raises(Fenced):
        writer.write(decoded, projecting.checkpoints)
    writer.begin(decoded, projecting.checkpoints)
    with pytest.raises(BatchRejected):
        writer.finish()
    writer.write(projecting.decoded(log), projecting.checkpoints)
    assert projecting.rows("select jar, note from read_models.shelf_jars") == [("plums", None)]

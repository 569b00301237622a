"""PostgreSQL access of the processor, and what other processes may do at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread

import psycopg
import pytest

from streams.core.batch import Head, Snapshot, Wants
from streams.core.keys import WrappedKey
from streams.kafka.processor_store import Store
from streams.postgres.database import connect_plain
from streams.postgres.installation import prepare
from streams.postgres.journal import DESTROY_KEY
from streams.postgres.schema import ERASED_MEANWHILE
from tests.contract.runtimes import PARTITIONS, START, do, embedded
from tests.contract.shelf import SHELF, FillJar
from tests.streams.kafka.examples import AT

ADA = WrappedKey("shelf:ada", b"wrapped")


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    with connect_plain(database) as connection:
        prepare(connection, [SHELF], PARTITIONS)
    store = Store(database, "test")
    yield store
    store.close()


async def test_streams_and_outcomes_are_loaded_with_how_far_the_log_is_projected(database: str) -> None:
    async with embedded(database) as runtime:
        outcomes = [await do(runtime, FillJar(at=START, jar="plums", owner="ada", grams=grams)) for grams in (1, 2, 3)]
    ids = [("shelf", outcome.command_id) for outcome in outcomes]
    store = Store(database, "test")
    sequences, found = store.load(Wants(outcomes=ids, streams=[("shelf", "jar/plums", "schema")]))
    store.close()
    place = (outcomes[0].position.context, outcomes[0].position.partition)
    assert sequences[place] == 6
    assert [record.version for record in found.histories["shelf", "jar/plums"].records] == [1, 2, 3]
    assert found.outcomes.keys() == {outcome.command_id for outcome in outcomes}


def test_the_first_of_two_keys_for_one_person_wins_and_the_other_is_told(store: Store) -> None:
    assert store.add_keys([ADA])
    assert store.add_keys([ADA])
    assert not store.add_keys([WrappedKey("shelf:ada", b"another")])
    assert store.keys(["shelf:ada", "shelf:bob"]) == [ADA]


def test_a_snapshot_is_not_kept_once_the_log_has_been_projected_further(store: Store) -> None:
    snapshot = Snapshot("shelf", "jar/plums", "ada", 200, "schema", b"{}")
    ends = {("shelf", partition): Head(10) for partition in range(PARTITIONS)}
    kept = "select version from headwater.snapshots"
    store.connected().execute("update headwater.partitions set sequence = 11")
    store.keep_snapshots([snapshot], ends, PARTITIONS)
    assert store.connected().execute(kept).fetchall() == []
    store.connected().execute("update headwater.partitions set sequence = 10")
    store.keep_snapshots([snapshot], ends, PARTITIONS)
    assert store.connected().execute(kept).fetchall() == [(200,)]


def test_a_snapshot_does_not_wait_for_a_projector_asleep_in_its_transaction(store: Store, database: str) -> None:
    with connect_plain(database) as asleep, asleep.transaction():
        asleep.execute("select from headwater.partitions for update")
        snapshot = Snapshot("shelf", "jar/plums", "ada", 200, "schema", b"{}")
        store.keep_snapshots([snapshot], {("shelf", p): Head(10) for p in range(PARTITIONS)}, PARTITIONS)


def test_nobody_is_erased_while_what_was_read_with_their_key_is_written(store: Store, database: str) -> None:
    store.add_keys([ADA])

    def erase() -> None:
        with connect_plain(database) as other:
            other.execute(DESTROY_KEY, ("shelf:ada", AT))

    with connect_plain(database) as connection:
        erasing = Thread(target=erase)
        with connection.transaction():
            connection.execute("select headwater.hold_keys(array['shelf:ada'])")
            erasing.start()
            erasing.join(0.3)
            assert erasing.is_alive()
        erasing.join()
        with pytest.raises(psycopg.Error) as refused:
            connection.execute("select headwater.hold_keys(array['shelf:ada'])")
        assert refused.value.sqlstate == ERASED_MEANWHILE

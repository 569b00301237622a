"""The journal behind the `eventsourcing` library: the library's own cases, and those specific to Headwater."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Event, Thread, Timer
from time import sleep
from typing import Any
from unittest import TestCase
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing import persistence
from eventsourcing.persistence import AggregateRecorder, EventStore, Notification, StoredEvent
from eventsourcing.tests.persistence import (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.audit.verify import verify
from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.wiring import Context, EraseSubject, names_of
from streams.postgres.database import connect_plain
from streams.postgres.installation import prepare
from streams.postgres.recorder import NamedMapper, PartitionRecorder, PartitionSubscription, StoredFact
from tests.contract.runtimes import PARTITIONS, START, do, embedded
from tests.contract.shelf import SHELF, FillJar, JarFilled, JarOpened, OpenJar, OwnerCounted
from tests.databases import fresh_database

LIBRARY = Context("library", events=(), handlers=())


class JournalRecorder(TestCase):
    """Gives the library's cases a recorder over a fresh journal."""

    def create_recorder(self) -> PartitionRecorder:
        databases = fresh_database()
        dsn = next(databases)
        self.addCleanup(next, databases, None)
        recorder = recorder_over(dsn)
        self.addCleanup(recorder.close)
        return recorder

    def new_originator_id(self) -> str:
        """Ours are stream names, `category/id`, which are texts: the library's default is a UUID."""
        return f"aggregate/{uuid4()}"


class TestTheLibrarysApplicationRecorderCases(JournalRecorder, ApplicationRecorderTestCase[PartitionRecorder]):
    """All of them, as they are."""

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestTheLibrarysNonInterleavingCase(JournalRecorder, NonInterleavingNotificationIDsBaseCase):
    """As it is."""


class Unnumbered(AggregateRecorder):
    """A recorder as one without a notification log, which answers None where ours answers with sequences."""

    def __init__(self, recorder: PartitionRecorder) -> None:
        self._recorder = recorder

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        self._recorder.insert_events(stored_events, **kwargs)

    def select_events(self, originator_id: UUID | str, **bounds: Any) -> list[StoredEvent]:
        return self._recorder.select_events(originator_id, **bounds)


class TestTheLibrarysAggregateRecorderCases(JournalRecorder, AggregateRecorderTestCase):
    """All of them; they want None for ids, as from a recorder that has no notification log, and ours has one."""

    def create_recorder(self) -> AggregateRecorder:  # type: ignore[override]
        return Unnumbered(super().create_recorder())


def recorder_over(dsn: str, partition: int = 0) -> PartitionRecorder:
    with connect_plain(dsn) as connection:
        prepare(connection, [LIBRARY], PARTITIONS)
    return PartitionRecorder(dsn, "library", partition)


@pytest.fixture
def recorder(database: str) -> Iterator[PartitionRecorder]:
    with recorder_over(database) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared() -> Iterator[PartitionRecorder]:
    for dsn in fresh_database():
        with recorder_over(dsn) as opened:
            yield opened


def stored(version: int, stream: str = "aggregate/a", topic: str = "happened", state: bytes = b"{}") -> StoredEvent:
    return StoredEvent(stream, version, topic, state)


@given(state=st.binary(), topic=st.text(st.characters(codec="utf-8", exclude_characters="\0")))
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_come_back_as_they_were(shared: PartitionRecorder, state: bytes, topic: str) -> None:
    event = stored(1, f"aggregate/{uuid4()}", topic, state)
    (sequence,) = shared.insert_events([event])
    assert shared.select_events(event.originator_id) == [event]
    assert shared.select_notifications(sequence, 1)[0].state == state


def test_whatever_bytes_were_stored_the_view_of_all_events_can_be_read(recorder: PartitionRecorder) -> None:
    recorder.insert_events([stored(1), stored(2, state=b"\xff\x00")])
    with connect_plain(recorder.dsn) as connection:
        rows = connection.execute("select version, data from headwater.events order by version").fetchall()
    assert rows == [(1, None), (2, None)]


def test_what_the_library_wrote_passes_the_audit(recorder: PartitionRecorder) -> None:
    recorder.insert_events([stored(1), stored(2, state=b"\xff\x00")])
    recorder.insert_events([stored(0, "aggregate/b"), stored(1, "aggregate/b"), stored(3)])
    with connect_plain(recorder.dsn) as connection:
        report = verify(connection)
    assert (report.fault, report.records) == (None, 5)


@pytest.mark.parametrize("versions", [[2], [1, 3], [1, 1], [1, 2, 2]])
def test_versions_that_do_not_follow_are_refused_and_nothing_is_written(
    recorder: PartitionRecorder, versions: list[int]
) -> None:
    with pytest.raises(persistence.IntegrityError):
        recorder.insert_events([stored(version) for version in versions])
    assert recorder.max_notification_id() is None
    assert recorder.insert_events([stored(1)]) == [1]


def test_a_stream_never_spreads_over_two_partitions(recorder: PartitionRecorder) -> None:
    recorder.insert_events([stored(1)])
    with recorder_over(recorder.dsn, partition=1) as other, pytest.raises(persistence.IntegrityError, match="another"):
        other.insert_events([stored(2)])


def test_partitions_have_notification_logs_of_their_own(recorder: PartitionRecorder) -> None:
    recorder.insert_events([stored(1), stored(2)])
    with recorder_over(recorder.dsn, partition=1) as other:
        assert other.insert_events([stored(1, "aggregate/b")]) == [1]
        assert [n.originator_id for n in other.select_notifications(None, 10)] == ["aggregate/b"]
    assert recorder.max_notification_id() == 2


def test_a_partition_that_does_not_exist_is_named(database: str) -> None:
    with recorder_over(database, partition=99) as recorder, pytest.raises(persistence.ProgrammingError, match="99"):
        recorder.insert_events([stored(1)])


def test_a_subscription_hears_of_an_event_committed_by_somebody_else(recorder: PartitionRecorder) -> None:
    with recorder.subscribe() as subscription:
        with recorder_over(recorder.dsn) as other:
            other.insert_events([stored(1)])
        assert heard(subscription).originator_version == 1


def heard(subscription: PartitionSubscription) -> Notification:
    """The next record; gives up after a while, where the subscription would wait for ever."""
    patience = Timer(20, subscription.stop)
    patience.start()
    try:
        return next(subscription)
    finally:
        patience.cancel()


class Watched(PartitionRecorder):
    """Says when it has been read from."""

    read = Event()

    def select_notifications(self, *args: Any, **kwargs: Any) -> list[Notification]:
        found = super().select_notifications(*args, **kwargs)
        self.read.set()
        return found


def test_an_event_between_the_first_look_and_the_first_listening_is_heard_of(
    recorder: PartitionRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(dsn: str, application: str) -> psycopg.Connection[tuple[Any, ...]]:
        assert Watched.read.wait(20)
        recorder.insert_events([stored(1)])
        return connect_plain(dsn, application)

    monkeypatch.setattr("streams.postgres.recorder.connect_plain", late)
    with Watched(recorder.dsn, "library", 0) as watched, watched.subscribe() as subscription:
        assert heard(subscription).originator_version == 1


LISTENERS_ENDED = """select pg_terminate_backend(pid) from pg_stat_activity
                      where application_name = 'headwater subscription' and datname = current_database()"""


def test_a_subscription_says_when_the_database_has_gone(recorder: PartitionRecorder) -> None:
    recorder.insert_events([stored(1)])
    with recorder.subscribe() as subscription:
        heard(subscription)
        with psycopg.connect(recorder.dsn, autocommit=True) as connection:
            while not connection.execute(LISTENERS_ENDED).fetchall():
                sleep(0.01)
        with pytest.raises(persistence.OperationalError):
            heard(subscription)


def test_a_lost_connection_is_replaced(recorder: PartitionRecorder) -> None:
    recorder.insert_events([stored(1)])
    with psycopg.connect(recorder.dsn, autocommit=True) as connection:
        connection.execute("""select pg_terminate_backend(pid) from pg_stat_activity
                               where application_name = 'headwater recorder' and datname = current_database()""")
    assert recorder.max_notification_id() == 1


def test_a_closed_recorder_refuses_in_the_library_s_own_words(database: str) -> None:
    recorder = recorder_over(database)
    recorder.close()
    with pytest.raises(persistence.OperationalError):
        recorder.max_notification_id()


def test_more_threads_than_connections_wait_their_turn(database: str) -> None:
    with connect_plain(database) as connection:
        prepare(connection, [LIBRARY], PARTITIONS)
    with PartitionRecorder(database, "library", 0, connections=2) as recorder:
        threads = [Thread(target=recorder.insert_events, args=([stored(1, f"aggregate/{n}")],)) for n in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [n.id for n in recorder.select_notifications(None, 100)] == list(range(1, 13))


async def test_the_library_s_event_store_reads_real_events_of_ours(database: str) -> None:
    async with embedded(database) as runtime:
        opened = await do(runtime, OpenJar(at=START, jar="plums", owner="ada", note="for my aunt Agatha"))
        await do(runtime, FillJar(at=START, jar="plums", owner="ada", grams=7))
    with PartitionRecorder(database, "shelf", opened.position.partition) as recorder:
        store = EventStore(NamedMapper(Mapper(names_of([SHELF]), Keyring(bytes(32))), recorder), recorder)
        assert list(store.get("jar/plums")) == [
            StoredFact("jar/plums", 1, JarOpened(at=START, jar="plums", owner="ada", note="for my aunt Agatha")),
            StoredFact("jar/plums", 2, JarFilled(at=START, jar="plums", grams=7)),
        ]
        assert [event.originator_version for event in store.get("jar/plums", desc=True, limit=1)] == [2]
        assert [n.topic for n in recorder.select_notifications(None, 10)] == [
            JarOpened.name,
            OwnerCounted.name,
            "headwater.command.decided.v2",
            JarFilled.name,
            "headwater.command.decided.v2",
        ]


async def test_an_erased_person_reads_as_erased_through_the_library_too(database: str) -> None:
    async with embedded(database) as runtime:
        opened = await do(runtime, OpenJar(at=START, jar="plums", owner="ada", note="for my aunt Agatha"))
        with PartitionRecorder(database, "shelf", opened.position.partition) as recorder:
            store = EventStore(NamedMapper(Mapper(names_of([SHELF]), Keyring(bytes(32))), recorder), recorder)
            assert "Agatha" in str(list(store.get("jar/plums")))
            await do(runtime, EraseSubject(at=START, partition_key="ada", erased="shelf:ada"))
            assert "Agatha" not in str(list(store.get("jar/plums")))


async def test_a_context_that_headwater_serves_is_not_written_to_past_its_writer(database: str) -> None:
    async with embedded(database) as runtime:
        with PartitionRecorder(database, "shelf", 0) as recorder, pytest.raises(persistence.NotSupportedError):
            recorder.insert_events([stored(1)])
        assert (await do(runtime, FillJar(at=START, jar="plums", owner="ada", grams=7))).events


def test_what_goes_in_through_the_event_store_comes_out_of_it(recorder: PartitionRecorder) -> None:
    store = EventStore(NamedMapper(Mapper(names_of([SHELF]), Keyring(bytes(32))), recorder), recorder)
    filled = StoredFact("jar/plums", 1, JarFilled(at=START, jar="plums", grams=7))
    store.put([filled])
    assert list(store.get("jar/plums")) == [filled]
    assert recorder.select_notifications(1, 1)[0].topic == "shelf.jar.filled.v1"


def test_personal_values_are_not_stored_where_nobody_could_erase_them(recorder: PartitionRecorder) -> None:
    store = EventStore(NamedMapper(Mapper(names_of([SHELF]), Keyring(bytes(32))), recorder), recorder)
    opened = JarOpened(at=START, jar="plums", owner="ada", note="for my aunt Agatha")
    with pytest.raises(persistence.NotSupportedError):
        store.put([StoredFact("jar/plums", 1, opened)])


def test_a_name_our_code_does_not_know_is_named(recorder: PartitionRecorder) -> None:
    recorder.insert_events([stored(1, topic="nobody.knows.this.v1")])
    store = EventStore(NamedMapper(Mapper(names_of([SHELF]), Keyring(bytes(32))), recorder), recorder)
    with pytest.raises(persistence.MapperDeserialisationError, match=r"nobody\.knows\.this\.v1"):
        list(store.get("aggregate/a"))

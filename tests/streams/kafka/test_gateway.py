"""Kafka gateway: what it guarantees its callers while broker, processor or database are away."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from streams.core.envelope import IdempotencyConflict, Outcome, Status
from streams.core.gateway import Pending, Unavailable, envelop
from streams.core.partitions import partition_of
from streams.core.refusals import TooLarge
from streams.kafka.gateway import KafkaGateway
from streams.kafka.log_ends import log_ends
from streams.kafka.settings import Cluster
from streams.postgres.database import connect_plain
from tests.contract.runtimes import PARTITIONS, START
from tests.contract.shelf import FillJar, JarOpened, OpenJar
from tests.streams.kafka.broker import Broker, Kafka, free_port
from tests.streams.kafka.runtime import Processes, change, gateway, mapper, processes, until


@dataclass
class Served:
    """Roles that run as the test says, and two gateways, as two API processes have them."""

    roles: Processes
    one: KafkaGateway
    two: KafkaGateway

    def start(self) -> None:
        self.roles.start("projector", "j1")
        self.roles.start("processor", "p1")


@pytest.fixture
async def served(kafka: Kafka, database: str) -> AsyncIterator[Served]:
    with processes(kafka, database) as roles:
        async with gateway(roles) as one, gateway(roles) as two:
            yield Served(roles, one, two)


async def fill(
    one: KafkaGateway, grams: int = 1, id_: UUID | None = None, fingerprint: str = "", seconds: float = 60
) -> Outcome:
    command = FillJar(at=START, jar="plums", owner="ada", grams=grams)
    return await one.submit(envelop(command, "shelf", PARTITIONS, "test", id_, fingerprint=fingerprint), seconds)


async def test_a_command_that_nobody_decides_yet_is_pending_and_has_its_outcome_later(served: Served) -> None:
    id_ = uuid4()
    with pytest.raises(Pending) as pending:
        await fill(served.one, id_=id_, seconds=1.0)
    assert pending.value.command_id == id_
    assert await served.one.outcome("shelf", id_) is None
    assert served.one.waiting == 0
    served.start()
    again = await fill(served.two, id_=id_)
    found = await served.one.outcome("shelf", id_)
    assert found is not None
    assert (found.status, found.position) == (Status.ACCEPTED, again.position)


async def test_duplicates_through_two_api_processes_at_once_happen_once(served: Served) -> None:
    served.start()
    id_ = uuid4()
    outcomes = await asyncio.gather(*(fill(one, 7, id_) for one in (served.one, served.two) * 10))
    assert len({outcome.position for outcome in outcomes}) == 1
    refused = await fill(served.one, 994)
    assert refused.problem is not None
    assert refused.problem.details == {"grams": 7}


async def test_one_key_for_two_bodies_is_a_conflict_on_every_node_whoever_comes_first(served: Served) -> None:
    served.start()
    id_ = uuid4()
    results = await asyncio.gather(
        fill(served.one, 7, id_, "seven"), fill(served.two, 8, id_, "eight"), return_exceptions=True
    )
    assert sum(isinstance(result, IdempotencyConflict) for result in results) == 1
    first = "seven" if isinstance(results[0], Outcome) else "eight"
    assert (await fill(served.two, 1, id_, first)).replayed
    with pytest.raises(IdempotencyConflict):
        await fill(served.one, 1, id_, "nine")


async def test_one_key_for_bodies_of_different_partitions_is_a_conflict_before_either_is_decided(
    served: Served,
) -> None:
    """Decided by two processors under one id, they would halt the projection of a partition."""
    id_ = uuid4()
    owners = {partition_of(owner, PARTITIONS): owner for owner in (f"owner {n}" for n in range(40))}
    commands = [FillJar(at=START, jar=owner, owner=owner, grams=1) for owner in owners.values()]
    assert len(commands) == PARTITIONS
    results = await asyncio.gather(
        *(
            one.submit(envelop(command, "shelf", PARTITIONS, "test", id_, fingerprint=command.owner), 1.0)
            for command in commands
            for one in (served.one, served.two)
        ),
        return_exceptions=True,
    )
    kinds = Counter(type(result) for result in results)
    assert kinds == {Pending: 2, IdempotencyConflict: 2 * (PARTITIONS - 1)}
    served.start()
    outcome = await settled(served.one, id_)
    assert outcome.status is Status.ACCEPTED


async def test_a_commit_is_announced_on_every_node(served: Served) -> None:
    heard = asyncio.Event()
    served.start()
    with served.two.commits.listening(heard.set):
        await open_jar(served.one, "plums")
        await asyncio.wait_for(heard.wait(), 30)


async def settled(one: KafkaGateway, id_: UUID) -> Outcome:
    """The outcome of this command, once there is one."""
    async with asyncio.timeout(60):
        while (found := await one.outcome("shelf", id_)) is None:
            await asyncio.sleep(0.05)
    return found


async def open_jar(one: KafkaGateway, jar: str, owner: str = "ada") -> Outcome:
    command = OpenJar(at=START, jar=jar, owner=owner, note="for my aunt Agatha")
    return await one.submit(envelop(command, "shelf", PARTITIONS, "test"), 60.0)


async def test_personal_values_are_encrypted_in_the_commands_topic_under_one_key(served: Served) -> None:
    served.start()
    opened = await asyncio.gather(open_jar(served.one, "plums"), open_jar(served.two, "pears"))
    assert [outcome.only(JarOpened).note for outcome in opened] == ["for my aunt Agatha"] * 2
    topic = served.roles.cluster.commands("shelf")
    assert all(b"Agatha" not in value for value in values(served.roles.cluster, topic))


async def test_many_first_commands_about_the_same_people_at_once_share_one_key_each(served: Served) -> None:
    served.start()
    await open_jar(served.one, "the first of all")
    openings = [
        open_jar(one, f"{n} {turn}", f"owner {n}")
        for n in range(8)
        for turn in range(8)
        for one in (served.one, served.two)
    ]
    outcomes = await asyncio.gather(*openings)
    notes = Counter(outcome.only(JarOpened).note for outcome in outcomes if outcome.status is Status.ACCEPTED)
    assert notes == {"for my aunt Agatha": 64}


END_CONNECTIONS = """
    select count(pg_terminate_backend(pid, 10000)) from pg_stat_activity
     where datname = current_database() and application_name = any(array['headwater keys', 'headwater gateway'])
"""


async def test_connections_that_died_while_they_were_idle_cost_no_request(served: Served) -> None:
    """As after a restart of PostgreSQL: only their use shows it."""
    served.start()
    id_ = uuid4()
    await open_jar(served.one, "plums")
    await fill(served.one, id_=id_)
    for owner in ("bob", "eve"):
        with connect_plain(served.roles.dsn) as connection:
            ended = connection.execute(END_CONNECTIONS.encode()).fetchone()
        assert ended is not None
        assert ended[0] >= 3
        opened, repeated = await asyncio.gather(open_jar(served.one, f"{owner}'s", owner), fill(served.one, id_=id_))
        assert (opened.status, repeated.replayed) == (Status.ACCEPTED, True)


DROP_KEY = "delete from headwater.subject_keys where subject = 'shelf:ada'"


async def test_a_person_with_records_is_never_given_a_second_key(served: Served) -> None:
    """As in a database that was restored from a backup which is older than the key."""
    served.start()
    await open_jar(served.one, "plums")
    with connect_plain(served.roles.dsn) as connection:
        connection.execute(DROP_KEY.encode())
    with pytest.raises(Unavailable, match="the key of a person is missing") as refused:
        await open_jar(served.two, "pears")
    assert not refused.value.maybe_recorded
    assert (await open_jar(served.two, "figs", "bob")).status is Status.ACCEPTED


async def test_no_new_key_is_made_before_the_database_covers_the_log_of_the_start(kafka: Kafka, database: str) -> None:
    """What the database lacks may be under a key that it lacks as well."""
    with processes(kafka, database) as roles:
        roles.start("processor", "p1")
        async with gateway(roles) as one:
            with pytest.raises(Pending):
                await fill(one, seconds=2.0)
            ends = log_ends(roles.cluster, ["shelf"], PARTITIONS)
            while not any(ends.values()):
                ends = log_ends(roles.cluster, ["shelf"], PARTITIONS)
        late = KafkaGateway(roles.cluster, database, mapper(), log_ends=ends)
        await late.start()
        await until(lambda: late.connected)
        with pytest.raises(Unavailable, match="does not cover the log yet"):
            await open_jar(late, "plums")
        roles.start("projector", "j1")
        async with asyncio.timeout(60):
            while (status := await insisting(late)) is None:
                await asyncio.sleep(0.1)
        assert status is Status.ACCEPTED
        await late.stop()


async def insisting(one: KafkaGateway) -> Status | None:
    try:
        return (await open_jar(one, "plums")).status
    except Unavailable:
        return None


def values(cluster: Cluster, topic: str) -> list[bytes]:
    """The values of all messages of a topic."""
    from kafka import KafkaConsumer

    reader = KafkaConsumer(topic, **cluster.admin(), auto_offset_reset="earliest", consumer_timeout_ms=3000)
    found = [message.value for message in reader]
    reader.close()
    assert found
    return found


async def test_too_many_waiting_commands_are_turned_away_and_so_is_everything_while_shutting_down(
    kafka: Kafka, database: str
) -> None:
    with processes(kafka, database) as roles:
        one = KafkaGateway(roles.cluster, database, mapper(), waiting=3)
        await one.start()
        await until(lambda: one.connected)
        waiting = [asyncio.create_task(fill(one)) for _ in range(3)]
        await until(lambda: one.waiting == 3)
        with pytest.raises(Unavailable, match="too many") as full:
            await fill(one)
        assert not full.value.maybe_recorded
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await one.stop()
        with pytest.raises(Unavailable, match="shutting down"):
            await fill(one)


async def test_a_command_that_is_too_large_for_the_log_is_turned_away_alone(served: Served) -> None:
    served.start()
    large = FillJar(at=START, jar="x" * 1_100_000, owner="ada", grams=1)
    turned_away, filled = await asyncio.gather(
        served.one.submit(envelop(large, "shelf", PARTITIONS, "test"), 60.0), fill(served.one), return_exceptions=True
    )
    assert isinstance(turned_away, TooLarge)
    assert "has 1,100,062 bytes; a record may have 900,000" in turned_away.sentence
    assert isinstance(filled, Outcome)
    assert filled.status is Status.ACCEPTED
    assert served.one.waiting == 0


async def test_what_was_sent_just_before_a_gateway_stops_is_in_the_log(kafka: Kafka, database: str) -> None:
    with processes(kafka, database) as roles:
        async with gateway(roles) as one:
            leaving = asyncio.create_task(fill(one))
            await asyncio.sleep(0)
        leaving.cancel()
        assert len(values(roles.cluster, roles.cluster.commands("shelf"))) == 1


async def test_a_command_that_the_broker_finds_too_large_is_turned_away_for_good(served: Served) -> None:
    """As where a topic takes less than the start checked: to send it again would change nothing."""
    served.start()
    change(served.roles.cluster, served.roles.cluster.commands("shelf"), "max.message.bytes", "20000")
    large = FillJar(at=START, jar="x" * 30_000, owner="ada", grams=1)
    with pytest.raises(TooLarge, match="larger than the log takes"):
        await served.one.submit(envelop(large, "shelf", PARTITIONS, "test"), 60.0)
    assert served.one.connected
    assert (await fill(served.one)).status is Status.ACCEPTED


FENCED = KafkaException(KafkaError(KafkaError.INVALID_PRODUCER_EPOCH, "fenced", fatal=True))


class FailingProducer(Producer):
    """Tells whoever flushes first of something fatal, as the client tells of it once only."""

    told = False

    def flush(self, timeout: float = -1) -> int:
        if not self.told:
            self.told = True
            raise FENCED
        return super().flush(timeout)


async def test_what_is_fatal_is_told_of_also_when_the_sending_of_a_lone_command_hears_of_it(
    kafka: Kafka, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.kafka.producer.Producer", FailingProducer)
    failures: list[Exception] = []
    with processes(kafka, database) as roles:
        async with gateway(roles) as one:
            one.on_failure = failures.append
            with pytest.raises(Pending):
                await fill(one, seconds=1.0)
            assert failures == [FENCED]


async def test_without_a_broker_commands_are_turned_away_at_once_and_told_when_to_come_again(database: str) -> None:
    one = KafkaGateway(Cluster(f"127.0.0.1:{free_port()}"), database, mapper())
    await one.start()
    with pytest.raises(Unavailable) as away:
        await fill(one)
    assert (away.value.maybe_recorded, away.value.retry_after > 0) == (False, True)
    await one.stop()


@pytest.mark.faults
async def test_a_gateway_notices_that_its_broker_is_away_and_that_it_is_back(broker: Broker, database: str) -> None:
    with processes(Kafka(broker.bootstrap), database) as roles:
        async with gateway(roles) as one:
            broker.kill()
            await until(lambda: not one.connected)
            with pytest.raises(Unavailable):
                await fill(one)
            await asyncio.to_thread(broker.start)
            await until(lambda: one.connected)
            roles.start("projector", "j1")
            roles.start("processor", "p1")
            assert (await fill(one, seconds=30)).status is Status.ACCEPTED

"""Guards that bring back commands which a processor consumed and did not commit, on and off.

`is_unknown` is one of two guards that keep a commit of unknown fate from being taken for an abort. The other is the
client library, which refuses to abort then. After either the log is read again; either alone survives, as its test
shows.
"""

from __future__ import annotations

import logging

import pytest
from confluent_kafka import Producer

from streams.kafka import transactions, watchdog
from streams.kafka.transactions import TransactionPoint
from tests.streams.kafka.broker import Broker, Kafka
from tests.streams.kafka.inside import Inside, inside
from tests.streams.kafka.protocols import NoGaps, NoReload, NoReloadNorGaps, NoResolve, Weakness
from tests.streams.kafka.runtime import Processes, gateway, processes, until
from tests.streams.kafka.test_guards import decided, end_of_log, submit
from tests.streams.kafka.test_membership_guards import breaks
from tests.streams.kafka.test_projector_faults import fill
from tests.streams.kafka.verify import end_of

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("weakness", [None, NoGaps])
async def test_without_looking_for_gaps_a_command_lost_within_the_client_is_never_decided(
    kafka: Kafka, database: str, weakness: Weakness
) -> None:
    with processes(kafka, database) as roles:
        roles.start("projector", "j1")
        async with inside(roles, "p1", weakness) as p1, gateway(roles) as one:
            await submit(one)
            p1.hold(TransactionPoint.POLLED)
            await submit(one, 0.2)
            await p1.held()
            await submit(one, 0.2)
            p1.go_on(lambda: lose_one(p1))
            await submit(one)
            assert list(decided(roles).values()) == [1] * (3 if weakness else 4)


def lose_one(one: Inside) -> None:
    assert len(one.consumer.consume(1, 20)) == 1


async def test_a_gap_in_the_topic_itself_is_looked_at_once_and_then_passed(kafka: Kafka, database: str) -> None:
    """Somebody's transaction of commands was aborted: its offsets, and its end's, hold nothing for ever."""
    with processes(kafka, database) as roles:
        roles.start("projector", "j1")
        roles.start("processor", "p1")
        async with gateway(roles) as one:
            partition = await submit(one)
            send_aborted(roles, partition)
            await until(lambda: stable_end(roles, roles.cluster.commands("shelf"), partition) == 3)
            for _ in range(2):
                await submit(one)
            assert list(decided(roles).values()) == [1] * 3
            assert roles.printed("p1").count(f"after command 0 of shelf/{partition} came 3") == 2
            assert roles.printed("p1").count(f"serving shelf/{partition} ") == 2


def send_aborted(roles: Processes, partition: int) -> None:
    producer = Producer(roles.cluster.client(transactional_id="aborted"))
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(roles.cluster.commands("shelf"), b"{}", b"ada", partition)
    producer.flush(20)
    producer.abort_transaction(20)


@pytest.mark.parametrize("weakness", [None, NoReload])
async def test_without_loading_again_after_an_abort_its_commands_wait_until_another_one_comes(
    kafka: Kafka, database: str, caplog: pytest.LogCaptureFixture, weakness: Weakness
) -> None:
    """The one that comes shows the gap: a gap makes up for what is not loaded again, late."""
    with processes(kafka, database) as roles:
        roles.start("projector", "j1")
        async with inside(roles, "p1", weakness, transaction_seconds=1.0) as p1, gateway(roles) as one:
            partition = await outlived(roles, p1)
            await until(lambda: "transaction failed" in caplog.text)
            if not weakness:
                await until(lambda: list(decided(roles).values()) == [1] * 2)
                return
            await fill(one, (partition + 1) % roles.partitions)
            assert decided(roles).total() == 2
            await submit(one)
            assert list(decided(roles).values()) == [1] * 4


async def test_without_loading_again_and_without_looking_for_gaps_an_aborted_batch_is_built_upon(
    kafka: Kafka, database: str
) -> None:
    """Its states and sequences are in memory and not in the log."""
    with processes(kafka, database) as roles:
        roles.start("projector", "j1")
        async with inside(roles, "p1", NoReloadNorGaps, transaction_seconds=1.0) as p1, gateway(roles) as one:
            await outlived(roles, p1)
            await submit(one, 0.2)
            await breaks(roles)


async def outlived(roles: Processes, p1: Inside) -> int:
    """Lets the broker end a transaction of p1's, with a command of ada's, before p1 could; the partition."""
    async with gateway(roles) as one:
        partition = await submit(one)
        before = end_of_log(roles, partition)
        p1.hold(TransactionPoint.PRODUCED)
        await submit(one, 0.2)
        await p1.held()
        await until(lambda: end_of_log(roles, partition) > before)
        await until(lambda: stable_end(roles, roles.cluster.events("shelf"), partition) == end_of_log(roles, partition))
        p1.go_on()
    return partition


def stable_end(roles: Processes, topic: str, partition: int) -> int:
    """The end up to the first transaction that is open."""
    return end_of(roles, topic, partition, "read_committed")


@pytest.mark.parametrize("weakness", [None, NoResolve])
async def test_a_commit_of_unknown_fate_is_never_aborted_by_the_processor_nor_by_its_client(
    broker: Broker,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    weakness: Weakness,
) -> None:
    """The broker freezes before it has read the commit; what it was sent it does when it is back."""
    caplog.set_level(logging.INFO, "streams")
    monkeypatch.setattr(watchdog, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(transactions, "CALL_SECONDS", 1.0)
    with processes(Kafka(broker.bootstrap), database) as roles:
        roles.start("projector", "j1")
        async with inside(roles, "p1", weakness, transaction_seconds=40.0) as p1, gateway(roles) as one:
            await submit(one)
            p1.hold(TransactionPoint.OFFSETS_SENT)
            await submit(one, 0.2)
            await p1.held()
            with broker.frozen():
                p1.go_on()
                await until(lambda: "transaction failed" in caplog.text)
            await submit(one)
            assert list(decided(roles).values()) == [1] * 3
            assert ("Conflicting commit_transaction" in caplog.text) == bool(weakness)

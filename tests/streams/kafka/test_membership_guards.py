"""Guards that keep a processor which lost its membership from committing earlier decisions, on and off.

The processor under test runs in this process and is suspended at a transaction point while the group gives its
partitions to p2, which decides further commands. The log must then hold p2's decisions and none of the other's.

The client of a classic, static member keeps the last generation it had and takes on a newer one only when polled. So
the metadata may be taken at any time as long as nothing polls between the decision and the commit. That rule and
`commit_metadata` are two guards, and either alone survives. `reassigned_places` has two more behind it; see its test.
"""

from __future__ import annotations

import asyncio
import logging

import pytest
from confluent_kafka import Consumer, ConsumerGroupState, Message
from confluent_kafka.admin import AdminClient

from streams.kafka import processor
from streams.kafka.gateway import KafkaGateway
from streams.kafka.protocol import NO_GENERATION, generation_of
from streams.kafka.transactions import TransactionPoint
from tests.contract.runtimes import PARTITIONS
from tests.streams.kafka.broker import Kafka
from tests.streams.kafka.inside import Inside, expel, inside
from tests.streams.kafka.protocols import LateMetadata, NoMembership, NoOwnership, Weakness
from tests.streams.kafka.runtime import Processes, gateway, processes, until
from tests.streams.kafka.test_guards import decided, submit
from tests.streams.kafka.test_projector_faults import fill
from tests.streams.kafka.verify import read_log

pytestmark = pytest.mark.faults
CONSUMING = "consuming"


async def replaced(roles: Processes, one: KafkaGateway, p1: Inside, step: str) -> None:
    """p1 stands at the step with a command in hand; p2 has its place, and has decided that command and another."""
    await submit(one)
    p1.hold(step)
    partition = await submit(one, 0.2)
    await p1.held()
    roles.start("processor", "p2")
    expel(roles, "p1")
    await until(lambda: f"serving shelf/{partition}" in roles.printed("p2"))
    await submit(one)


async def goes_on(roles: Processes, one: KafkaGateway) -> None:
    """Everything before was decided once, and so is one more."""
    await submit(one)
    assert list(decided(roles).values()) == [1] * 4


async def breaks(roles: Processes) -> None:
    """The log, in the end."""
    await until(lambda: not is_chained(roles))


def is_chained(roles: Processes) -> bool:
    """Whether every record of the log follows the one before it."""
    try:
        read_log(roles)
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize("weakness", [None, LateMetadata])
async def test_without_the_metadata_of_before_the_decision_a_member_that_came_back_commits_what_is_stale(
    kafka: Kafka, database: str, caplog: pytest.LogCaptureFixture, weakness: Weakness
) -> None:
    """Something polls while the batch is in hand: the member has a new generation, and its partition is p2's."""
    with processes(kafka, database) as roles:
        roles.start("projector", "j1")
        async with inside(roles, "p1", weakness) as p1, gateway(roles) as one:
            await replaced(roles, one, p1, TransactionPoint.DECIDED)
            p1.go_on(lambda: rejoin(p1))
            if weakness:
                await breaks(roles)
                return
            await until(lambda: "transaction failed" in caplog.text)
            await goes_on(roles, one)


def rejoin(one: Inside) -> None:
    before = one.generation
    while one.generation == before:
        one.consumer.poll(0.1)


@pytest.mark.parametrize("weakness", [None, NoMembership])
async def test_without_asking_for_membership_whoever_is_no_member_commits_what_is_stale(
    kafka: Kafka, database: str, monkeypatch: pytest.MonkeyPatch, weakness: Weakness
) -> None:
    """The broker takes the offsets of somebody without a generation when the group is empty. A classic member's client
    keeps its last generation, so the metadata are those of another client of this name that has not joined."""
    monkeypatch.setattr(processor, "Consumer", ForgetfulConsumer)
    with processes(kafka, database) as roles:
        roles.start("projector", "j1")
        async with inside(roles, "p1", weakness) as p1, gateway(roles) as one:
            await replaced(roles, one, p1, TransactionPoint.POLLED)
            roles.stop("p2")
            expel(roles, "p2")
            assert isinstance(p1.consumer, ForgetfulConsumer)
            p1.consumer.forgotten = outsider_s_metadata(roles, "p1")
            p1.go_on()
            if weakness:
                await breaks(roles)
                return
            await goes_on(roles, one)


class ForgetfulConsumer(Consumer):
    """A consumer that can be made to say once that it is no member."""

    forgotten: bytes | None = None

    def consumer_group_metadata(self) -> bytes:
        forgotten, self.forgotten = self.forgotten, None
        metadata: bytes = forgotten or super().consumer_group_metadata()
        return metadata


def outsider_s_metadata(roles: Processes, name: str) -> bytes:
    settings = roles.cluster.client(group_id=f"{roles.cluster.prefix}.processor", group_instance_id=name)
    outsider = Consumer(settings)
    try:
        metadata: bytes = outsider.consumer_group_metadata()
        assert generation_of(metadata) == NO_GENERATION
        return metadata
    finally:
        outsider.close()


@pytest.mark.parametrize("weakness", [None, NoOwnership])
async def test_a_partition_lost_within_the_client_s_calls_is_not_decided_by_either_of_the_guards(
    kafka: Kafka,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    weakness: Weakness,
) -> None:
    """Polled, then lost inside `consume`. Partitions are only taken up between two turns, so one that changed hands
    within a turn is not among those followed, whatever the count of its hands says: that alone survives too."""

    class SlowConsumer(Consumer):
        def consume(self, num_messages: int = 1, timeout: float = -1) -> list[Message[bytes, bytes]]:
            p1.reached(CONSUMING)
            return super().consume(num_messages, timeout)

    caplog.set_level(logging.INFO, "streams")
    monkeypatch.setattr(processor, "Consumer", SlowConsumer)
    with processes(kafka, database) as roles:
        roles.start("projector", "j1")
        async with inside(roles, "p1", weakness) as p1, gateway(roles) as one:
            await replaced(roles, one, p1, CONSUMING)
            p1.hold(TransactionPoint.POLLED)
            p1.go_on()
            await p1.held()
            assert "revoked" in caplog.text
            p1.go_on()
            await goes_on(roles, one)
            assert "transaction failed" not in caplog.text


async def test_a_restart_in_the_middle_of_a_rebalance_leaves_no_partition_without_an_owner(
    kafka: Kafka, database: str
) -> None:
    """p1 stands still while the group waits for it to join again, is killed, and comes back under its name."""
    with processes(kafka, database) as roles:
        roles.start("projector", "j1")
        roles.start("processor", "p1", "--at", TransactionPoint.POLLED, "--signal", "0", "--then-sleep", "600")
        async with gateway(roles) as one:
            asked = [asyncio.create_task(fill(one, partition)) for partition in range(PARTITIONS)]
            await until(lambda: f"serving shelf/{PARTITIONS - 1}" in roles.printed("p1"))
            roles.start("processor", "p2")
            await until(lambda: is_rebalancing(roles))
            roles.kill("p1")
            roles.start("processor", "p1")
            await asyncio.gather(*asked)
            await until(lambda: not is_rebalancing(roles))


def is_rebalancing(roles: Processes) -> bool:
    """Whether the processors' group waits for its members to join again."""
    group = f"{roles.cluster.prefix}.processor"
    admin = AdminClient(roles.cluster.client())  # must outlive its answer
    described = admin.describe_consumer_groups([group])[group].result(10)
    return described.state is not ConsumerGroupState.STABLE

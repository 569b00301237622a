"""Guards of the processor's protocol, on and off: the fault that follows without a guard, and none with it.

Here are the guards of the takeover and of looking outcomes up. `test_membership_guards` has `LateMetadata`,
`NoMembership`, `NoOwnership` and `NoCoverage`; `test_loss_guards` has `NoGaps`, `NoReload` and `NoResolve`.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import Counter
from uuid import uuid4

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from streams.core.gateway import Pending, Unavailable, envelop
from streams.kafka.gateway import KafkaGateway
from streams.kafka.producer import CommandProducer
from streams.kafka.transactions import TransactionPoint
from tests.contract.runtimes import PARTITIONS, START
from tests.contract.shelf import FillJar
from tests.streams.kafka.broker import Kafka
from tests.streams.kafka.protocols import (
    NoOverlay,
    NoSentSince,
    NoStableOffset,
    NoStableOffsetNorTrueEnd,
    NoTrueEnd,
    Weakness,
)
from tests.streams.kafka.runtime import Processes, gateway, mapper, processes, until
from tests.streams.kafka.test_projector_faults import fill
from tests.streams.kafka.under_load import stopped
from tests.streams.kafka.verify import end_of, read_log

pytestmark = pytest.mark.faults
STOP = str(int(signal.SIGSTOP))
LONG = ("--transaction-seconds", "40")


def end_of_log(roles: Processes, partition: int) -> int:
    """The true end, open transactions included."""
    return end_of(roles, roles.cluster.events("shelf"), partition, "read_uncommitted")


def lacking(weakness: Weakness) -> list[str]:
    return [] if weakness is None else ["--protocol", weakness.__name__]


async def submit(one: KafkaGateway, seconds: float = 60) -> int:
    """One command of ada's; the partition it is in."""
    command = FillJar(at=START, jar="plums", owner="ada", grams=1)
    wrapped = envelop(command, "shelf", PARTITIONS, "test")
    with contextlib.suppress(Pending, Unavailable):
        await one.submit(wrapped, seconds)
    return wrapped.partition


@pytest.mark.parametrize("weakness", [None, NoOverlay])
async def test_without_the_overlay_a_duplicate_is_decided_twice_while_the_projector_is_away(
    kafka: Kafka, database: str, weakness: Weakness
) -> None:
    with processes(kafka, database) as roles:
        roles.start("processor", "p1", *lacking(weakness))
        id_ = uuid4()
        fill = envelop(FillJar(at=START, jar="plums", owner="ada", grams=1), "shelf", PARTITIONS, "test", id_)
        commands = CommandProducer(roles.cluster, lambda failure: pytest.fail(str(failure)))
        commands.start(asyncio.get_running_loop())
        for before in range(2):
            commands.send(fill, mapper().encode(fill.command), lambda: None, lambda _: None)
            await until(lambda before=before: end_of_log(roles, fill.partition) > before)  # type: ignore[misc]
        other = envelop(FillJar(at=START, jar="pears", owner="ada", grams=1), "shelf", PARTITIONS, "test")
        commands.send(other, mapper().encode(other.command), lambda: None, lambda _: None)
        await until(lambda: decided(roles)[other.command_id] == 1)
        await commands.stop()
        assert decided(roles)[id_] == (2 if weakness else 1)


def decided(roles: Processes) -> Counter[object]:
    """How many outcomes every command has in the log."""
    return Counter(record.command_id for record in read_log(roles) if record.stream.startswith("command/"))


@pytest.mark.parametrize("weakness", [None, NoStableOffset, NoTrueEnd, NoStableOffsetNorTrueEnd])
async def test_without_stable_offsets_and_the_true_end_a_sleeper_s_transaction_breaks_the_log(
    kafka: Kafka, database: str, weakness: Weakness
) -> None:
    """It had sent its offsets already, so its commit is possible for as long as its transaction lives. Either guard
    alone makes its successor wait for that."""
    with processes(kafka, database) as roles:
        roles.start("projector", "j1")
        roles.start("processor", "p1", *LONG, "--at", TransactionPoint.OFFSETS_SENT, "--signal", STOP)
        async with gateway(roles) as one:
            partition = await submit(one, 0.5)
            await stopped(roles, "p1")
            at_rest = end_of_log(roles, partition)
            roles.start("processor", "p2", *LONG, *lacking(weakness))
            served = f"serving shelf/{partition}"
            if weakness is NoStableOffsetNorTrueEnd:
                await until(lambda: end_of_log(roles, partition) > at_rest)
            else:
                await until(lambda: "serving" in roles.printed("p2"))
                assert served not in roles.printed("p2")
            roles.signal("p1", signal.SIGCONT)
            await until(lambda: served in roles.printed("p2"))
            if weakness is NoStableOffsetNorTrueEnd:
                with pytest.raises(AssertionError, match="the chain breaks"):
                    read_log(roles)
                return
            await submit(one)
            assert list(decided(roles).values()) == [1] * 2


@pytest.mark.parametrize("name", ["p1", "p2"])
async def test_without_its_predecessor_s_name_a_processor_waits_for_what_that_left_open(
    kafka: Kafka, database: str, name: str
) -> None:
    """The name is the id of the transactions: beginning anew under it ends at once what was left under it."""
    with processes(kafka, database) as roles:
        roles.start("projector", "j1")
        first = roles.start("processor", "p1", *LONG, "--at", TransactionPoint.OFFSETS_SENT)
        async with gateway(roles) as one:
            partition = await submit(one, 0.5)
            await until(lambda: first.poll() is not None)
            roles.start("processor", name, *LONG)
            if name == "p1":
                await submit(one)
                assert list(decided(roles).values()) == [1] * 2
                return
            await until(lambda: roles.printed(name).count("serving shelf/") == PARTITIONS - 1)
            with pytest.raises(Pending):
                await fill(one, partition, seconds=1.0)
            assert f"serving shelf/{partition}" not in roles.printed(name)


@pytest.mark.parametrize("weakness", [None, NoSentSince])
async def test_without_knowing_what_was_sent_since_commands_read_again_from_the_start_are_decided_twice(
    kafka: Kafka, database: str, weakness: Weakness
) -> None:
    """The group's offsets are lost, as after a week without any processor; commands sent as new are not looked for."""
    with processes(kafka, database) as roles:
        roles.start("projector", "j1")
        roles.start("processor", "p1")
        async with gateway(roles) as one:
            for _ in range(3):
                partition = await submit(one)
            roles.stop("p1")
            await submit(one, 0.5)
            await until(lambda: forgotten(roles), 60)
            roles.start("processor", "p1", *lacking(weakness))
            await until(lambda: f"serving shelf/{partition} from command 0" in roles.printed("p1"))
            if weakness:
                await until(lambda: sorted(decided(roles).values()) == [1, 2, 2, 2])
                return
            await submit(one)
            assert sorted(decided(roles).values()) == [1] * 5


def forgotten(roles: Processes) -> bool:
    """Whether the group of the processors could be deleted: only once its last member is gone."""
    group, admin = f"{roles.cluster.prefix}.processor", AdminClient(roles.cluster.client())
    try:
        admin.delete_consumer_groups([group])[group].result(60)
    except KafkaException:
        return False
    return True

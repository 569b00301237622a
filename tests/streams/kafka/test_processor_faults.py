"""Processor faults under load on a real broker: the log is complete and sound after kills, suspensions, rebalances."""

from __future__ import annotations

import asyncio
import random
import signal
import time

import pytest

from streams.kafka.supervisor import DUPLICATE_INSTANCE_EXIT
from streams.kafka.transactions import TransactionPoint
from tests.streams.kafka.broker import Kafka
from tests.streams.kafka.runtime import until
from tests.streams.kafka.under_load import PAST_THE_SESSION, loaded, stopped

pytestmark = pytest.mark.faults


async def test_a_processor_killed_at_every_step_of_a_batch_loses_and_doubles_nothing(
    kafka: Kafka, database: str
) -> None:
    async with loaded(kafka, database, "p1") as (roles, load):
        for step in TransactionPoint:
            roles.stop("p1")
            process = roles.start("processor", "p1", "--at", step, "--chance", "0.3")
            await until(lambda process=process: process.poll() is not None)  # type: ignore[misc]
            roles.start("processor", "p1")
            await load.answers(20)


async def test_a_processor_killed_at_random_moments_answers_again_soon(kafka: Kafka, database: str) -> None:
    chance = random.Random(1)
    async with loaded(kafka, database, "p1") as (roles, load):
        for _ in range(4):
            await asyncio.sleep(chance.uniform(0.3, 1.0))
            roles.kill("p1")
            roles.start("processor", "p1")
            await load.answers(100)
    assert load.longest_silence() < 6.0


async def test_a_processor_asleep_past_its_session_is_fenced_when_it_wakes(kafka: Kafka, database: str) -> None:
    """The other one takes over meanwhile; the sleeper's transaction, whatever was in it, never commits."""
    async with loaded(kafka, database, "p2") as (roles, load):
        for step in (TransactionPoint.DECIDED, TransactionPoint.OFFSETS_SENT):
            roles.start("processor", "p1", "--at", step, "--signal", str(int(signal.SIGSTOP)), "--chance", "0.2")
            await stopped(roles, "p1")
            await asyncio.sleep(PAST_THE_SESSION)
            await load.answers(100)
            roles.signal("p1", signal.SIGCONT)
            await load.answers(200)
            assert roles.running["p1"].poll() is None
            roles.stop("p1")
        assert "transaction failed" in roles.printed("p1")


async def test_partitions_move_from_one_to_three_processors_and_back(kafka: Kafka, database: str) -> None:
    async with loaded(kafka, database, "p1") as (roles, load):
        for others in (("p2", "p3"), ("p4", "p5")):
            for name in others:
                roles.start("processor", name)
            await until(lambda others=others: all("serving" in roles.printed(name) for name in others))  # type: ignore[misc]
            await load.answers(200)
            roles.stop(others[0])
            roles.kill(others[1])
            await load.answers(200)


async def test_a_transaction_left_open_by_a_dead_process_only_delays(kafka: Kafka, database: str) -> None:
    """Its name never comes back, so the broker ends it; another processor waits for that and then goes on."""
    async with loaded(kafka, database, "p2") as (roles, load):
        process = roles.start("processor", "p1", "--at", TransactionPoint.OFFSETS_SENT, "--chance", "0.2")
        await until(lambda: process.poll() is not None)
        roles.running.pop("p1")
        killed = time.monotonic()
        await load.answers(300)
        await until(lambda: time.monotonic() - killed > PAST_THE_SESSION)
        await load.answers(300)


async def test_two_processors_under_one_name_never_harm_the_log_and_one_leaves_saying_why(
    kafka: Kafka, database: str
) -> None:
    async with loaded(kafka, database, "p1", "p2") as (roles, load):
        first = roles.running["p1"]
        twin = roles.start("processor", "p1")
        await until(lambda: DUPLICATE_INSTANCE_EXIT in (first.poll(), twin.poll()))
        await load.answers(100)
        first.kill()
        first.wait()
        assert "another process uses this instance" in roles.printed("p1")

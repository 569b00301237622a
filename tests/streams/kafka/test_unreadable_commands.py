"""Unreadable commands: each is refused under its id, appears in the log, and blocks no other command."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from confluent_kafka import Producer

from streams.core.envelope import Decided, Status
from streams.core.gateway import envelop
from streams.core.partitions import partition_of
from streams.kafka.records import command_headers
from streams.kafka.types import Headers
from tests.contract.runtimes import PARTITIONS, START, do
from tests.contract.shelf import FillJar
from tests.streams.kafka.broker import Kafka
from tests.streams.kafka.runtime import KafkaRuntime, distributed

FILL = FillJar(at=START, jar="plums", owner="ada", grams=1)
ADA = partition_of("ada", PARTITIONS)


def send(
    runtime: KafkaRuntime, value: bytes, headers: Headers | None, partition: int = ADA, key: bytes = b"ada"
) -> None:
    producer = Producer(runtime.roles.cluster.client())
    producer.produce(runtime.roles.cluster.commands("shelf"), value, key, partition, headers=headers)
    producer.flush(10)


def headers_of(id_: UUID, **changed: str) -> Headers:
    headers = command_headers(envelop(FILL, "shelf", PARTITIONS, "test", id_))
    return [(name, changed.get(name, value)) for name, value in headers]


async def decided(runtime: KafkaRuntime, partition: int = ADA) -> list[Decided]:
    return [
        Decided.model_validate_json(r.data)
        for r in await runtime.journal()
        if r.name == Decided.name and r.partition == partition
    ]


@pytest.mark.parametrize(
    ("value", "changed"),
    [(b"{", {}), (b"{}", {}), (FILL.model_dump_json().encode(), {"name": "shelf.of_newer_code.v9"})],
)
async def test_an_unreadable_body_is_refused_under_the_command_s_own_id(
    kafka: Kafka, database: str, value: bytes, changed: dict[str, str]
) -> None:
    async with distributed(kafka, database) as runtime:
        id_ = uuid4()
        send(runtime, value, headers_of(id_, **changed))
        assert (await do(runtime, FILL)).status is Status.ACCEPTED
        outcome = await runtime.outcome(id_)
        assert outcome is not None
        assert outcome.problem is not None
        assert (outcome.status, outcome.problem.type) == (Status.REFUSED, "headwater.unreadable_command")


async def test_junk_without_headers_and_commands_in_a_wrong_partition_are_on_record_as_refused(
    kafka: Kafka, database: str
) -> None:
    async with distributed(kafka, database) as runtime:
        send(runtime, b"junk", None)
        other = (ADA + 1) % PARTITIONS
        send(runtime, FILL.model_dump_json().encode(), headers_of(uuid4()), other)
        assert (await do(runtime, FILL)).status is Status.ACCEPTED
        junk, fine = await decided(runtime)
        assert (junk.status, fine.status) == (Status.REFUSED, Status.ACCEPTED)
        elsewhere = FILL.model_copy(update={"owner": next(o for o in "abcdefgh" if partition_of(o, 4) == other)})
        await do(runtime, elsewhere)
        wrong, _ = await decided(runtime, other)
        assert wrong.problem is not None
        assert "murmur2_random" in wrong.problem.details["reason"]


NUL = FILL.model_copy(update={"jar": "pl\0ms"}).model_dump_json().encode()


async def test_what_postgresql_has_no_place_for_blocks_neither_the_processor_nor_the_projector(
    kafka: Kafka, database: str
) -> None:
    """The API lets no NUL in, but anybody who may write to the topic can put one in a key, a header or a body."""
    async with distributed(kafka, database) as runtime:
        fill = FILL.model_dump_json().encode()
        send(runtime, fill, None, key=b"a\0da")
        for header in ("actor", "subject"):
            send(runtime, fill, [*headers_of(uuid4()), (header, b"a\0da")])
        send(runtime, NUL, headers_of(uuid4()))
        assert (await do(runtime, FILL)).status is Status.ACCEPTED
        assert [one.status for one in await decided(runtime)] == [Status.REFUSED] * 4 + [Status.ACCEPTED]


async def test_a_text_that_only_spells_a_nul_is_no_reason_to_refuse(kafka: Kafka, database: str) -> None:
    async with distributed(kafka, database) as runtime:
        spelt = FILL.model_copy(update={"jar": "pl\\u0000ms"})
        assert (await do(runtime, spelt)).status is Status.ACCEPTED


async def test_a_command_that_leads_to_more_than_a_message_holds_is_refused_alone(kafka: Kafka, database: str) -> None:
    """The gateway lets none through, but anybody who may write to the topic can send one."""
    async with distributed(kafka, database) as runtime:
        id_ = uuid4()
        send(runtime, FILL.model_copy(update={"jar": "x" * 950_000}).model_dump_json().encode(), headers_of(id_))
        assert (await do(runtime, FILL)).status is Status.ACCEPTED
        outcome = await runtime.outcome(id_)
        assert outcome is not None
        assert outcome.problem is not None
        assert outcome.problem.type == "headwater.too_large"

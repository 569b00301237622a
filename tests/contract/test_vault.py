"""Contract of the vault: the transaction that projects an event keeps and removes the credentials that it names."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from streams.core.keys import Keyring
from streams.core.wiring import EraseSubject
from streams.postgres.database import Statement, connect, connect_plain, read
from streams.postgres.reads import Reads
from streams.postgres.sealed_store import Owner
from streams.postgres.vault import Vault, VaultEmpty
from streams.work.object_sweep import KEPT_WITHIN, ObjectSweep
from tests.contract.runtimes import PARTITIONS, START, Database, Embedded, do
from tests.contract.shelf import AttachLabel, RemoveLabel
from tests.streams.kafka.runtime import KafkaRuntime

Running = Embedded | KafkaRuntime
ON_EVERY_DATABASE = pytest.mark.parametrize(
    "runtime", ["embedded", pytest.param("kafka", marks=pytest.mark.kafka)], indirect=True
)
SECRETS = {"access_token": "plums"}


def vault_of(runtime: Database) -> Vault:
    return Vault(runtime.dsn, Keyring(bytes(32)))


async def put(runtime: Database, owner: str = "ada", subject: str | None = None) -> str:
    reference = str(uuid4())
    await vault_of(runtime).put(reference, Owner("shelf", owner, subject), SECRETS)
    return reference


def attach(reference: str, owner: str = "ada") -> AttachLabel:
    return AttachLabel(at=START, jar=owner, owner=owner, label=reference)


async def kept(runtime: Database) -> dict[str, bool]:
    async with await connect(runtime.dsn) as connection:
        (rows,) = await read(connection, [Statement("select id::text, kept from headwater.vault")])
    return dict(rows)


async def sweep(runtime: Running, later: timedelta) -> int:
    with connect_plain(runtime.dsn) as connection:
        connection.execute("update headwater.vault set put_at = %s", (runtime.clock.now(),))
    runtime.clock.advance(later)
    gateway = runtime.runtime.gateway if isinstance(runtime, Embedded) else runtime.gateway
    reads = Reads(runtime.dsn)
    await reads.open()
    try:
        return await ObjectSweep(gateway, reads, runtime.clock, PARTITIONS).sweep()
    finally:
        await reads.close()


@ON_EVERY_DATABASE
async def test_an_event_of_the_owner_keeps_credentials_and_one_removes_them(runtime: Running) -> None:
    reference, foreign = await put(runtime), await put(runtime, "bob")
    await do(runtime, attach(reference))
    await do(runtime, attach(foreign))
    assert await kept(runtime) == {reference: True, foreign: False}
    for id_ in (reference, foreign):
        await do(runtime, RemoveLabel(at=START, jar="ada", owner="ada", label=id_))
    assert await kept(runtime) == {foreign: False}


@ON_EVERY_DATABASE
async def test_what_no_event_keeps_within_a_day_is_swept_and_what_is_kept_stays(runtime: Running) -> None:
    reference, left = await put(runtime), await put(runtime)
    await do(runtime, attach(reference))
    assert await sweep(runtime, KEPT_WITHIN - timedelta(hours=1)) == 0
    assert await sweep(runtime, KEPT_WITHIN) == 1
    assert await kept(runtime) == {reference: True}
    assert await vault_of(runtime).open(reference) == SECRETS
    with pytest.raises(VaultEmpty):
        await vault_of(runtime).open(left)


@ON_EVERY_DATABASE
async def test_an_erasure_takes_the_credentials_of_the_person_alone(runtime: Running) -> None:
    hers, shelfs = await put(runtime, "ada", "shelf:ada"), await put(runtime)
    await do(runtime, attach(hers))
    await do(runtime, attach(shelfs))
    await do(runtime, EraseSubject(at=START, partition_key="ada", erased="shelf:ada"))
    assert await kept(runtime) == {shelfs: True}

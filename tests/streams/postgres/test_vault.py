"""The vault over a real database: put once, sealed for its owner, and gone without a trace."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from cryptography.exceptions import InvalidTag
from psycopg import Connection

from streams.core.keys import Keyring
from streams.core.read_models import Row
from streams.kafka.recovery import missing_objects
from streams.postgres.database import connect_plain
from streams.postgres.installation import prepare
from streams.postgres.journal import erasure
from streams.postgres.reads import Reads
from streams.postgres.sealed_store import Owner
from streams.postgres.vault import AT_ONCE, Vault, VaultDiffers, VaultEmpty
from tests.contract.runtimes import START
from tests.contract.shelf import SHELF

ADA = Owner("shelf", "ada", "shelf:ada")
SHELF_S = Owner("shelf", "ada")
SECRETS = {"access_token": "plums & figs", "app_secret": "\u00fc\U0001f600"}


@pytest.fixture
def connection(database: str) -> Iterator[Connection[Row]]:
    with connect_plain(database) as connection:
        prepare(connection, [SHELF], 1)
        yield connection


@pytest.fixture
def vault(connection: Connection[Row], database: str) -> Vault:
    return Vault(database, Keyring(bytes(32)))


def erase(connection: Connection[Row], subject: str = "shelf:ada") -> None:
    with connection.transaction():
        for statement in erasure("shelf", "ada", subject, START):
            connection.execute(statement.sql.encode(), statement.params)


def stored(connection: Connection[Row]) -> list[Row]:
    return connection.execute("select * from headwater.vault").fetchall()


@pytest.mark.parametrize("owner", [ADA, SHELF_S], ids=["subject", "nobody"])
@pytest.mark.parametrize("secrets", [SECRETS, {}], ids=["some", "none"])
async def test_what_was_put_is_opened_again(vault: Vault, owner: Owner, secrets: dict[str, str]) -> None:
    reference = uuid4()
    await vault.put(reference, owner, secrets)
    assert await vault.open(str(reference)) == secrets


@pytest.mark.parametrize("owner", [ADA, SHELF_S], ids=["subject", "nobody"])
async def test_what_is_stored_is_sealed_and_belongs_to_its_reference(
    vault: Vault, connection: Connection[Row], owner: Owner
) -> None:
    one, other = uuid4(), uuid4()
    await vault.put(one, owner, SECRETS)
    assert all(word not in str(stored(connection)) for word in ("access_token", "plums"))
    connection.execute("update headwater.vault set id = %s", (other,))
    with pytest.raises(InvalidTag):
        await vault.open(other)


async def test_another_master_key_opens_nothing(vault: Vault, database: str) -> None:
    reference = uuid4()
    await vault.put(reference, SHELF_S, SECRETS)
    with pytest.raises(InvalidTag):
        await Vault(database, Keyring(bytes([1] * 32))).open(reference)


@pytest.mark.parametrize("owner", [ADA, SHELF_S], ids=["subject", "nobody"])
async def test_credentials_are_put_once_however_often_their_command_is_repeated(
    vault: Vault, connection: Connection[Row], owner: Owner
) -> None:
    reference = uuid4()
    await vault.put(reference, owner, SECRETS)
    first = stored(connection)
    await vault.put(str(reference), owner, dict(reversed(SECRETS.items())))
    for other, secrets in ((owner, {"access_token": "x"}), (owner._replace(key="bob"), SECRETS), (owner, {})):
        with pytest.raises(VaultDiffers):
            await vault.put(reference, other, secrets)
    assert stored(connection) == first
    assert await vault.open(reference) == SECRETS


async def test_the_error_of_a_second_put_does_not_tell_the_credentials(vault: Vault) -> None:
    reference = uuid4()
    await vault.put(reference, ADA, SECRETS)
    with pytest.raises(VaultDiffers) as refused:
        await vault.put(reference, ADA, {"access_token": "cherries"})
    assert all(word not in repr(refused.value) for word in ("plums", "cherries"))


async def test_a_reference_without_credentials_is_empty(vault: Vault) -> None:
    reference = uuid4()
    await vault.put(reference, ADA, SECRETS)
    await vault.forget(reference)
    await vault.forget(reference)
    for unknown in (reference, uuid4(), "no reference", ""):
        with pytest.raises(VaultEmpty):
            await vault.open(unknown)
    with pytest.raises(ValueError, match="UUID"):
        await vault.put("no reference", ADA, SECRETS)


async def test_an_erasure_takes_the_credentials_and_a_copy_of_them_cannot_be_opened(
    vault: Vault, connection: Connection[Row]
) -> None:
    hers, others, nobodys = uuid4(), uuid4(), uuid4()
    await vault.put(hers, ADA, SECRETS)
    await vault.put(others, Owner("shelf", "ada", "shelf:bob"), SECRETS)
    await vault.put(nobodys, SHELF_S, SECRETS)
    connection.execute("create table public.copied as select * from headwater.vault")
    erase(connection)
    with pytest.raises(VaultEmpty):
        await vault.open(hers)
    assert await vault.open(others) == await vault.open(nobodys) == SECRETS
    connection.execute("insert into headwater.vault select * from public.copied on conflict do nothing")
    with pytest.raises(VaultEmpty):
        await vault.open(hers)
    with pytest.raises(VaultEmpty):
        await vault.put(uuid4(), ADA, SECRETS)


async def test_a_put_that_an_erasure_overtakes_leaves_nothing(
    vault: Vault, connection: Connection[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    sealing = vault._sealing

    async def overtaken(*given: object) -> object:
        cipher = await sealing(*given)  # type: ignore[arg-type]
        erase(connection)
        return cipher

    monkeypatch.setattr(vault, "_sealing", overtaken)
    with pytest.raises(VaultEmpty):
        await vault.put(uuid4(), ADA, SECRETS)
    assert stored(connection) == []


async def test_credentials_are_opened_through_a_pool_too(vault: Vault, database: str) -> None:
    reference, reads = uuid4(), Reads(database, size=1)
    await vault.put(reference, ADA, SECRETS)
    await reads.open()
    try:
        assert await Vault(reads, Keyring(bytes(32))).open(reference) == SECRETS
    finally:
        await reads.close()


async def test_many_messages_at_once_take_few_connections(
    vault: Vault, connection: Connection[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, most, find = uuid4(), 0, vault._find
    await vault.put(reference, SHELF_S, SECRETS)
    there = "select count(*) from pg_stat_activity where application_name = 'headwater vault'"

    async def counted(*given: object) -> object:
        nonlocal most
        ((count,),) = connection.execute(there.encode()).fetchall()
        most = max(most, count)
        return await find(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(vault, "_find", counted)
    await asyncio.gather(*(vault.open(reference) for _ in range(4 * AT_ONCE)))
    assert 0 < most <= AT_ONCE + 1  # one may still be closing


async def test_a_database_that_is_away_is_an_error_that_passes() -> None:
    with pytest.raises(psycopg.OperationalError):
        await Vault("host=127.0.0.1 port=1", Keyring(bytes(32))).open(uuid4())


async def test_a_rebuild_misses_only_credentials_that_are_not_there(vault: Vault, connection: Connection[Row]) -> None:
    reference = uuid4()
    await vault.put(reference, ADA, SECRETS)
    assert missing_objects(connection, [str(reference), str(uuid4())]) == 1

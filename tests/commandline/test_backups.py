"""Backup of a running installation, restore, and upgrade, as an operator runs them."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import httpx2
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from streams.postgres.accounts import server_account
from streams.postgres.data_directory import major_of, says_ready
from streams.postgres.formats import carry_format
from streams.postgres.installation import WrongInstallation
from streams.postgres.objects import ObjectMissing, Owner
from streams.postgres.programs import program, run, spawn
from streams.postgres.run_directory import RunDirectory
from tests.commandline.test_operations import fails
from tests.databases import as_superuser
from tests.faults.product import CLI, Product
from tests.streams.postgres.server_users import await_, used
from tests.upgrade.packing import DATA, EMBEDDED, unpack

API = "/communication/api/communication"
USERS = range(1, 5)
NAMES = "select subject, destroyed_at is null from headwater.subject_keys order by 1"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A running installation that knows some people, one of whom is erased."""
    running = Product(tmp_path_factory.mktemp("kept") / "data")
    running.start()
    headers = {"Authorization": f"Bearer {running.token()}"}
    for user in USERS:
        consent = {"user_id": user, "email": f"user{user}@example.com"}
        assert httpx2.post(f"{running.url}{API}/consent/email", json=consent, headers=headers).status_code == 200
        asyncio.run(put_file(running, user))
    running.run("erase", "communication:1")
    yield running
    running.stop()


async def put_file(product: Product, user: int) -> None:
    """Store a file of this person's, under an id that is known."""

    async def words() -> AsyncIterator[bytes]:
        yield f"words of {user}".encode()

    owner = Owner("communication", str(user), f"communication:{user}")
    await product.objects().put(owner, words(), 100, UUID(int=user))


async def files(product: Product) -> dict[int, bytes]:
    """The files of all who have one, in an installation whose database runs."""
    found: dict[int, bytes] = {}
    for user in USERS:
        with suppress(ObjectMissing):
            found[user] = await product.objects().read(UUID(int=user), 100)
    return found


@pytest.fixture(scope="module")
def backup(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of it, after which another person is erased."""
    into = tmp_path_factory.mktemp("backups") / "monday"
    said = product.run("backup", str(into))
    assert "every checksum holds" in said
    product.run("erase", "communication:2")
    (into.parent / "erased.jsonl").write_text(product.run("audit", "erased"))
    return into


def alive(data: Path) -> dict[str, bool]:
    """The people of an installation that does not run, and whether their key is there."""
    with used(data / "postgres") as dsn, psycopg.connect(dsn) as connection:
        return dict(connection.execute(NAMES).fetchall())


def test_a_backup_of_a_running_installation_is_restored_and_serves(backup: Path, tmp_path: Path) -> None:
    restored = Product(tmp_path / "data")
    said = restored.run("restore", str(backup), "--erased", str(backup.parent / "erased.jsonl"))
    assert "whole" in said
    assert "1 subjects erased again" in said
    assert alive(restored.data) == {f"communication:{user}": user > 2 for user in USERS}
    assert not list(restored.data.glob("postgres.restored*"))
    restored.start()
    headers = {"Authorization": f"Bearer {restored.token()}"}
    found = httpx2.get(f"{restored.url}{API}/preferences/3", headers=headers)
    assert found.status_code == 200
    assert asyncio.run(files(restored)) == {3: b"words of 3", 4: b"words of 4"}
    restored.stop()


def test_what_is_in_a_backup_is_its_owners_alone(backup: Path, product: Product) -> None:
    assert stat.S_IMODE(backup.stat().st_mode) == 0o700
    keys = {path.name: path.read_bytes() for path in (backup / "keys").iterdir()}
    assert keys == {path.name: path.read_bytes() for path in product.data.glob("*.key")}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (backup / "keys").iterdir()} == {0o600}
    assert [json.loads(line)["subject"] for line in (backup / "erased.jsonl").read_text().splitlines()] == [
        "communication:1"
    ]


def test_an_exported_log_serves_as_the_list_of_erased_persons(product: Product, backup: Path, tmp_path: Path) -> None:
    product.run("audit", "export", str(tmp_path / "export"))
    restored = Product(tmp_path / "data")
    assert "1 subjects erased again" in restored.run("restore", str(backup), "--erased", str(tmp_path / "export"))


def test_a_restore_that_was_killed_is_begun_again(backup: Path, tmp_path: Path) -> None:
    """What it works on takes its place only when all is done."""
    restored = Product(tmp_path / "data")
    left = restored.data / "postgres.restored"
    left.mkdir(parents=True)
    (left / "PG_VERSION").write_text("18")
    restored.run("restore", str(backup))
    assert alive(restored.data)["communication:2"] is True


@pytest.mark.parametrize("damaged", ["postgres/PG_VERSION", "postgres/global/pg_control"])
def test_a_damaged_backup_is_not_restored(
    backup: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damaged: str
) -> None:
    shutil.copytree(backup, tmp_path / "backup")
    with (tmp_path / "backup" / damaged).open("r+b") as file:
        file.write(b"7")
    restored = Product(tmp_path / "data")
    assert Path(damaged).name in fails(restored, capsys, "restore", str(tmp_path / "backup"))
    assert not (restored.data / "postgres").exists()


def test_what_cannot_be_backed_up_or_restored_is_said_in_a_sentence(
    product: Product, backup: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = Product(tmp_path / "data")
    assert "exists already: a backup makes a directory of its own" in fails(product, capsys, "backup", str(backup))
    assert "there is no installation" in fails(empty, capsys, "backup", str(tmp_path / "new"))
    assert "exists already: a backup is restored into a new" in fails(product, capsys, "restore", str(backup))
    assert "is no backup" in fails(empty, capsys, "restore", str(tmp_path))
    assert "there is no nothing" in fails(empty, capsys, "restore", str(backup), "--erased", "nothing")
    (tmp_path / "list").write_text("[]\n")
    assert "neither an erased subject" in fails(
        empty, capsys, "restore", str(backup), "--erased", str(tmp_path / "list")
    )
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "master.key").write_text("0" * 64)
    assert "is another secret than the backup's" in fails(empty, capsys, "restore", str(backup))


def test_a_postgresql_of_ones_own_is_backed_up_and_restored(
    product: Product, tmp_path: Path, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The running product's own server stands for it; as a password is in the DSN it is on no command line."""
    with used(product.data / "postgres") as dsn:
        own = Product(product.data, HEADWATER_POSTGRES=make_conninfo(dsn, password="unseen"))
        own.run("backup", str(tmp_path / "backup"))
    assert (tmp_path / "backup" / "database.dump").exists()
    restored = Product(tmp_path / "data", HEADWATER_POSTGRES=database)
    assert "whole" in restored.run("restore", str(tmp_path / "backup"))
    assert "has the schema headwater already" in fails(restored, capsys, "restore", str(tmp_path / "backup"))
    assert "whole" in restored.run("audit", "verify")
    embedded = Product(tmp_path / "other")
    assert "name an empty database with HEADWATER_POSTGRES" in fails(
        embedded, capsys, "restore", str(tmp_path / "backup")
    )


def test_a_backup_on_kafka_says_what_is_out_of_its_reach(product: Product, tmp_path: Path, database: str) -> None:
    with used(product.data / "postgres") as dsn:
        Product(product.data, HEADWATER_POSTGRES=dsn).run("backup", str(tmp_path / "first"))
    on_kafka = Product(tmp_path / "data", HEADWATER_POSTGRES=database)
    on_kafka.run("restore", str(tmp_path / "first"))
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("update headwater.installation set log = 'kafka'")
    assert "not in it: records in Kafka that were not projected" in on_kafka.run("backup", str(tmp_path / "second"))
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("drop schema headwater, read_models cascade")
    assert "next: the projectors alone" in on_kafka.run("restore", str(tmp_path / "second"))


def test_an_upgrade_says_when_there_is_nothing_to_do(
    product: Product, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "nothing else is to be done: the tables have format 1" in product.run("upgrade")
    assert "there is no installation" in fails(Product(tmp_path / "data"), capsys, "upgrade")


def test_tables_are_carried_from_format_to_format(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create schema headwater; create table headwater.installation as select 1 as format")
        steps = {1: "alter table headwater.installation add column more int", 2: "select 1"}
        assert carry_format(connection, 3, steps) == (1, 3)
        assert carry_format(connection, 3, steps) == (3, 3)
        assert connection.execute("select format, more from headwater.installation").fetchall() == [(3, None)]
        with pytest.raises(WrongInstallation, match="this program knows 2"):
            carry_format(connection, 2, steps)
        with pytest.raises(WrongInstallation, match="no step leads from format 3 to 4"):
            carry_format(connection, 4, steps)


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installation that release 0.1 left, in a database of PostgreSQL 16, as the wheel made them."""
    kept = unpack(DATA / f"{EMBEDDED}.tar.xz", tmp_path_factory.mktemp("older"))
    with used(kept / "postgres") as dsn:
        superuser = as_superuser(dsn)
        dump = tmp_path_factory.mktemp("dump") / "all.sql"
        subprocess.run([program("pg_dump"), "--no-owner", "--no-acl", "-f", dump, superuser], check=True)
    shutil.rmtree(kept / "postgres")
    _as_16(kept / "postgres", dump)
    return kept


def _as_16(directory: Path, dump: Path) -> None:
    directory.mkdir(mode=0o700)
    account = server_account(directory)
    os.chown(directory, account.uid, account.gid)
    arguments = ["--auth=trust", "--encoding=utf8", "-U", "postgres", "-D", str(directory)]
    run(account, program("initdb", 16), arguments, [directory.parent])
    sockets = RunDirectory(directory).socket_directory(account)
    line = ["-D", str(directory), "-c", "listen_addresses=", "-k", str(sockets)]
    with spawn(account, program("postgres", 16), line, subprocess.DEVNULL, [directory.parent]) as server:
        await_(lambda: says_ready(directory), "PostgreSQL 16 does not start")
        readable = "\n".join(line for line in dump.read_text().splitlines() if "transaction_timeout" not in line)
        psql = ["-h", str(sockets), "-U", "postgres", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "--quiet"]
        loaded = subprocess.run([program("psql"), *psql], input=readable, capture_output=True, text=True, check=False)
        server.kill()
    assert loaded.returncode == 0, loaded.stderr


def refused(product: Product, *arguments: str) -> str:
    """What a command says that must fail, as a process of its own: this one would go on using the server."""
    done = subprocess.run(
        [*CLI, *arguments], env=product.environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 1, done.stdout
    return " ".join(done.stderr.split())


def test_a_database_of_an_older_postgresql_is_upgraded_and_kept(older: Path) -> None:
    """It was killed, too."""
    product = Product(older)
    assert "16, and this program runs PostgreSQL 18: headwater upgrade" in refused(product, "status")
    assert "PostgreSQL 16 to 18; the old data is kept in postgres.of-16" in product.run("upgrade")
    assert major_of(older / "postgres") == "18"
    assert major_of(older / "postgres.of-16") == "16"
    assert "whole" in product.run("audit", "verify")
    assert "nothing else is to be done" in product.run("upgrade")


def test_an_upgrade_that_was_killed_between_its_renames_goes_on(older: Path) -> None:
    product = Product(older)
    (older / "postgres").rename(older / "postgres.draft")
    assert "was interrupted: headwater upgrade goes on" in refused(product, "status")
    product.run("upgrade")
    assert "whole" in product.run("audit", "verify")

"""Commands on a server whose disk is full."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from streams.core.gateway import Unavailable, envelop
from tests.contract.runtimes import PARTITIONS, START, embedded
from tests.contract.shelf import OpenJar
from tests.databases import server

SIZE = "48m"
PAGE = 8192


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of its own, small enough to be filled."""
    directory = Path(tempfile.mkdtemp(prefix="headwater-disk-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "tmpfs", directory], check=False)
    if mounted.returncode != 0:
        directory.rmdir()
        pytest.skip("a small disk can only be made by somebody who may mount one")
    yield directory
    subprocess.run(["umount", "--lazy", directory], check=True)
    directory.rmdir()


@pytest.fixture
def database_on_small_disk(small_disk: Path) -> Iterator[str]:
    """A database whose tables are on the small disk; the write-ahead log is not."""
    tables = small_disk / "tables"
    tables.mkdir()
    with psycopg.connect(server(), autocommit=True) as connection:
        ((directory,),) = connection.execute("show data_directory").fetchall()
        owner = Path(directory).stat()
        os.chown(tables, owner.st_uid, owner.st_gid)
        connection.execute(f"create tablespace small location '{tables}'".encode())
        connection.execute("create database small tablespace small")
        yield make_conninfo(server(), dbname="small")
        connection.execute("drop database small with (force)")
        connection.execute("drop tablespace small")


def fill(disk: Path) -> Path:
    """Takes all the room there is; gives the file that does."""
    ballast = disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(PAGE)):
            pass
    return ballast


@pytest.mark.faults
async def test_a_full_disk_turns_commands_away_loses_nothing_and_goes_on_by_itself(
    database_on_small_disk: str, small_disk: Path
) -> None:
    acknowledged: list[UUID] = []
    turned_away: list[UUID] = []
    stop = asyncio.Event()

    async with embedded(database_on_small_disk) as shelf:

        async def client() -> None:
            while not stop.is_set():
                id_ = uuid4()
                opening = OpenJar(at=START, jar=str(id_), owner="ada", note="plums" * 200)
                try:
                    await shelf.runtime.gateway.submit(envelop(opening, "shelf", PARTITIONS, "test", id_), 0.5)
                except Unavailable:
                    turned_away.append(id_)
                else:
                    acknowledged.append(id_)

        clients = [asyncio.create_task(client()) for _ in range(8)]
        await grows(acknowledged, 50)
        ballast = fill(small_disk)
        await grows(turned_away, 16)
        assert len(await shelf.journal()) >= len(acknowledged)
        ballast.unlink()
        await grows(acknowledged, 50)
        stop.set()
        await asyncio.gather(*clients)
        opened = Counter(r.command_id for r in await shelf.journal() if r.name == "shelf.jar.opened.v1")
        assert set(acknowledged) <= set(opened)
        assert set(opened.values()) == {1}
        assert set(await shelf.rows("shelf_jars")) == {str(id_) for id_ in opened}


async def grows(among: list[UUID], by: int) -> None:
    wanted = len(among) + by
    async with asyncio.timeout(60):
        while len(among) < wanted:
            await asyncio.sleep(0.005)

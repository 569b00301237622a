"""The events of a stream, read from the journal by a process that has written none of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from psycopg import AsyncConnection

from projections.stream_events import events_of, stream_heads
from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.read_models import Row
from streams.core.wiring import EraseSubject, names_of
from streams.postgres.database import connect
from tests.contract.runtimes import START, Embedded, do, embedded, fill, open_jar
from tests.contract.shelf import SHELF, JarFilled, JarOpened

NOTE = "for my aunt Agatha"
OPENED = JarOpened(at=START, jar="plums", owner="ada", note=NOTE)
FILLED = [JarFilled(at=START, jar="plums", grams=grams) for grams in (1, 2)]


@pytest.fixture
async def shelf(database: str) -> AsyncIterator[Embedded]:
    """A jar with three events, and another."""
    async with embedded(database) as running:
        await do(running, open_jar(note=NOTE))
        for grams in (1, 2):
            await do(running, fill(grams))
        await do(running, open_jar("pears"))
        yield running


@pytest.fixture
async def connection(shelf: Embedded, database: str) -> AsyncIterator[AsyncConnection[Row]]:
    async with await connect(database) as found:
        yield found


def mapper() -> Mapper:
    """That of another process, which knows no key yet."""
    return Mapper(names_of([SHELF]), Keyring(bytes(32)))


async def test_a_stream_is_read_in_order_with_its_personal_values(connection: AsyncConnection[Row]) -> None:
    assert await events_of(connection, mapper(), "shelf", "jar/plums") == [OPENED, *FILLED]
    assert await events_of(connection, mapper(), "shelf", "jar/plums", after=1) == FILLED
    assert await events_of(connection, mapper(), "shelf", "jar/quinces") == []
    assert await events_of(connection, mapper(), "another", "jar/plums") == []


async def test_the_values_of_an_erased_person_are_gone_for_who_has_read_them_too(
    shelf: Embedded, connection: AsyncConnection[Row]
) -> None:
    reader = mapper()
    assert (await events_of(connection, reader, "shelf", "jar/plums"))[0] == OPENED
    await do(shelf, EraseSubject(at=START, partition_key="ada", erased="shelf:ada"))
    assert (await events_of(connection, reader, "shelf", "jar/plums"))[0] == OPENED.model_copy(update={"note": None})


async def test_heads_are_the_versions_of_the_streams_that_there_are(connection: AsyncConnection[Row]) -> None:
    heads = stream_heads("shelf")
    assert await heads(connection, {"jar/plums", "jar/pears", "jar/quinces"}) == {"jar/plums": 3, "jar/pears": 1}
    assert await heads(connection, set()) == {}
    assert await stream_heads("another")(connection, {"jar/plums"}) == {}

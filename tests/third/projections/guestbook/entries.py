"""One row per entry: its text, and whether its author was thanked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from domain.guestbook.entry import AuthorThanked, EntrySigned, ThanksFailed
from psycopg import AsyncConnection

from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, change, put


def project(event: Recorded[Any]) -> Iterator[Change]:
    match event.fact:
        case EntrySigned() as signed:
            yield put(
                signed.entry_id, author=signed.author, text=signed.text, phone_number=signed.phone_number, at=signed.at
            )
        case AuthorThanked() as thanked:
            yield change(thanked.entry_id, thanked=True)
        case ThanksFailed() as failed:
            yield change(failed.entry_id, thanked=False)


ENTRIES = ReadModel(
    "guestbook_entries",
    version=1,
    key=("entry_id",),
    project=project,
    subject="author",
    personal=("phone_number",),
    ddl="""
    create table {table} (
        entry_id        uuid primary key,
        author          text not null,
        text            text not null,
        phone_number    text,
        thanked         boolean,
        at              timestamptz not null
    );
    create index on {table} (at desc);
""",
)


class EntryRow(NamedTuple):
    """An entry; `thanked` is None until that is known."""

    entry_id: UUID
    author: str
    text: str
    thanked: bool | None
    at: datetime


async def latest(connection: AsyncConnection[Row], limit: int) -> list[EntryRow]:
    """The latest entries, the newest first."""
    sql = f"select {', '.join(EntryRow._fields)} from guestbook_entries order by at desc, entry_id limit %s"
    return [EntryRow(*row) for row in await (await connection.execute(sql, (limit,))).fetchall()]

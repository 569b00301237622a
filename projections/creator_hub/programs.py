"""One row per program: its working copy, and what is published of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, assert_never

from psycopg import AsyncConnection
from pydantic import JsonValue

from domain.creator_hub.events import CreatorHubEvent
from domain.creator_hub.program import (
    EMPTY_FLOW,
    ProgramArchived,
    ProgramCreated,
    ProgramEvent,
    ProgramPublished,
    ProgramStatus,
    ProgramUpdated,
)
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, change, put


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    match event.fact:
        case ProgramCreated() as fact:
            yield put(fact.program_id, **_created(fact))
        case ProgramUpdated() | ProgramPublished() | ProgramArchived() as fact:
            yield change(fact.program_id, **_changed(fact))


def _created(fact: ProgramCreated) -> dict[str, object]:
    return {
        "creator_id": fact.creator_id,
        "program_name": fact.program_name,
        "description": fact.description,
        "flow_definition": fact.flow_definition,
        "settings": fact.settings,
        "status": ProgramStatus.DRAFT.value,
        "program_version": 1,
        "created_at": fact.at,
        "updated_at": fact.at,
    }


def _changed(fact: ProgramEvent) -> dict[str, object]:
    match fact:
        case ProgramUpdated():
            parts = ("program_name", "description", "flow_definition", "settings")
            given = {part: value for part in parts if (value := getattr(fact, part)) is not None}
            return given | {"updated_at": fact.at}
        case ProgramPublished():
            now = {"status": ProgramStatus.PUBLISHED.value, "program_version": fact.version, "flow_id": fact.flow_id}
            return now | {"published_at": fact.at}
        case ProgramArchived():
            return {"status": ProgramStatus.ARCHIVED.value, "archived_at": fact.at}
        case ProgramCreated():
            return {}
        case _:
            assert_never(fact)


PROGRAMS = ReadModel(
    "creator_hub_programs",
    version=1,
    key=("program_id",),
    project=project,
    ddl="""
    create table {table} (
        program_id      text primary key,
        creator_id      text not null,
        program_name    text not null,
        description     text not null,
        flow_definition json not null,
        settings        json not null,
        status          text not null,
        program_version int not null,
        flow_id         text,
        created_at      timestamptz not null,
        updated_at      timestamptz not null,
        published_at    timestamptz,
        archived_at     timestamptz
    );
    create index on {table} (creator_id, created_at);
""",
)


class ProgramRow(NamedTuple):
    """A program as it is edited. `published_at` is the time of its last publication."""

    program_id: str
    program_name: str
    description: str
    flow_definition: dict[str, JsonValue]
    settings: dict[str, JsonValue]
    status: ProgramStatus
    program_version: int
    flow_id: str | None
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    archived_at: datetime | None


async def program_by_id(connection: AsyncConnection[Row], creator_id: str, program_id: str) -> ProgramRow | None:
    """The creator's program; None if there is none."""
    sql = f"select {', '.join(ProgramRow._fields)} from creator_hub_programs where program_id = %s and creator_id = %s"
    row = await (await connection.execute(sql, (program_id, creator_id))).fetchone()
    if row is None:
        return None
    found = ProgramRow(*row)
    flow = found.flow_definition or dict(EMPTY_FLOW)
    return found._replace(status=ProgramStatus(found.status), flow_definition=flow)

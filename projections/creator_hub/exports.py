"""One row per export of figures: what was asked for, its files, and what became of the mail."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple, assert_never

from psycopg import AsyncConnection

from domain.creator_hub.events import CreatorHubEvent
from domain.creator_hub.export import (
    EmailFailed,
    EmailUnconfirmed,
    ExportBuilt,
    ExportEmailed,
    ExportEvent,
    ExportFailed,
    ExportFile,
    ExportFormat,
    ExportPhase,
    ExportRequested,
    Metric,
    OfExport,
)
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, change, put


class MailStatus(StrEnum):
    SENT = "sent"
    UNCONFIRMED = "unconfirmed"
    FAILED = "failed"


def project(event: Recorded[CreatorHubEvent]) -> Iterator[Change]:
    match event.fact:
        case ExportRequested() as fact:
            yield put(fact.export_id, **_requested(fact))
        case OfExport() as fact:
            yield change(fact.export_id, **_columns(fact))


def _requested(fact: ExportRequested) -> dict[str, object]:
    return {
        "creator_id": fact.creator_id,
        "requested_by": fact.requested_by,
        "metrics": list(fact.metrics),
        "first_day": fact.first,
        "last_day": fact.last,
        "export_format": fact.export_format.value,
        "email": fact.email,
        "phase": ExportPhase.PROCESSING.value,
        "requested_at": fact.at,
    }


def _columns(fact: ExportEvent) -> dict[str, object]:
    match fact:
        case ExportBuilt():
            files = [one.model_dump(mode="json") for one in fact.files]
            done = {"phase": ExportPhase.COMPLETED.value, "built_at": fact.at}
            return done | {"files": files, "position": fact.position}
        case ExportFailed():
            return {"phase": ExportPhase.FAILED.value, "code": fact.code, "reason": fact.reason}
        case ExportEmailed():
            return {"mail": MailStatus.SENT.value}
        case EmailUnconfirmed():
            return {"mail": MailStatus.UNCONFIRMED.value, "reason": fact.reason}
        case EmailFailed():
            return {"mail": MailStatus.FAILED.value, "code": fact.code, "reason": fact.reason}
        case ExportRequested():
            return {}
        case _:
            assert_never(fact)


EXPORTS = ReadModel(
    "creator_hub_exports",
    version=1,
    key=("export_id",),
    project=project,
    subject="requested_by",
    personal=("email", "reason"),
    ddl="""
    create table {table} (
        export_id       text primary key,
        creator_id      text not null,
        requested_by    text not null,
        metrics         jsonb not null,
        first_day       date not null,
        last_day        date not null,
        export_format   text not null,
        email           text,
        phase           text not null,
        requested_at    timestamptz not null,
        built_at        timestamptz,
        files           jsonb not null default '[]',
        position        bigint,
        mail            text,
        code            text,
        reason          text
    );
""",
)


class ExportRow(NamedTuple):
    """An export. `mail` is None until the call has an answer, and where no address was given.

    `code` and `reason` say why it, or its mail, failed. `position` is the one up to which events are counted.
    """

    export_id: str
    metrics: list[Metric]
    first_day: date
    last_day: date
    export_format: ExportFormat
    email: str | None
    phase: ExportPhase
    requested_at: datetime
    built_at: datetime | None
    files: list[ExportFile]
    position: int | None
    mail: MailStatus | None
    code: str | None
    reason: str | None


async def export_by_id(connection: AsyncConnection[Row], creator_id: str, export_id: str) -> ExportRow | None:
    """The creator's export; None if there is none."""
    sql = f"select {', '.join(ExportRow._fields)} from creator_hub_exports where export_id = %s and creator_id = %s"
    row = await (await connection.execute(sql, (export_id, creator_id))).fetchone()
    if row is None:
        return None
    found = ExportRow(*row)
    return found._replace(
        metrics=[Metric(one) for one in found.metrics],
        export_format=ExportFormat(found.export_format),
        phase=ExportPhase(found.phase),
        files=[ExportFile.model_validate(one) for one in found.files],
        mail=found.mail and MailStatus(found.mail),
    )

"""Exports: one file a metric, read at one position, and the mail that carries them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from hashlib import sha256

import orjson
import psycopg
from psycopg import AsyncConnection
from psycopg_pool import PoolTimeout

from commands.creator_hub.effects import BuildExport, MailExport
from domain.calls.email import Attachment, Email
from domain.creator_hub.export import ExportFile, ExportFormat, Metric
from domain.creator_hub.kinds import derived_id
from effects.lookup import AWAY, BEHIND
from projections.creator_hub.channels import CHANNELS
from projections.creator_hub.daily import DAILY
from projections.creator_hub.daily_members import DAILY_MEMBERS
from projections.creator_hub.daily_programs import DAILY_PROGRAMS
from projections.creator_hub.enrollments import ENROLLMENTS
from projections.creator_hub.members import MEMBERS
from projections.creator_hub.queries.coverage import position_of
from projections.creator_hub.queries.detailed import Bucket, Segment, detailed
from streams.core.calls import Accepted, Connector, Rejected, Verdict
from streams.core.read_models import Row
from streams.postgres.objects import ObjectErased, Objects, Owner
from streams.postgres.reads import Reads

HEADING = ("metric", "date", "value", "segments")
SEGMENTS = {metric: Segment.PROGRAM if metric is Metric.PROGRAMS else Segment.CHANNEL for metric in Metric}
"""The segments that each file shows."""

MEDIA_TYPES = {ExportFormat.CSV: "text/csv", ExportFormat.JSON: "application/json"}
READ = (DAILY, DAILY_MEMBERS, DAILY_PROGRAMS, ENROLLMENTS, MEMBERS, CHANNELS)
"""The read models that the figures come from."""

SNAPSHOT = "set transaction isolation level repeatable read, read only"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula; a quotation mark in front makes it a text."""


class ExportBuilding:
    """Builds the files of one export. A repetition with the same figures finds the same objects."""

    provider = "export"
    idempotent = True

    def __init__(self, dsn: str, objects: Objects) -> None:
        self._reads = Reads(dsn, size=2)
        self._objects = objects

    async def __call__(self, effect: BuildExport, key: str) -> Verdict:
        try:
            await self._reads.open()
            async with self._reads.connection() as connection:
                position, figures = await self._read(connection, effect)
            if position is None:
                return BEHIND
            files = [await self._file(effect, metric, buckets) for metric, buckets in figures]
        except ObjectErased:
            return Rejected("erased", "the creator's data has been erased")
        except (psycopg.Error, PoolTimeout):
            return AWAY
        output = {"files": [one.model_dump(mode="json") for one in files], "position": position}
        return Accepted(effect.export_id, output)

    async def _read(
        self, connection: AsyncConnection[Row], effect: BuildExport
    ) -> tuple[int | None, list[tuple[Metric, list[Bucket]]]]:
        """The figures and their position, which is None while a read model stands still."""
        async with connection.transaction():
            await connection.execute(SNAPSHOT)
            position = await position_of(connection, effect.creator_id, READ)
            figures = [
                (
                    metric,
                    (
                        await detailed(
                            connection,
                            effect.creator_id,
                            metric,
                            effect.first,
                            effect.last,
                            segment=SEGMENTS[metric],
                        )
                    ).buckets,
                )
                for metric in effect.metrics
            ]
        return position, figures

    async def _file(self, effect: BuildExport, metric: Metric, buckets: Sequence[Bucket]) -> ExportFile:
        data = _ENCODERS[effect.export_format](metric, buckets)
        digest = sha256(data).hexdigest()
        id_ = derived_id("export", effect.export_id, metric, digest)
        owner = Owner("creator_hub", effect.creator_id, f"creator_hub:{effect.requested_by}")
        await self._objects.put_whole(owner, data, id_)
        name = f"{metric}.{effect.export_format}"
        return ExportFile(
            metric=metric, file_name=name, object_id=id_, sha256=digest, size=len(data), rows=len(buckets)
        )

    async def close(self) -> None:
        await self._reads.close()


def as_csv(metric: Metric, buckets: Sequence[Bucket]) -> bytes:
    """A file of rows by day, UTF-8 with a byte order mark, for spreadsheets. `segments` is a JSON object."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(HEADING)
    for one in buckets:
        segments = orjson.dumps(one.segments, option=orjson.OPT_SORT_KEYS).decode()
        writer.writerow([_text(str(metric)), one.day.isoformat(), one.value, _text(segments)])
    return b"\xef\xbb\xbf" + file.getvalue().encode()


def _text(value: str) -> str:
    return f"'{value}" if value.startswith(FORMULA_STARTS) else value


def as_json(metric: Metric, buckets: Sequence[Bucket]) -> bytes:
    """The same rows as a JSON list of objects."""
    rows = [
        {"metric": metric.value, "date": one.day.isoformat(), "value": one.value, "segments": one.segments}
        for one in buckets
    ]
    return orjson.dumps(rows, option=orjson.OPT_INDENT_2)


_ENCODERS = {ExportFormat.CSV: as_csv, ExportFormat.JSON: as_json}


class ExportMailing:
    """Mails the files of an export. `mail` loads the bytes of attachments from their objects."""

    def __init__(self, mail: Connector[Email]) -> None:
        self._mail = mail
        self.provider = mail.provider
        self.idempotent = mail.idempotent

    async def __call__(self, effect: MailExport, key: str) -> Verdict:
        names = ", ".join(name for name, _ in effect.files)
        return await self._mail(
            Email(
                context="creator_hub",
                recipient_id=effect.requested_by,
                reference=effect.export_id,
                to=effect.email,
                subject_line="Your export is ready",
                text=f"The figures that you asked for are attached: {names}.\n",
                attachments=tuple(_attachment(name, object_id) for name, object_id in effect.files),
            ),
            key,
        )

    async def close(self) -> None:
        await self._mail.close()


def _attachment(name: str, object_id: str) -> Attachment:
    format_ = ExportFormat(name.rpartition(".")[2])
    return Attachment(name=name, media_type=MEDIA_TYPES[format_], object_id=object_id)

"""The files of an export: the figures of the products' own query, for spreadsheets and for programs."""

from __future__ import annotations

import asyncio
import csv
import io
from datetime import date
from typing import Any

import orjson

from commands.creator_hub.effects import BuildExport, MailExport
from domain.calls.email import Email
from domain.creator_hub.export import ExportFormat, Metric
from domain.creator_hub.kinds import ChannelType
from effects.creator_hub.exports import HEADING, ExportBuilding, ExportMailing
from streams.core.calls import Accepted, Verdict
from tests.effects.creator_hub.conftest import Installed
from tests.projections.creator_hub.histories import CREATOR, NOW, World

DAY = NOW.date()


def build(installed: Installed, form: ExportFormat, *metrics: Metric) -> dict[str, Any]:
    effect = BuildExport(
        creator_id=CREATOR,
        requested_by=CREATOR,
        export_id="00000000-0000-0000-0000-000000000001",
        metrics=metrics,
        first=date(DAY.year, DAY.month, 1),
        last=date(DAY.year, DAY.month, 31),
        export_format=form,
    )

    async def run() -> Verdict:
        building = ExportBuilding(installed.dsn, installed.objects)
        try:
            return await building(effect, "key")
        finally:
            await building.close()

    verdict = asyncio.run(run())
    assert isinstance(verdict, Accepted)
    return dict(verdict.output or {})


def content(installed: Installed, file: dict[str, Any]) -> bytes:
    return asyncio.run(installed.objects.read(file["object_id"], 10_000_000))


def told(installed: Installed) -> None:
    """Two members of one creator on two days."""
    world = World()
    web = world.channel(CREATOR, ChannelType.WEB)
    world.receive(world.register(CREATOR, "ana", web, ChannelType.WEB))
    world.wait(days=1)
    world.receive(world.register(CREATOR, "bea", web, ChannelType.WEB))
    installed.tables.apply(world.history)


def test_a_csv_has_a_row_a_day_and_opens_in_a_spreadsheet(installed: Installed) -> None:
    told(installed)
    output = build(installed, ExportFormat.CSV, Metric.USERS, Metric.INTERACTIONS)
    users, interactions = output["files"]
    assert (users["file_name"], interactions["file_name"]) == ("users.csv", "interactions.csv")
    data = content(installed, users)
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    assert tuple(rows[0]) == HEADING
    assert len(rows) == 1 + 31 == 1 + users["rows"]
    by_day = {row[1]: (row[0], row[2], orjson.loads(row[3])) for row in rows[1:]}
    assert by_day[DAY.isoformat()] == ("users", "1", {"web": 1})
    assert len(data) == users["size"]


def test_a_json_file_has_the_same_rows(installed: Installed) -> None:
    told(installed)
    (file,) = build(installed, ExportFormat.JSON, Metric.INTERACTIONS)["files"]
    rows = orjson.loads(content(installed, file))
    assert sum(row["value"] for row in rows) == 2
    assert rows[0].keys() == {"metric", "date", "value", "segments"}


def test_the_same_figures_are_the_same_objects(installed: Installed) -> None:
    told(installed)
    assert build(installed, ExportFormat.CSV, Metric.USERS) == build(installed, ExportFormat.CSV, Metric.USERS)


def test_a_mail_names_its_files_as_attachments() -> None:
    mails: list[Email] = []

    class Mail:
        provider = "mail"
        idempotent = False

        async def __call__(self, effect: Email, key: str) -> Verdict:
            mails.append(effect)
            return Accepted("mail-1")

        async def close(self) -> None:
            pass

    effect = MailExport(
        creator_id=CREATOR, requested_by=CREATOR, export_id="e", email="a@example.com", files=(("users.csv", "o-1"),)
    )
    assert asyncio.run(ExportMailing(Mail())(effect, "key")) == Accepted("mail-1")
    (mail,) = mails
    assert [(one.name, one.media_type, one.object_id) for one in mail.attachments] == [("users.csv", "text/csv", "o-1")]
    assert mail.to == "a@example.com"

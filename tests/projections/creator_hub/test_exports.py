"""Exports, and how far read models are."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.creator_hub.export import (
    EmailFailed,
    EmailUnconfirmed,
    ExportBuilt,
    ExportEmailed,
    ExportFailed,
    ExportFile,
    ExportPhase,
    ExportRequested,
    Metric,
)
from projections.creator_hub import READ_MODELS
from projections.creator_hub.exports import ExportRow, MailStatus, export_by_id
from projections.creator_hub.queries.coverage import position_of
from streams.core.partitions import partition_of
from tests.projections.creator_hub.histories import CREATOR, NOW, OTHER, World
from tests.projections.tables import PARTITIONS, Tables

EXPORT = "export"
CREATOR_IN_PERSON = "the creator, as a person"
OF = {"export_id": EXPORT, "requested_by": CREATOR_IN_PERSON}
FILE = ExportFile(metric=Metric.USERS, file_name="users.csv", object_id="o", sha256="h", size=9, rows=1)


@pytest.fixture
def world() -> World:
    world = World()
    asked: dict[str, Any] = {"metrics": (Metric.USERS, Metric.PROGRAMS), "export_format": "csv", "email": "ana@x.org"}
    world.record(ExportRequested, CREATOR, **OF, first=date(2026, 1, 1), last=date(2026, 1, 5), **asked)
    return world


def found(tables: Tables, world: World) -> ExportRow:
    tables.clear()
    tables.apply(world.history)
    export = tables.ask(export_by_id, CREATOR, EXPORT)
    assert export is not None
    return export


def test_an_export_shows_what_was_asked_for_and_its_files(tables: Tables, world: World) -> None:
    asked = found(tables, world)
    assert (asked.phase, asked.metrics, asked.email) == (
        ExportPhase.PROCESSING,
        [Metric.USERS, Metric.PROGRAMS],
        "ana@x.org",
    )
    assert (asked.first_day, asked.last_day, asked.requested_at) == (date(2026, 1, 1), date(2026, 1, 5), NOW)
    assert (asked.files, asked.mail) == ([], None)
    world.wait(minutes=1)
    world.record(ExportBuilt, CREATOR, **OF, files=(FILE,), position=7, email="ana@x.org")
    built = found(tables, world)
    assert (built.phase, built.files, built.position) == (ExportPhase.COMPLETED, [FILE], 7)
    assert built.built_at == world.now
    world.record(ExportEmailed, CREATOR, **OF, provider_id="p")
    assert found(tables, world).mail is MailStatus.SENT
    assert tables.ask(export_by_id, OTHER, EXPORT) is None


def test_an_export_says_what_failed(tables: Tables, world: World) -> None:
    world.record(ExportBuilt, CREATOR, **OF, files=(FILE,), position=7, email="ana@x.org")
    world.record(EmailUnconfirmed, CREATOR, **OF, reason="no answer")
    lost = found(tables, world)
    assert (lost.phase, lost.mail, lost.reason) == (ExportPhase.COMPLETED, MailStatus.UNCONFIRMED, "no answer")
    world.record(EmailFailed, CREATOR, **OF, code="refused", reason="no such box")
    refused = found(tables, world)
    assert (refused.phase, refused.mail, refused.code) == (ExportPhase.COMPLETED, MailStatus.FAILED, "refused")
    world.record(ExportFailed, CREATOR, **OF, code="too_large", reason="too many rows")
    failed = found(tables, world)
    assert (failed.phase, failed.code, failed.reason) == (ExportPhase.FAILED, "too_large", "too many rows")


def test_no_address_of_an_erased_creator_is_left(tables: Tables, world: World) -> None:
    tables.apply(world.history)
    tables.erase(f"creator_hub:{CREATOR_IN_PERSON}")
    assert "ana@x.org" not in str(tables.rows())


def test_the_position_is_the_lowest_of_the_creators_partition(tables: Tables) -> None:
    models, partition = READ_MODELS[:3], partition_of(CREATOR, PARTITIONS)
    moved = """
        update headwater.projection_checkpoints c set sequence = %s
          from headwater.projections p where p.table_name = c.table_name and p.name = any(%s) and c.partition = %s
    """
    tables.run(moved, (9, [model.name for model in models], partition))
    tables.run(moved, (5, [models[0].name], partition))
    tables.run(moved, (1, [model.name for model in models], (partition + 1) % PARTITIONS))
    assert tables.ask(position_of, CREATOR, models) == 5
    halted = "update headwater.projections set halted_at = %s where name = %s"
    tables.run(halted, ("creator_hub/0/6", models[1].name))
    assert tables.ask(position_of, CREATOR, models) is None
    tables.run(halted, (None, models[1].name))

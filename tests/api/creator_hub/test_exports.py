"""Exports: built behind the request, fetched whole or by metric, with what was asked for."""

from __future__ import annotations

import csv
import io
from uuid import uuid4
from zipfile import ZipFile

import pytest

from tests.api.creator_hub.creator import Creator

BODY = {"metrics": ["users", "interactions"], "start_date": "2026-01-01", "end_date": "2026-01-31", "format": "csv"}


@pytest.fixture
def exported(creator: Creator) -> str:
    """The id of an export that is built."""
    creator.visitor(creator.channel()).write("Hello")
    id_ = creator.ok("POST", "/analytics/export", BODY)["export_id"]
    creator.product.settle()
    return str(id_)


def test_an_export_is_a_zip_of_one_file_a_metric(creator: Creator, exported: str) -> None:
    found = creator.ok("GET", f"/analytics/export/{exported}")
    assert (found["status"], found["mail"]) == ("completed", None)
    assert [one["metric"] for one in found["files"]] == ["users", "interactions"]
    answer = creator.ask("GET", f"/analytics/export/{exported}/download")
    assert answer.headers["content-type"] == "application/zip"
    with ZipFile(io.BytesIO(answer.content)) as archive:
        names = archive.namelist()
        rows = list(csv.reader(io.StringIO(archive.read(names[0]).decode("utf-8-sig"))))
    assert names == [one["file_name"] for one in found["files"]]
    assert rows[0] == ["metric", "date", "value", "segments"]
    assert len(rows) == 32


def test_one_file_is_fetched_by_its_metric(creator: Creator, exported: str) -> None:
    path = f"/analytics/export/{exported}/download?metric="
    answer = creator.ask("GET", f"{path}users")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    creator.refused(404, "GET", f"{path}channels")
    creator.refused(422, "GET", f"{path}money")


def test_a_repeated_request_is_the_same_export(creator: Creator) -> None:
    key = str(uuid4())
    answers = [creator.ask("POST", "/analytics/export", BODY, Idempotency_Key=key) for _ in range(2)]
    assert [one.status_code for one in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["status"] == "processing"
    creator.product.settle()

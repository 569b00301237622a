"""List of the erased subjects: read from the log, and from the files that a restore is given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from psycopg import Connection

from streams.core.read_models import Row
from streams.core.wiring import SubjectErased

ERASED = """
    select convert_from(data, 'UTF8')::json ->> 'erased', min(at) from headwater.journal
     where name = %s group by 1 order by 2, 1
"""

LISTS = (".jsonl", ".ndjson")


class NotAList(Exception):
    """The file is no list of erased subjects, and no exported log; the text says where."""


class Erased(NamedTuple):
    """A subject (`context:id`), and when they were erased first."""

    subject: str
    at: datetime


def erased_subjects(connection: Connection[Row]) -> list[Erased]:
    """Every subject whose erasure the log records, the earliest first."""
    rows = connection.execute(ERASED, (SubjectErased.name,)).fetchall()
    return [Erased(subject, at) for subject, at in rows]


def write_list(path: Path, erased: list[Erased]) -> None:
    """Write a list as JSON lines, `{"subject": …, "at": …}`."""
    path.write_bytes(b"".join(orjson.dumps(one._asdict()) + b"\n" for one in erased))


def subjects_in(path: Path) -> list[str]:
    """The erased subjects in a list, or in the records of an exported log: a file, or a directory of files.

    Raises NotAList or FileNotFoundError.
    """
    files = sorted(found for found in path.iterdir() if found.suffix in LISTS) if path.is_dir() else [path]
    return list(dict.fromkeys(subject for file in files for subject in _subjects(file)))


def _subjects(file: Path) -> Iterator[str]:
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        try:
            subject = _subject(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise NotAList(f"{file}, line {number}: neither an erased subject nor a record of the log") from error
        if subject is not None:
            yield subject


def _subject(line: Any) -> str | None:
    """A record of the log has a name and its data as JSON text; an entry of a list has neither."""
    if "name" not in line:
        return str(line["subject"])
    return str(json.loads(line["data"])["erased"]) if line["name"] == SubjectErased.name else None

"""List of the erased subjects, read from the log and from the files that a restore is given; what the log keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from psycopg import Connection

from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.names import Names
from streams.core.partitions import partition_of
from streams.core.read_models import Row
from streams.core.wiring import SubjectErased

PARTITIONS = "select count(*)::int from headwater.partitions where context = %s"

ERASED = """
    select convert_from(data, 'UTF8')::json ->> 'erased', min(at) from headwater.journal
     where name = %s group by 1 order by 2, 1
"""

ABOUT = """
    select name, data from headwater.journal where subject = %(subject)s and name = any(%(names)s)
     union all
    select name, data from headwater.journal
     where subject is null and context = %(context)s and partition = %(partition)s and key = %(key)s
       and name = any(%(names)s)
"""
"""Records about a subject. Those of releases that noted none are found by the person's own partition key."""

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


class PlainCopies(NamedTuple):
    """Values about an erased subject that records of earlier releases hold in clear: records, and names of fields."""

    records: int
    fields: list[str]


def plain_copies(connection: Connection[Row], names: Names, subject: str) -> PlainCopies:
    """What the log keeps in clear about a subject: fields that were not personal when the records were written."""
    context, _, id_ = subject.partition(":")
    ((partitions,),) = connection.execute(PARTITIONS, (context,)).fetchall()
    about = {"subject": subject, "context": context, "key": id_, "names": list(names.with_personal_fields)}
    rows = connection.execute(ABOUT, about | {"partition": partition_of(id_, partitions)}).fetchall()
    mapper = Mapper(names, Keyring(bytes(32)))
    found = [fields for name, data in rows if (fields := mapper.plain_fields(name, data))]
    return PlainCopies(len(found), sorted({field for fields in found for field in fields}))


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

"""Read models as data: tables, projections of events to row changes, and the merge of changes to the same row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from streams.core.envelope import Recorded


class Put(NamedTuple):
    """Insert the row, or replace these columns of it."""

    key: tuple[Any, ...]
    columns: dict[str, Any]


class Set(NamedTuple):
    """Replace these columns of a row that exists; nothing happens when it does not."""

    key: tuple[Any, ...]
    columns: dict[str, Any]


class Add(NamedTuple):
    """Add these numbers to the row's columns; a missing row starts at zero."""

    key: tuple[Any, ...]
    columns: dict[str, Any]


class Delete(NamedTuple):
    """Remove the row."""

    key: tuple[Any, ...]


Row = tuple[Any, ...]
"""Row of a query's result, its columns in the order of the select list."""

Change = Put | Set | Add | Delete
Project = Callable[[Recorded[Any]], Iterator[Change]]


def put(*key: Any, **columns: Any) -> Put:
    """Insert the row with this key, or replace these columns of it."""
    return Put(key, columns)


def change(*key: Any, **columns: Any) -> Set:
    """Replace these columns of the row with this key, if there is one."""
    return Set(key, columns)


def add(*key: Any, **columns: Any) -> Add:
    """Add these numbers to the row with this key, made with zeros if missing."""
    return Add(key, columns)


def delete(*key: Any) -> Delete:
    """Remove the row with this key."""
    return Delete(key)


@dataclass(frozen=True, slots=True)
class ReadModel:
    """Table maintained by one pure function. `ddl` creates it under `{table}`; queries see it under `name`.

    `subject` and `personal` name the columns that identify a person (`id` part of the subject) and that hold values
    about them: they are set to null when the person is erased. `extensions` are those of PostgreSQL that the DDL needs.
    """

    name: str
    version: int
    key: tuple[str, ...]
    ddl: str
    project: Project
    subject: str | None = None
    personal: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()


class RowChange(NamedTuple):
    """Net change of one row by a batch. `kind` is the change to make; `columns` holds the last value of each."""

    kind: type[Change]
    columns: dict[str, Any]


def fold(changes: Iterable[Change]) -> list[dict[tuple[Any, ...], RowChange]]:
    """Merge a batch's changes into steps; within one step every key occurs once, and steps apply in order.

    Puts and sets to the same row merge, adds sum up; only a mixture that cannot be merged opens a new step.
    """
    steps: list[dict[tuple[Any, ...], RowChange]] = [{}]
    places: dict[tuple[Any, ...], int] = {}
    for one in changes:
        place = places.get(one.key, 0)
        merged = _merged(steps[place].get(one.key), one)
        if merged is None:
            place += 1
            if place == len(steps):
                steps.append({})
            merged = _merged(None, one)
            assert merged is not None
        places[one.key] = place
        steps[place][one.key] = merged
    return steps


def _merged(row: RowChange | None, one: Change) -> RowChange | None:
    if isinstance(one, Delete):
        return RowChange(Delete, {})
    if row is None:
        return RowChange(type(one), dict(one.columns))
    if row.kind is Add and type(one) is Add:
        return RowChange(Add, _summed(row.columns, one.columns))
    if row.kind is Put and type(one) is Add:
        return RowChange(Put, _summed(row.columns, one.columns)) if one.columns.keys() <= row.columns.keys() else None
    if row.kind in (Put, Set) and type(one) in (Put, Set):
        return _replaced(row, one)
    return None


def _replaced(row: RowChange, one: Put | Set | Add) -> RowChange | None:
    if row.kind is Set and type(one) is Put:
        return None
    return RowChange(row.kind, row.columns | one.columns)


def _summed(columns: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    return columns | {name: columns.get(name, 0) + number for name, number in more.items()}

"""The objects that recorded events name, by the marked types of `domain.messages`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, NamedTuple, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel

from domain.messages import Event, ObjectMarker
from streams.core.envelope import Recorded

Leaf = tuple[Any, Sequence[Any]]
"""A type that an annotation is put together from, with its marks."""


class NamedObject(NamedTuple):
    """An object that an event names, with the context, partition key and subject of the event."""

    context: str
    key: str
    subject: str | None
    id: str


class MarkedField(NamedTuple):
    """A field in which a marked id may stand: in its own texts, if `own`, or only in models below it."""

    name: str
    own: bool


def objects_in(recorded: Iterable[Recorded[Event]], kept: bool) -> Iterator[NamedObject]:
    """The objects that events keep, or those that they let be forgotten. A text that is no UUID names none."""
    for fact, record in recorded:
        if marked_fields(type(fact), kept):
            yield from (
                NamedObject(record.context, record.key, record.subject, id_)
                for text in _ids(fact, kept)
                if (id_ := _uuid(text)) is not None
            )


@cache
def marked_fields(type_: type[BaseModel], kept: bool) -> tuple[MarkedField, ...]:
    """The fields of a model in which such ids may stand."""
    fields = [(name, list(_leaves(info.annotation, info.metadata))) for name, info in type_.model_fields.items()]
    return tuple(
        MarkedField(name, own)
        for name, leaves in fields
        if (own := _is_marked(leaves, kept)) or any(_reaches(model, kept) for model in _models(leaves))
    )


def _reaches(model: type[BaseModel], kept: bool) -> bool:
    """Whether such an id may stand in a model, or in one below it, which may be the same again."""
    waiting, seen = [model], {model}
    while waiting:
        for info in waiting.pop().model_fields.values():
            leaves = list(_leaves(info.annotation, info.metadata))
            if _is_marked(leaves, kept):
                return True
            waiting += _models(leaves) - seen
            seen |= _models(leaves)
    return False


def _is_marked(leaves: Iterable[Leaf], kept: bool) -> bool:
    return any(isinstance(mark, ObjectMarker) and mark.kept is kept for _, marks in leaves for mark in marks)


def _models(leaves: Iterable[Leaf]) -> set[type[BaseModel]]:
    return {leaf for leaf, _ in leaves if isinstance(leaf, type) and issubclass(leaf, BaseModel)}


def _leaves(annotation: Any, marks: Sequence[Any]) -> Iterator[Leaf]:
    if get_origin(annotation) is Annotated:
        inner, *own = get_args(annotation)
        yield from _leaves(inner, [*marks, *own])
    elif parts := get_args(annotation):
        for part in parts:
            yield from _leaves(part, marks)
    else:
        yield annotation, marks


def _ids(model: BaseModel, kept: bool) -> Iterator[str]:
    for name, own in marked_fields(type(model), kept):
        yield from _texts(getattr(model, name), own, kept)


def _texts(value: Any, own: bool, kept: bool) -> Iterator[str]:
    if isinstance(value, str):
        if own:
            yield value
    elif isinstance(value, BaseModel):
        yield from _ids(value, kept)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item, own, kept)
    elif isinstance(value, tuple | list | set | frozenset):
        for item in value:
            yield from _texts(item, own, kept)


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None

"""Fields of messages that can hold a text, found through every type that they are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from inspect import get_annotations
from types import NoneType, UnionType
from typing import Annotated, Any, ForwardRef, Literal, Union, get_args, get_origin

from pydantic import BaseModel, JsonValue

from domain.messages import Named
from streams.core.wiring import ENGINE_MESSAGES, Context


def messages(contexts: Sequence[Context]) -> list[type[Named]]:
    """Every message of these contexts and of the engine, once."""
    return list(dict.fromkeys((*ENGINE_MESSAGES, *(one for context in contexts for one in context.messages))))


def unsealed_texts(types: Iterable[type[Named]]) -> set[str]:
    """The fields that are not personal and can hold a text, as `Class.field` of the class that declares them."""
    return {
        text
        for type_ in types
        for field in type_.model_fields
        if field not in type_.personal_fields
        for text in _texts_in(type_, field)
    }


def _texts_in(model: type[BaseModel], field: str) -> Iterator[str]:
    annotation = model.model_fields[field].annotation
    if _holds_text(annotation):
        yield f"{_declaring(model, field)}.{field}"
    for inner in _models(annotation):
        for name in inner.model_fields:
            yield from _texts_in(inner, name)


def _declaring(model: type[BaseModel], field: str) -> str:
    return next(one.__name__ for one in reversed(model.__mro__) if field in get_annotations(one))


def _holds_text(annotation: Any) -> bool:
    """Any text, or a value of any kind. The texts of an enumeration or a literal are our own."""
    if annotation in (Any, object, JsonValue) or isinstance(annotation, ForwardRef):
        return True
    if get_origin(annotation) is Literal:
        return False
    if isinstance(annotation, type) and not get_args(annotation):
        return issubclass(annotation, str | bytes) and not issubclass(annotation, Enum)
    return any(_holds_text(part) for part in _parts(annotation))


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and not get_args(annotation):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for part in _parts(annotation):
        yield from _models(part)


def _parts(annotation: Any) -> Iterator[Any]:
    """The types that a union, a container or an annotated type is made of."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        arguments = arguments[:1]
    if origin in (Union, UnionType, Annotated) or arguments:
        yield from (one for one in arguments if one not in (NoneType, ...))

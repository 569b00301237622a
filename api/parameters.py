"""The parameters of an endpoint and their sources, read once at start from its signature.

The sources are the path, `Depends` (a function of the request alone), the body (a pydantic model), the `Request`
itself, and the query string. Every other kind of parameter that FastAPI offers is refused at start.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from fastapi import params
from pydantic import BaseModel, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response


class Unsupported(TypeError):
    """The refusal of an endpoint that uses an unsupported feature; the text names the endpoint and the parameter."""


class Plan(NamedTuple):
    """The sources of an endpoint's arguments, with a validator for each, and a default where they may be absent."""

    guards: tuple[tuple[str, Callable[[Request], Any]], ...]
    path: tuple[tuple[str, TypeAdapter[Any]], ...]
    query: tuple[tuple[str, str, TypeAdapter[Any], Any], ...]
    body: tuple[str, TypeAdapter[Any], Any] | None


def plan_of(endpoint: Callable[..., Any], path: str) -> Plan:
    """The plan of an endpoint; raises Unsupported."""
    hints = get_type_hints(endpoint, include_extras=True)
    _check_answer(endpoint, hints.get("return"))
    guards, in_path, query, body = [], [], [], None
    for name, parameter in inspect.signature(endpoint).parameters.items():
        hint = hints[name]
        _check_marks(endpoint, name, hint)
        depends = next((mark for mark in _marks(hint) if isinstance(mark, params.Depends)), None)
        if hint is Request:
            guards.append((name, _itself))
        elif depends is not None and depends.dependency is not None:
            guards.append((name, depends.dependency))
        elif f"{{{name}}}" in path:
            in_path.append((name, TypeAdapter(hint)))
        elif _is_body(hint):
            if body is not None:
                raise Unsupported(f"{endpoint.__qualname__}: {name} would be a second body")
            body = (name, TypeAdapter(hint), parameter.default)
        else:
            query.append((name, _alias(hint) or name, TypeAdapter(hint), parameter.default))
    return Plan(tuple(guards), tuple(in_path), tuple(query), body)


def _check_answer(endpoint: Callable[..., Any], hint: Any) -> None:
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if not all(isinstance(kind, type) and issubclass(kind, BaseModel | Response) for kind in kinds):
        raise Unsupported(f"{endpoint.__qualname__} must answer a pydantic model or a response, not {hint}")


def _check_marks(endpoint: Callable[..., Any], name: str, hint: Any) -> None:
    for mark in _marks(hint):
        if isinstance(mark, params.Header | params.Cookie | params.Form | params.File):
            raise Unsupported(f"{endpoint.__qualname__}: {name} is a {type(mark).__name__}; take it from the request")
        if isinstance(mark, params.Depends):
            _check_dependency(endpoint, name, mark.dependency)
    if get_origin(hint) in (Union, UnionType) and any(_is_body(kind) for kind in get_args(hint)):
        raise Unsupported(f"{endpoint.__qualname__}: {name} may be absent: give it a default instead of None")


def _check_dependency(endpoint: Callable[..., Any], name: str, dependency: Any) -> None:
    if dependency is None or list(inspect.signature(dependency).parameters) != ["request"]:
        raise Unsupported(f"{endpoint.__qualname__}: what {name} depends on must take the request and nothing else")


def _itself(request: Request) -> Request:
    return request


def _marks(hint: Any) -> tuple[Any, ...]:
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()


def _alias(hint: Any) -> str | None:
    return next((mark.alias for mark in _marks(hint) if isinstance(mark, params.Query)), None)


def _is_body(hint: Any) -> bool:
    bare = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    is_model = isinstance(bare, type) and issubclass(bare, BaseModel)
    return is_model or any(isinstance(mark, params.Body) for mark in _marks(hint))

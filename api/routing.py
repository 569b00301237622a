"""The lean route: described by FastAPI, but with one pass of parsing and one of serialization per request.

`api.parameters` states the parameters that an endpoint may have. An endpoint returns a response or a pydantic model.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypedDict
from uuid import uuid4

import orjson
import psycopg
from fastapi import FastAPI
from fastapi.routing import APIRoute
from psycopg_pool import PoolTimeout
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.correlation import CORRELATION
from api.errors import ApiError, ErrorFormat, FieldError, field_errors, invalid
from api.parameters import Plan, plan_of
from api.sentences import REQUIRED

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 1_048_576
HEADERS = "headwater.headers"
"""The scope's key of the headers that dependencies add to the answer."""

BODY = "headwater.body"
CLEANUPS = "headwater.cleanups"
"""The scope's key of the functions that run when the answer is sent or its client has disconnected."""

Layer = Callable[[ASGIApp], ASGIApp]
"""A layer around a surface's app."""

SUSPICIOUS = (b"\\u0000", b"NaN", b"Infinity")
"""Texts that pydantic's parser accepts, the last two against JSON's grammar. A body with one is parsed again."""


class Json(Response):
    """A JSON response made from bytes."""

    media_type = "application/json"


class LeanRoute(APIRoute):
    """The lean route (see the module). Errors are in the format of the surface that serves the request."""

    max_body_bytes = MAX_BODY_BYTES
    reads_body = True
    """Whether the body is read before the guards run; see `api.uploads` for one that is not."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        with run_cleanups(scope):
            await super().handle(scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint, plan = self.endpoint, plan_of(self.endpoint, self.path_format)
        status, most = self.status_code or 200, self.max_body_bytes if self.reads_body else None
        left_out = LeftOut(
            exclude_none=self.response_model_exclude_none, exclude_unset=self.response_model_exclude_unset
        )

        async def handle(request: Request) -> Response:
            headers: dict[str, str] = {}
            request.scope[HEADERS] = headers
            try:
                response = response_of(await _call(endpoint, plan, request, most), status, left_out)
            except ApiError as error:
                headers.update(error.headers)
                response = errors_of(request).render(request, error)
            except ClientDisconnect:
                return Response(status_code=499)
            except (psycopg.OperationalError, PoolTimeout):
                log.warning("the database is not available to %s", request.scope["path"])
                response = errors_of(request).render(request, database_away())
                headers["Retry-After"] = "1"
            except Exception as error:  # noqa: BLE001 - the last resort: logged under an id, answered without a trace
                response = errors_of(request).render(request, unexpected(request, error))
            response.headers.update(headers)
            return response

        return handle


def errors_of(request: Request) -> ErrorFormat:
    """The error format of the surface that serves a request."""
    errors: ErrorFormat = request.app.state.surface.errors
    return errors


@contextmanager
def run_cleanups(scope: Scope) -> Iterator[None]:
    """Run the functions that dependencies add under CLEANUPS when the block ends, also by an exception."""
    cleanups: list[Callable[[], None]] = []
    scope[CLEANUPS] = cleanups
    try:
        yield
    finally:
        for cleanup in cleanups:
            cleanup()


async def _call(endpoint: Callable[..., Awaitable[Any]], plan: Plan, request: Request, most: int | None) -> Any:
    body = b""
    if most is not None:
        body = await _body(request, most) if request.method not in ("GET", "HEAD") else b""
        request.scope[BODY] = body
    arguments: dict[str, Any] = {}
    for name, guard in plan.guards:
        made = guard(request)
        arguments[name] = await made if inspect.isawaitable(made) else made
    arguments |= _inputs(plan, request, body)
    return await endpoint(**arguments)


def _inputs(plan: Plan, request: Request, body: bytes) -> dict[str, Any]:
    inputs: dict[str, Any] = {}
    faults: list[FieldError] = []
    for name, adapter in plan.path:
        _take(inputs, faults, name, name, adapter, request.path_params[name])
    for name, alias, adapter, default in plan.query:
        given = request.query_params.get(alias)
        if given is not None:
            _take(inputs, faults, name, alias, adapter, given)
        elif default is inspect.Parameter.empty:
            faults.append(FieldError(alias, REQUIRED, missing=True))
        else:
            inputs[name] = default
    if plan.body is not None:
        _take_body(inputs, faults, plan.body, body)
    if faults:
        raise invalid(faults)
    return inputs


def _take(
    inputs: dict[str, Any], faults: list[FieldError], name: str, alias: str, adapter: TypeAdapter[Any], given: str
) -> None:
    if "\0" in given:
        faults.append(FieldError(alias, "must not contain the NUL character", missing=False))
        return
    try:
        inputs[name] = adapter.validate_python(given)
    except ValidationError as error:
        faults += field_errors(error, alias)[:1]


def _take_body(
    inputs: dict[str, Any], faults: list[FieldError], expected: tuple[str, TypeAdapter[Any], Any], body: bytes
) -> None:
    name, adapter, default = expected
    if not body and default is not inspect.Parameter.empty:
        inputs[name] = default
        return
    try:
        inputs[name] = adapter.validate_json(body or b"{}")
        if not body:
            faults.append(FieldError("body", REQUIRED, missing=True))
        elif any(sign in body for sign in SUSPICIOUS) and has_nul(orjson.loads(body)):
            faults.append(FieldError("body", "must not contain the NUL character", missing=False))
    except ValidationError as error:
        faults += field_errors(error)
    except (orjson.JSONDecodeError, RecursionError):
        faults.append(FieldError("body", "is not valid JSON", missing=False))


def has_nul(value: Any) -> bool:
    """Whether a text in parsed JSON has the NUL character, which PostgreSQL cannot store."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, Mapping):
        return any("\0" in key or has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(has_nul(item) for item in value)


async def _body(request: Request, most: int) -> bytes:
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk, more = message.get("body", b""), message.get("more_body", False)
        size += len(chunk)
        if size > most:
            raise ApiError(413, f"The body is larger than {most} bytes", kind="BodyTooLarge")
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


class LeftOut(TypedDict, total=False):
    """The members of an answer that are left out, as the route says."""

    exclude_none: bool
    exclude_unset: bool


def response_of(answer: Any, status: int, left_out: LeftOut | None = None) -> Response:
    """The response for an endpoint's answer: a model is serialized once, a response passes through."""
    if isinstance(answer, Response):
        return answer
    if isinstance(answer, BaseModel):
        return Json(answer.__pydantic_serializer__.to_json(answer, by_alias=True, **left_out or {}), status)
    return Json(orjson.dumps(answer), status)


def database_away() -> ApiError:
    """A 503 for a read without a database; `api.actions` answers for writes."""
    return ApiError(503, "Service unavailable", kind="Unavailable", details="the database is not available")


def unexpected(request: Request, error: Exception) -> ApiError:
    """A 500 for an unexpected exception: logged in full under an id, answered with the id alone."""
    error_id = request.scope.get(CORRELATION) or str(uuid4())
    log.error("error %s in %s %s", error_id, request.method, request.scope["path"], exc_info=error)
    return ApiError(500, "Internal server error", kind="InternalError", details=f"error id {error_id}")


class LeanApp:
    """A surface's ASGI app in which a request for a path without parameters goes straight to its route.

    FastAPI would match every earlier route first, and call middleware that has no task here. The surface's layers are
    around both.
    """

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        lean = [route for router in app.state.routers for route in router.routes if isinstance(route, LeanRoute)]
        self._handlers = {
            (method, route.path): (route, route.get_route_handler())
            for route in lean
            if "{" not in route.path
            for method in route.methods or ()
        }
        self._layered: ASGIApp = self._serve
        layers: tuple[Layer, ...] = app.state.surface.layers
        for layer in reversed(layers):
            self._layered = layer(self._layered)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._layered(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        found = self._handlers.get((scope.get("method", ""), path))
        if found is None:
            await self.app(scope, receive, send)
            return
        route, handle = found
        scope["app"], scope["endpoint"], scope["path_params"] = self.app, route.endpoint, {}
        with run_cleanups(scope):
            response = await handle(Request(scope, receive, send))
            await response(scope, receive, send)

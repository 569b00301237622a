"""The HTTP surface of a product: an app with separate authentication, limits, error format and OpenAPI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from inspect import isawaitable
from typing import Annotated, Any, TypeVar
from uuid import UUID

import psycopg
from fastapi import APIRouter, Depends, FastAPI
from psycopg_pool import PoolTimeout
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.actions import Action, Actions
from api.auth import BEARER, Caller, Credential, Verifier, widened
from api.errors import ApiError, ErrorFormat
from api.headers import Header
from api.limits import InFlight, Limiter
from api.mounts import mount_of
from api.pages import add_pages
from api.routing import CLEANUPS, HEADERS, Layer, LeanRoute
from streams.core.envelope import Outcome
from streams.postgres.reads import Reads

CALLER = "headwater.caller"


@dataclass(slots=True)
class Surface:
    """The dependencies of every endpoint of a surface. `own` holds those that only this surface has.

    `credential` is the form of its callers' tokens; `includes` maps a scope to those that it includes. `layers` wrap
    every request and answer, the outermost first.
    """

    name: str
    actions: Actions
    reads: Reads
    tokens: Verifier
    limiter: Limiter
    errors: ErrorFormat
    scopes: frozenset[str]
    own: object = None
    in_flight: InFlight = field(default_factory=lambda: InFlight({}))
    credential: Credential = BEARER
    includes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    layers: tuple[Layer, ...] = ()

    @property
    def mount(self) -> str:
        return mount_of(self.name)


def surface_of(connection: HTTPConnection) -> Surface:
    """The surface that serves a request or a socket."""
    surface: Surface = connection.app.state.surface
    return surface


D = TypeVar("D")


def own_of(connection: HTTPConnection, kind: type[D]) -> D:
    """The surface's own dependencies, which must be of this type."""
    own = surface_of(connection).own
    assert isinstance(own, kind)
    return own


async def caller_of(connection: HTTPConnection) -> Caller:
    """The caller, verified once for each request or socket; raises ApiError 401 or 503."""
    found = await caller_if_known(connection)
    if found is None:
        raise surface_of(connection).credential.missing
    return found


async def caller_if_known(connection: HTTPConnection) -> Caller | None:
    """The caller, None where no token is presented; raises ApiError 401 for a wrong one, or 503."""
    known: Caller | None = connection.scope.get(CALLER)
    if known is None:
        surface = surface_of(connection)
        token = surface.credential.token_in(connection)
        if token is not None:
            known = connection.scope[CALLER] = await _verified(surface, token)
    return known


async def _verified(surface: Surface, token: str) -> Caller:
    try:
        verified = surface.tokens.verify(token)
        caller = await verified if isawaitable(verified) else verified
    except ApiError as refused:
        if refused.status == 401:
            refused.headers["WWW-Authenticate"] = surface.credential.challenge
        raise
    return replace(caller, scopes=widened(caller.scopes, surface.includes)) if surface.includes else caller


def with_limits(app: ASGIApp) -> ASGIApp:
    """The layer that adds the headers of limits to answers to a known caller that lack them, without counting."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name.lower() for name, _ in message["headers"]}
                if b"x-ratelimit-limit" not in names:
                    message["headers"] = [*message["headers"], *await _limits_of(scope)]
            await send(message)

        await app(scope, receive, sending)

    return serve


async def _limits_of(scope: Scope) -> list[Header]:
    connection = HTTPConnection(scope)
    try:
        caller = await caller_if_known(connection)
        found = {} if caller is None else await surface_of(connection).limiter.left(caller, "general")
    except (ApiError, psycopg.OperationalError, PoolTimeout):  # the answer stands without them
        return []
    return [(name.lower().encode(), value.encode()) for name, value in found.items()]


class Guard:
    """The guard of an endpoint: requires one of these scopes, and counts the request against a limit's class.

    Without scopes, any scope of the surface suffices. Raises ApiError 401, 403 or 429, 503 while callers cannot be
    verified, and psycopg.OperationalError while requests cannot be counted.
    """

    def __init__(self, *scopes: str, limit: str = "general") -> None:
        self.scopes = frozenset(scopes)
        self.limit = limit

    async def __call__(self, request: Request) -> Caller:
        surface = surface_of(request)
        caller = await caller_of(request)
        try:
            request.scope[CLEANUPS].append(surface.in_flight.enter(caller.identity, self.limit))
        except ApiError as busy:
            busy.headers |= await surface.limiter.left(caller, self.limit)
            raise
        request.scope[HEADERS].update(await surface.limiter.count(caller, self.limit))
        scopes = self.scopes or surface.scopes
        if not scopes & caller.scopes:
            needed = " or ".join(sorted(scopes))
            raise ApiError(403, f"This token lacks the scope {needed}", kind="Forbidden")
        return caller


def may(*scopes: str, limit: str = "general") -> Any:
    """The annotation of an endpoint's caller: `caller: Annotated[Caller, may("communication:send")]`."""
    return Depends(Guard(*scopes, limit=limit))


async def _action(request: Request) -> Action:
    surface = surface_of(request)
    caller = await caller_of(request)
    return surface.actions.action(request, caller.identity, caller.actor)


async def _reads(request: Request) -> Reads:
    surface = surface_of(request)
    await surface.actions.wait_for(request)
    return surface.reads


Act = Annotated[Action, Depends(_action)]
"""The write of this request; the endpoint's guard must come first."""

Read = Annotated[Reads, Depends(_reads)]
"""The read models, once they cover the position that the request names."""


class OutcomeAnswer(BaseModel):
    """How a command was decided: accepted, unchanged, refused or failed."""

    command_id: UUID
    status: str
    position: str
    error: str | None = None


outcomes = APIRouter(route_class=LeanRoute)
"""The router of the endpoint that a 202 points to."""


@outcomes.get("/outcomes/{command_id}", tags=["Outcomes"])
async def outcome(command_id: UUID, request: Request, caller: Annotated[Caller, may()]) -> OutcomeAnswer:
    """The outcome of an earlier write, by the id its 202 gave."""
    surface = surface_of(request)
    found = await surface.actions.gateway.outcome(surface.name, command_id)
    if found is None or found.actor != caller.actor:  # another caller's is no better known than none
        raise ApiError(404, "No outcome is known for this command yet", kind="NotFound")
    return _outcome_answer(found)


def _outcome_answer(found: Outcome) -> OutcomeAnswer:
    return OutcomeAnswer(
        command_id=found.command_id,
        status=found.status.value,
        position=str(found.position),
        error=found.problem.sentence if found.problem else None,
    )


def app_of(surface: Surface, title: str, version: str, description: str, routers: tuple[APIRouter, ...]) -> FastAPI:
    """The FastAPI app of a surface; errors of routing (404, 405) are in the surface's format too."""
    app = FastAPI(
        title=title,
        version=version,
        description=description,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.surface = surface
    app.state.routers = routers
    for router in routers:
        app.include_router(router)
    add_pages(app)

    async def routing_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        sentence = {404: "Not found", 405: "Method not allowed"}.get(error.status_code, str(error.detail))
        response = surface.errors.render(request, ApiError(error.status_code, sentence, kind="Routing"))
        response.headers.update(error.headers or {})
        if error.status_code == 405:
            response.headers["Allow"] = ", ".join(_allowed(app, request))
        return response

    app.add_exception_handler(HTTPException, routing_error)
    return app


def _allowed(app: FastAPI, request: Request) -> list[str]:
    """The methods of a path, over all of its routes: the framework names those of the first."""
    scope = dict(request.scope)
    routes = [*app.routes, *(route for router in app.state.routers for route in router.routes)]
    fitting = [route for route in routes if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE]
    methods = {method for route in fitting for method in route.methods or ()}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))

"""Health and readiness of this surface, in the document's words."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from api.content_generator.dependencies import Own
from api.content_generator.fields import Shown
from api.routing import Json, LeanRoute
from api.surface import surface_of

router = APIRouter(route_class=LeanRoute, tags=["Health & Status"])

VERSION = "0.1.0"
SERVICE = "content-generator"


class HealthAnswer(BaseModel):
    status: Literal["healthy"] = "healthy"
    timestamp: Shown
    service: str = SERVICE
    version: str = VERSION


class DependenciesAnswer(BaseModel):
    """What the product depends on. `sandbox` names what is stood in for, as it is not configured."""

    crm: Literal["connected", "disconnected"]
    platform: Literal["connected", "disconnected"]
    document_sources: Literal["ready", "not_ready"]


class ReadyAnswer(BaseModel):
    ready: bool
    dependencies: DependenciesAnswer
    sandbox: list[str]


@router.get("/health")
async def health(request: Request) -> HealthAnswer:
    """Whether this process answers."""
    return HealthAnswer(timestamp=surface_of(request).actions.clock.now())


@router.get("/ready", response_model=ReadyAnswer)
async def ready(own: Own) -> ReadyAnswer | Response:
    """Whether requests can be handled: 503 without the database or the log. Jobs wait for other dependencies."""
    found = await own.health.look()
    answer = ReadyAnswer(
        ready=found.serving,
        dependencies=DependenciesAnswer(
            crm="connected" if found.crm else "disconnected",
            platform="connected" if found.platform else "disconnected",
            document_sources="ready" if found.sources else "not_ready",
        ),
        sandbox=list(found.sandbox),
    )
    return answer if found.serving else Json(answer.model_dump_json().encode(), 503)

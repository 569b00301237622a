"""The published versions of a program: what was published when, and where members are in it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel

from api.auth import Caller
from api.creator_hub.access import READ
from api.creator_hub.fields import Id, Shown, VersionNumber, not_there
from api.routing import LeanRoute
from api.surface import Read, may
from projections.creator_hub.programs import program_by_id
from projections.creator_hub.queries.drop_off import NodeCounts, drop_off
from projections.creator_hub.queries.programs import versions_of

router = APIRouter(route_class=LeanRoute, prefix="/api/v1/programs", tags=["Extensions"])


class ProgramVersionAnswer(BaseModel):
    """A published version. Members stay in the version that they were enrolled in."""

    version: int
    flow_id: str
    published_at: Shown
    enrollment_count: int
    completion_rate: float


class ProgramVersionsAnswer(BaseModel):
    versions: list[ProgramVersionAnswer]


class NodeAnswer(BaseModel):
    """A node of the flow. `waiting` members are at it now; `drop_off_rate` is their share of those who reached it."""

    node_id: str
    type: str
    reached: int
    passed: int
    waiting: int
    delivered: int
    answered: int
    unanswered: int
    skipped: int
    failed: int
    drop_off_rate: float


class DropOffAnswer(BaseModel):
    version: int
    enrollment_count: int
    completed: int
    nodes: list[NodeAnswer]


@router.get("/{program_id}/versions")
async def versions(program_id: Id, caller: Annotated[Caller, may(READ)], reads: Read) -> ProgramVersionsAnswer:
    """List the published versions of a program, the newest first."""
    async with reads.connection() as connection:
        if await program_by_id(connection, caller.subject, str(program_id)) is None:
            raise not_there()
        found = await versions_of(connection, caller.subject, str(program_id))
    shown = [
        ProgramVersionAnswer(
            version=one.version,
            flow_id=one.flow_id,
            published_at=one.published_at,
            enrollment_count=one.enrolled,
            completion_rate=one.completion_rate,
        )
        for one in found
    ]
    return ProgramVersionsAnswer(versions=shown)


@router.get("/{program_id}/drop-off")
async def drop_off_(
    program_id: Id, caller: Annotated[Caller, may(READ)], reads: Read, version: VersionNumber | None = None
) -> DropOffAnswer:
    """Show where members are in a published version, node by node; the last version unless one is named."""
    async with reads.connection() as connection:
        found = await drop_off(connection, caller.subject, str(program_id), version)
    if found is None:
        raise not_there()
    nodes = [_node(one) for one in found.nodes]
    return DropOffAnswer(version=found.version, enrollment_count=found.enrolled, completed=found.completed, nodes=nodes)


def _node(counts: NodeCounts) -> NodeAnswer:
    return NodeAnswer(
        node_id=counts.node,
        passed=counts.passed,
        drop_off_rate=counts.drop_off_rate,
        **{name: getattr(counts, name) for name in SAME},
    )


SAME = ("type", "reached", "waiting", "delivered", "answered", "unanswered", "skipped", "failed")

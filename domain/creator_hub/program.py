"""A program: a working copy of name, flow and settings, and the versions that were published of its flow."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, assert_never

from pydantic import BaseModel, ConfigDict, JsonValue

from domain.creator_hub.kinds import OfCreator
from domain.messages import Instant

EMPTY_FLOW: Mapping[str, JsonValue] = {"nodes": [], "edges": []}


class ProgramStatus(StrEnum):
    ABSENT = "absent"
    DRAFT = "draft"
    PUBLISHED = "published"
    ARCHIVED = "archived"


class OfProgram(OfCreator):
    program_id: str


class ProgramCreated(OfProgram, name="creator_hub.program.created.v1"):
    """A draft, version 1."""

    program_name: str
    description: str
    flow_definition: dict[str, JsonValue]
    settings: dict[str, JsonValue]


class ProgramUpdated(OfProgram, name="creator_hub.program.updated.v1"):
    """The parts that were given, each whole; None for one that stays."""

    program_name: str | None
    description: str | None
    flow_definition: dict[str, JsonValue] | None
    settings: dict[str, JsonValue] | None


class ProgramPublished(OfProgram, name="creator_hub.program.published.v1"):
    """`flow_id` is the flow that new enrolments are pinned to."""

    version: int
    flow_id: str


class ProgramArchived(OfProgram, name="creator_hub.program.archived.v1"):
    """Nobody is enrolled from here on; those inside finish."""

    version: int


ProgramEvent = ProgramCreated | ProgramUpdated | ProgramPublished | ProgramArchived


class ProgramListed(OfProgram, name="creator_hub.catalogue.program_listed.v1"):
    """Members who register from here on are enrolled by themselves."""


class ProgramUnlisted(OfProgram, name="creator_hub.catalogue.program_unlisted.v1"):
    """The end of that."""


CatalogueEvent = ProgramListed | ProgramUnlisted


class FlowPinned(OfProgram, name="creator_hub.flow.pinned.v1"):
    """The flow of one version, which never changes."""

    flow_id: str
    version: int
    nodes: tuple[dict[str, JsonValue], ...]
    edges: tuple[dict[str, JsonValue], ...]


class Program(BaseModel):
    """The state. `flow_id` is empty until the first publication."""

    model_config = ConfigDict(frozen=True)

    status: ProgramStatus = ProgramStatus.ABSENT
    program_name: str = ""
    description: str = ""
    flow_definition: dict[str, JsonValue] = {}
    settings: dict[str, JsonValue] = {}
    version: int = 0
    flow_id: str = ""
    archived_at: Instant | None = None

    @property
    def auto_enrolls(self) -> bool:
        return self.settings.get("auto_enroll") is True

    @property
    def badge(self) -> tuple[str, str] | None:
        """The id and the name of the badge for completing it; None without one."""
        badge = self.settings.get("completion_badge")
        if not isinstance(badge, str) or not badge:
            return None
        given = self.settings.get("badge_name")
        return badge, given if isinstance(given, str) and given else f"{self.program_name} completed"


class Catalogue(BaseModel):
    """The programs of a creator that enrol newcomers, in the order of their listing."""

    model_config = ConfigDict(frozen=True)

    program_ids: tuple[str, ...] = ()


class Flow(BaseModel):
    """A pinned flow; version 0 while there is none of this id."""

    model_config = ConfigDict(frozen=True)

    version: int = 0
    nodes: tuple[dict[str, JsonValue], ...] = ()
    edges: tuple[dict[str, JsonValue], ...] = ()


def evolve(program: Program, event: ProgramEvent) -> Program:
    match event:
        case ProgramCreated():
            return _created(event)
        case ProgramUpdated():
            return program.model_copy(update=_given(event))
        case ProgramPublished():
            published = {"status": ProgramStatus.PUBLISHED, "version": event.version, "flow_id": event.flow_id}
            return program.model_copy(update=published)
        case ProgramArchived():
            return program.model_copy(update={"status": ProgramStatus.ARCHIVED, "archived_at": event.at})
        case _:
            assert_never(event)


def _created(event: ProgramCreated) -> Program:
    parts = event.model_dump(include={"program_name", "description", "flow_definition", "settings"})
    return Program(status=ProgramStatus.DRAFT, version=1, **parts)


def _given(event: ProgramUpdated) -> dict[str, Any]:
    parts = event.model_dump(include={"program_name", "description", "flow_definition", "settings"})
    return {part: value for part, value in parts.items() if value is not None}


def evolve_catalogue(catalogue: Catalogue, event: CatalogueEvent) -> Catalogue:
    others = tuple(one for one in catalogue.program_ids if one != event.program_id)
    match event:
        case ProgramListed():
            return Catalogue(program_ids=(*others, event.program_id))
        case ProgramUnlisted():
            return Catalogue(program_ids=others)
        case _:
            assert_never(event)


def evolve_flow(_flow: Flow, event: FlowPinned) -> Flow:
    return Flow(version=event.version, nodes=event.nodes, edges=event.edges)

"""Programs: a working copy that is edited, versions of its flow that are published, and the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import JsonValue

from domain.creator_hub.flow_checks import way_faults
from domain.creator_hub.kinds import derived_id
from domain.creator_hub.program import (
    Catalogue,
    CatalogueEvent,
    Flow,
    FlowPinned,
    Program,
    ProgramArchived,
    ProgramCreated,
    ProgramEvent,
    ProgramListed,
    ProgramPublished,
    ProgramStatus,
    ProgramUnlisted,
    ProgramUpdated,
)
from domain.messages import Command, Refused


class UnknownProgram(Refused, name="creator_hub.unknown_program"):
    """The creator has no program of this id. 404."""


class FlowNotPublishable(Refused, name="creator_hub.flow_not_publishable"):
    """The flow has faults: `faults` lists them as `field` (a node) and `message`. 422."""


class ProgramIsArchived(Refused, name="creator_hub.program_is_archived"):
    """An archived program is not changed any more. 422."""


class OfProgram(Command):
    creator_id: str
    program_id: str


class CreateProgram(OfProgram, name="creator_hub.program.create.v1", key="creator_id"):
    """Save a draft. The form of the flow has been checked."""

    program_name: str
    description: str
    flow_definition: dict[str, JsonValue]
    settings: dict[str, JsonValue]


class UpdateProgram(OfProgram, name="creator_hub.program.update.v1", key="creator_id"):
    """Change parts of the working copy; None for what stays. Name and settings hold at once."""

    program_name: str | None
    description: str | None
    flow_definition: dict[str, JsonValue] | None
    settings: dict[str, JsonValue] | None


class PublishProgram(OfProgram, name="creator_hub.program.publish.v1", key="creator_id"):
    """Pin the working copy's flow as the next version. `flow_id` derives from the command's id."""

    flow_id: str


class ArchiveProgram(OfProgram, name="creator_hub.program.archive.v1", key="creator_id"):
    pass


def create(command: CreateProgram, _program: Program) -> Sequence[ProgramEvent]:
    return [ProgramCreated(**command.model_dump())]


def update(command: UpdateProgram, program: Program, catalogue: Catalogue) -> Sequence[ProgramEvent | CatalogueEvent]:
    _check_open(program)
    parts: dict[str, Any] = command.model_dump(include={"program_name", "description", "flow_definition", "settings"})
    changed = {part: value if value != getattr(program, part) else None for part, value in parts.items()}
    if not any(value is not None for value in changed.values()):
        return []
    updated = ProgramUpdated(at=command.at, creator_id=command.creator_id, program_id=command.program_id, **changed)
    settings = program.settings if command.settings is None else command.settings
    after = program.model_copy(update={"settings": settings})
    return [updated, *_listing(command, after, catalogue)]


def publish(
    command: PublishProgram, program: Program, flow: Flow, catalogue: Catalogue
) -> Sequence[ProgramEvent | FlowPinned | CatalogueEvent]:
    _check_open(program)
    faults = way_faults(program.flow_definition)
    if faults:
        raise FlowNotPublishable("the flow cannot be published", faults=[fault._asdict() for fault in faults])
    if flow.version:
        return []
    version, about = program.version + 1, command.model_dump(include={"at", "creator_id", "program_id", "flow_id"})
    nodes, edges = (_listed(program.flow_definition.get(part)) for part in ("nodes", "edges"))
    published = program.model_copy(update={"status": ProgramStatus.PUBLISHED})
    return [
        FlowPinned(**about, version=version, nodes=nodes, edges=edges),
        ProgramPublished(**about, version=version),
        *_listing(command, published, catalogue),
    ]


def _listed(part: JsonValue) -> tuple[dict[str, JsonValue], ...]:
    return tuple(one for one in part if isinstance(one, dict)) if isinstance(part, list) else ()


def archive(command: ArchiveProgram, program: Program, catalogue: Catalogue) -> Sequence[ProgramEvent | CatalogueEvent]:
    """Archiving again changes nothing."""
    _check_known(program)
    if program.status is ProgramStatus.ARCHIVED:
        return []
    about = command.model_dump(include={"at", "creator_id", "program_id"})
    archived = program.model_copy(update={"status": ProgramStatus.ARCHIVED})
    return [ProgramArchived(**about, version=program.version), *_listing(command, archived, catalogue)]


def _listing(command: OfProgram, program: Program, catalogue: Catalogue) -> Iterator[CatalogueEvent]:
    """Newcomers are enrolled by programs that are published and say so."""
    about = command.model_dump(include={"at", "creator_id", "program_id"})
    wanted = program.status is ProgramStatus.PUBLISHED and program.auto_enrolls
    listed = command.program_id in catalogue.program_ids
    if wanted and not listed:
        yield ProgramListed(**about)
    elif listed and not wanted:
        yield ProgramUnlisted(**about)


def _check_known(program: Program) -> None:
    if program.status is ProgramStatus.ABSENT:
        raise UnknownProgram("there is no such program")


def _check_open(program: Program) -> None:
    _check_known(program)
    if program.status is ProgramStatus.ARCHIVED:
        raise ProgramIsArchived("an archived program cannot be changed or published")


def flow_id_of(command_id: object) -> str:
    """The id of the flow that a command publishes."""
    return derived_id("flow", command_id)

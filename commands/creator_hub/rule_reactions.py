"""The reactions to rules and exports: sweeps, triggers, actions when they are due, files and mails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from commands.creator_hub.effects import BuildExport, FindInactive, MailExport
from commands.creator_hub.export import RecordBuilt, RecordMailed
from commands.creator_hub.rule import RecordFound, Sweep
from commands.creator_hub.trigger import TakeAction, TriggerRule
from domain.creator_hub.export import ExportBuilt, ExportRequested
from domain.creator_hub.rule import MembersFound, RuleCreated, SweepStarted, Swept
from domain.creator_hub.trigger import RuleTriggered
from domain.messages import Event
from streams.core.envelope import Recorded
from streams.core.wiring import Call, Later, Reaction


def react_to_rule(event: Recorded[Event]) -> Iterator[Reaction]:
    match event.fact:
        case RuleCreated() as created if created.is_active and created.threshold_seconds is not None:
            about = created.model_dump(include={"at", "creator_id", "rule_id"})
            yield Later(created.at, Sweep(**about, sweep=1))
        case SweepStarted() as started:
            yield _search(started, 1, None)
        case MembersFound() as found:
            yield from _triggers(found)
            if found.cursor is not None:
                yield _search(found, found.page + 1, found.cursor)
        case Swept() as swept:
            about = swept.model_dump(include={"at", "creator_id", "rule_id"})
            yield Later(swept.next_at, Sweep(**about, sweep=swept.sweep + 1))
        case RuleTriggered() as triggered:
            yield from _actions(triggered)


def _search(event: SweepStarted | MembersFound, page: int, cursor: str | None) -> Call:
    """Every page looks at the members as of the sweep's beginning."""
    about = event.model_dump(include={"creator_id", "rule_id", "threshold_seconds", "applies_to", "since"})
    effect = FindInactive(**about, cursor=cursor, as_of=event.began)
    reply = event.model_dump(include={"at", "creator_id", "rule_id", "sweep", "began"})
    return Call(effect, RecordFound(**reply, page=page))


def _triggers(found: MembersFound) -> Iterator[Reaction]:
    for due in found.due:
        about = found.model_dump(include={"at", "creator_id", "rule_id"})
        yield Later(found.at, TriggerRule(**about, **due.model_dump()))


def _actions(triggered: RuleTriggered) -> Iterator[Reaction]:
    about = triggered.model_dump(
        include={"at", "creator_id", "user_id", "rule_id", "trigger_id", "channel_id", "spell"}
    )
    for number, delay in enumerate(triggered.delays):
        yield Later(triggered.at + timedelta(seconds=delay), TakeAction(**about, action=number))


def react_to_export(event: Recorded[Event]) -> Iterator[Reaction]:
    match event.fact:
        case ExportRequested() as requested:
            effect = BuildExport(**requested.model_dump(exclude={"at", "email"}))
            yield Call(
                effect, RecordBuilt(**requested.model_dump(include={"at", "creator_id", "requested_by", "export_id"}))
            )
        case ExportBuilt(email=email) as built if email is not None:
            files = tuple((one.file_name, one.object_id) for one in built.files)
            about = built.model_dump(include={"creator_id", "requested_by", "export_id"})
            reply = RecordMailed(**about, at=built.at)
            yield Call(MailExport(**about, email=email, files=files), reply)

"""The auditor's actions: verification, replay, past states, causes, dossiers, exports."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from rich.console import Console

import bootstrap
import installation_secrets
from commandline import Stop
from commandline.installation import existing_database
from commandline.progress import progress_bar
from domain.messages import Event
from domain.rfc3339 import read_instant
from settings import Settings
from streams.audit.causes import CausalLink, why, why_row
from streams.audit.export import export
from streams.audit.facts import Facts
from streams.audit.history import as_of, diff, dossier, events_behind
from streams.audit.refold import refold
from streams.audit.signed_heads import public_bytes, sign_heads, signing_key
from streams.audit.verify import verify
from streams.core.envelope import Position, Recorded
from streams.core.read_models import ReadModel, Row
from streams.core.wiring import names_of
from streams.postgres.database import connect_plain
from streams.postgres.installation import WrongInstallation, refuse_other_master_key

console = Console(highlight=False, soft_wrap=True)


@contextmanager
def _opened(settings: Settings) -> Iterator[psycopg.Connection[Row]]:
    with connect_plain(existing_database(settings), "headwater audit") as connection:
        yield connection


def _facts(settings: Settings, connection: psycopg.Connection[Row], personal: bool) -> Facts:
    if not personal:
        return Facts(names_of(bootstrap.CONTEXTS))
    master_key = installation_secrets.master_key(settings)
    try:
        refuse_other_master_key(connection, master_key)
    except WrongInstallation as wrong:
        raise Stop(str(wrong)) from None
    return Facts(names_of(bootstrap.CONTEXTS), master_key)


def verify_log(settings: Settings, context: str | None) -> bool:
    """Verify hash chain, sequences, versions, outcomes and signatures; False when one is broken."""
    with _opened(settings) as connection, progress_bar("verifying", _records(connection)) as progress:
        trusted = [public_bytes(signing_key(settings.data))] if (settings.data / "audit.key").exists() else []
        report = verify(connection, context, trusted, progress)
    console.print(f"{report.records} records in {report.partitions} partitions, {report.signed_heads} signed heads")
    if report.fault is not None:
        console.print(f"[red]broken[/red]: {report.fault}")
    else:
        console.print("[green]whole[/green]: every hash, sequence, version and outcome holds")
    return report.whole


def _records(connection: psycopg.Connection[Row]) -> int:
    row = connection.execute("select coalesce(sum(sequence), 0)::bigint from headwater.partitions").fetchone()
    return int(row[0]) if row else 0


def sign(settings: Settings) -> None:
    """Sign the heads of all partitions and print the public key, which a verifier needs."""
    with _opened(settings) as connection:
        key = signing_key(settings.data)
        heads = sign_heads(connection, key, datetime.now(UTC))
    console.print(f"{len(heads)} heads signed; public key {public_bytes(key).hex()}")


def replay(settings: Settings) -> bool:
    """Fold every stream anew with the present code; False when one fails to fold or differs from its snapshot."""
    with _opened(settings) as connection, progress_bar("replaying", _records(connection)) as progress:
        found = refold(connection, _facts(settings, connection, personal=True), bootstrap.CONTEXTS, progress)
    console.print(f"{found.streams} streams, {found.events} events, {found.snapshots} snapshots compared")
    if found.fault is not None:
        console.print(f"[red]{found.faults} faults[/red], the first at {found.fault[0]}: {found.fault[1]}")
    return found.faults == 0


def show_as_of(settings: Settings, name: str, until: str, personal: bool) -> None:
    """Print the rows of a read model at a position or a time, one JSON object a line."""
    context, model = _read_model(name)
    with _opened(settings) as connection:
        for row in as_of(connection, _facts(settings, connection, personal), context, model, _until(until)).values():
            _print_json(row)


def show_diff(settings: Settings, name: str, before: str, after: str, personal: bool) -> None:
    """Print the differences of a read model between two positions or times."""
    context, model = _read_model(name)
    with _opened(settings) as connection:
        facts = _facts(settings, connection, personal)
        for one in diff(connection, facts, context, model, _until(before), _until(after)):
            _print_json({"key": one.key, "before": one.before, "after": one.after, "columns": one.columns})


def show_why(settings: Settings, what: str, key: list[str]) -> None:
    """Print the chain of causes of a position, an event, a command or a read model's row, back to the request."""
    with _opened(settings) as connection:
        try:
            steps = _why(settings, connection, what, key)
        except LookupError as missing:
            raise Stop(str(missing)) from None
    for step in steps:
        made_by = f" ← {step.command}" if step.command else ""
        console.print(f"{step.at.isoformat()}  {step.position}  {step.name}{made_by}  by {step.actor}  ({step.stream})")


def _why(settings: Settings, connection: psycopg.Connection[Row], what: str, key: list[str]) -> list[CausalLink]:
    if key:
        context, model = _read_model(what)
        return why_row(connection, _facts(settings, connection, personal=False), context, model, key)
    try:
        return why(connection, Position.parse(what) if "/" in what else UUID(what))
    except ValueError:
        raise Stop(f"{what!r} is neither a position (context/partition/sequence) nor an id") from None


def show_events(settings: Settings, name: str, key: list[str], personal: bool) -> None:
    """Print every event that touched a row of a read model, in order."""
    context, model = _read_model(name)
    with _opened(settings) as connection:
        for touch in events_behind(connection, _facts(settings, connection, personal), context, model, key):
            _print_json(_readable(touch.event))


def show_dossier(settings: Settings, subject: str, personal: bool) -> None:
    """Print every event about a person (`context:id`), in order."""
    with _opened(settings) as connection:
        own_key = subject.partition(":")[2]
        for event in dossier(connection, _facts(settings, connection, personal), subject, [own_key]):
            _print_json(_readable(event))


def export_log(settings: Settings, directory: Path, context: str | None) -> None:
    """Write the log as files, with a manifest and a verifier that needs only Python."""
    with _opened(settings) as connection, progress_bar("exporting", _records(connection)) as progress:
        try:
            export(
                connection,
                directory,
                datetime.now(UTC),
                version("headwater"),
                signing_key(settings.data),
                context,
                progress,
            )
        except FileExistsError as exists:
            raise Stop(str(exists)) from None
    console.print(f"exported to {directory}; verify it anywhere with: python {directory}/verify_export.py")


def _read_model(name: str) -> tuple[str, ReadModel]:
    models = {model.name: (context.name, model) for context in bootstrap.CONTEXTS for model in context.read_models}
    if name not in models:
        raise Stop(f"there is no read model {name!r}; there are: {', '.join(sorted(models))}")
    return models[name]


def _until(text: str) -> Position | datetime | None:
    if text == "now":
        return None
    try:
        return Position.parse(text) if "/" in text else read_instant(text)
    except ValueError:
        raise Stop(f"{text!r} is neither a position (context/partition/sequence), a time, nor `now`") from None


def _readable(event: Recorded[Event]) -> Mapping[str, Any]:
    record = event.record
    return {
        "position": str(record.position),
        "at": record.at.isoformat(),
        "name": record.name,
        "stream": record.stream,
        "actor": record.actor,
        "command_id": str(record.command_id),
        "data": event.fact.model_dump(mode="json"),
    }


def _print_json(value: Mapping[str, Any]) -> None:
    print(json.dumps(value, default=str, ensure_ascii=False))

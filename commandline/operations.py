"""The operator's actions: status of an installation, rebuild and swap of read models, the manual clock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import monotonic

import psycopg
from rich.console import Console
from rich.table import Table

import bootstrap
import installation_secrets
from commandline import Stop
from commandline.installation import existing_database
from commandline.progress import progress_bar
from settings import Settings
from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.read_models import ReadModel, Row
from streams.core.wiring import names_of
from streams.kafka.groups import GroupMonitor, Member
from streams.kafka.processes import Processes, processes_of
from streams.postgres import rebuild
from streams.postgres.catch_up import Overtaken, RebuildFailed, catch_up, missing
from streams.postgres.database import Statement, connect, connect_plain, read
from streams.postgres.projection_tables import Active, Projection, Registered
from streams.postgres.status import Installation, installation
from streams.postgres.task_claims import retry
from streams.postgres.tasks import known_projections, reactions

console = Console(highlight=False)
DONE_WITHIN_SECONDS = 30
BROKERS_ANSWER_SECONDS = 20.0
"""Longer than a probe's: who asks by hand would rather wait than not know."""
OPEN_TASKS = "select count(*) from headwater.tasks where state in ('waiting', 'running') and due_at <= %s"
WAITING = {"processor": "commands", "projector": "records"}


async def show_status(settings: Settings, as_json: bool) -> bool:
    """Print the status; False when something has halted, a task is kept, or a role is missing."""
    async with await connect(existing_database(settings)) as connection:
        found = await installation(connection)
        processes = await _processes(settings, connection)
    if as_json:
        print(json.dumps(found.report() | ({} if processes is None else {"processes": processes.report()})))
    else:
        _print_status(found)
        if processes is not None:
            _print_processes(processes)
    whole = not found.halted and not found.log_halts and not found.kept_tasks
    return whole and (processes is None or not processes.missing)


async def _processes(settings: Settings, connection: psycopg.AsyncConnection[Row]) -> Processes | None:
    """The processes of an installation on Kafka; None of an embedded one."""
    from commandline.roles import NAMES, cluster

    (((log,),),) = await read(connection, [Statement("select log from headwater.installation")])
    if log != "kafka":
        return None
    if settings.kafka is None:
        return await processes_of(connection, None)
    monitor = GroupMonitor(cluster(settings), NAMES, settings.partitions, BROKERS_ANSWER_SECONDS)
    return await processes_of(connection, monitor)


def _print_processes(processes: Processes) -> None:
    if processes.unknown:
        console.print(f"[red]members and lag are not known[/red]: {processes.unknown}")
    for role, group in processes.groups.items():
        members = ", ".join(f"{one.instance} ({_counts(one)})" for one in group.members) or "nobody"
        console.print(f"{role}: {members}; {group.state.lower()}, {group.lag} {WAITING[role]} wait")
        if group.unowned:
            console.print(f"[red]without a {role}[/red]: {', '.join(group.unowned)}")
    for one in processes.seen:
        if one.missed:
            console.print(f"[red]{one.instance} has not been seen for {one.silence:.0f} s[/red]")
    for role in processes.missing:
        console.print(f"[red]no {role} serves[/red]: start one (headwater {role})")


def _counts(member: Member) -> str:
    return ", ".join(f"{count} of {context}" for context, count in member.partitions.items()) or "no partitions"


def _print_status(found: Installation) -> None:
    table = Table("table", "state", "lag (records)", "lag (s)", "halted at", box=None)
    table.columns[0].no_wrap = True
    for p in found.projections:
        table.add_row(p.table, p.state, str(p.lag_events), f"{p.lag_seconds:.1f}", p.halted_at)
    console.print(table)
    for p in found.halted:
        console.print(f"[red]{p.table} halted at {p.halted_at}[/red]: {p.error}")
        console.print(f"  after the fix: headwater projection retry {p.name}")
    for halt in found.log_halts:
        console.print(f"[red]{halt.role} stands still on {halt.context}/{halt.partition}[/red]: {halt.error}")
    for task in found.kept_tasks:
        console.print(f"[red]{task.kind} {task.name} {task.id} is {task.state}[/red]: {task.error}")
    if found.kept_tasks:
        console.print("  after the fix: headwater tasks retry")
    records = sum(sequence for _, _, sequence in found.partitions)
    console.print(
        f"{records} records in {len(found.partitions)} partitions; oldest overdue task {found.overdue_seconds:.0f} s"
    )
    for context, kind, state, count in found.tasks:
        console.print(f"{count} {kind}s {state} in {context}")


def list_projections(settings: Settings) -> None:
    """Print every table of every projection."""
    with connect_plain(existing_database(settings)) as connection:
        for row in rebuild.registered(connection):
            halted = f"  halted at {row.halted_at}: {row.error}" if row.halted_at else ""
            console.print(f"{row.name} v{row.version}  {row.state:8}  {row.table}{halted}", soft_wrap=True)


def rebuild_projection(settings: Settings, name: str) -> None:
    """Build a read model beside the live one, keep it up to date, and compare the two."""
    with _operating(settings, name) as (connection, mapper):
        projection, model = _read_model(name, mapper)
        active = rebuild.activate(connection, projection, rebuild.create(connection, projection, model))
        _catch_up(connection, active, mapper)
        rebuild.join_writers(connection, active, mapper, "shadow")
        same = rebuild.compare(connection, name, active)
    verdict = "equal" if same.equal else f"{same.only_live} only live, {same.only_rebuilt} only rebuilt"
    console.print(f"live {same.live_rows} rows, rebuilt {same.rebuilt_rows} rows: {verdict}")
    console.print(f"{active.table} is kept up to date beside the live one. Next: headwater projection swap {name}")


def _catch_up(connection: psycopg.Connection[Row], active: Active, mapper: Mapper) -> None:
    total = missing(connection, active)
    with progress_bar(active.table, total, transient=False) as progress:
        try:
            catch_up(connection, active, mapper, progress)
        except RebuildFailed as failure:
            raise Stop(
                f"{active.projection.name} halted on an event: {failure}."
                f" What was built so far goes with: headwater projection drop {active.projection.name}"
            ) from None


def swap_projection(settings: Settings, name: str) -> None:
    """Make the newest shadow table the live one."""
    with _operating(settings, name) as (connection, mapper):
        projection, _ = _read_model(name, mapper)
        shadows = [row for row in rebuild.registered(connection) if row.name == name and row.state == "shadow"]
        if not shadows:
            raise Stop(f"{name} has no rebuilt table: headwater projection rebuild {name}")
        _check_version(shadows[-1], projection)
        if shadows[-1].halted_at:
            raise Stop(f"{shadows[-1].table} has halted at {shadows[-1].halted_at}: {shadows[-1].error}")
        rebuild.swap(connection, rebuild.activate(connection, projection, shadows[-1].table))
    console.print(f"{shadows[-1].table} is live. The old table stays until: headwater projection drop {name}")


def retry_projection(settings: Settings, name: str) -> None:
    """Resume the halted tables of a projection from their last position."""
    with _operating(settings, name) as (connection, mapper):
        halted = [row for row in rebuild.registered(connection) if row.name == name and row.halted_at]
        if not halted:
            raise Stop(f"{name} has not halted")
        for row in halted:
            _retry(connection, mapper, row)


def _retry(connection: psycopg.Connection[Row], mapper: Mapper, row: Registered) -> None:
    projection = next((p for p in known_projections(bootstrap.CONTEXTS, mapper) if p.name == row.name), None)
    if projection is None:
        raise Stop(f"this program has no read model {row.name!r}, so nothing can go on with {row.table}")
    _check_version(row, projection)
    try:
        rebuild.resume(connection, rebuild.activate(connection, projection, row.table), mapper, row.state)
    except RebuildFailed as failure:
        raise Stop(f"{row.name} still raises: {failure}") from None
    console.print(f"{row.table} goes on")


def _check_version(row: Registered, projection: Projection) -> None:
    if row.version != projection.version:
        raise Stop(
            f"{row.table} is of version {row.version}, this program makes version {projection.version}:"
            f" headwater projection rebuild {row.name}"
        )


def drop_projection(settings: Settings, name: str) -> None:
    """Remove the tables of a projection that are not live."""
    with _operating(settings, name) as (connection, _):
        for row in rebuild.registered(connection):
            if row.name == name and row.state != "live":
                rebuild.drop(connection, row)
                console.print(f"{row.table} is gone")


def advance_clock(settings: Settings, by: timedelta) -> datetime:
    """Move the manual clock, wait until every due task is done, and return the new time."""
    dsn = existing_database(settings)
    with connect_plain(dsn) as connection:
        row = connection.execute("update headwater.clock set now = now + %s returning now", (by,)).fetchone()
        if row is None:
            raise Stop("no manual clock runs here: start it with `headwater up --clock manual`")
        connection.execute("select pg_notify('headwater_clock', %s)", (row[0].isoformat(),))
        return asyncio.run(_settled(dsn, row[0]))


async def _settled(dsn: str, now: datetime) -> datetime:
    async with await connect(dsn) as connection:
        until = monotonic() + DONE_WITHIN_SECONDS
        while True:
            cursor = await connection.execute(OPEN_TASKS, (now,))
            if await cursor.fetchone() == (0,):
                return now
            if monotonic() > until:
                raise Stop(f"it is {now.isoformat()} now, but some due tasks are still not done")
            await asyncio.sleep(0.05)


def retry_tasks(settings: Settings) -> None:
    """Let the kept tasks go on, those whose command failed and those that could not be read."""
    with connect_plain(existing_database(settings), "headwater tasks") as connection:
        kept = connection.execute(*retry([context.name for context in bootstrap.CONTEXTS])).rowcount
    tasks = "1 task goes" if kept == 1 else f"{kept} tasks go"
    console.print(f"{tasks} on within 15 seconds; headwater status shows what fails again")


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[psycopg.Connection[Row], Mapper]]:
    dsn = existing_database(settings)  # first, as the key would be made where there is none
    mapper = Mapper(names_of(bootstrap.CONTEXTS), Keyring(installation_secrets.master_key(settings)))
    with connect_plain(dsn, "headwater projection") as connection:
        yield connection, mapper


@contextmanager
def _operating(settings: Settings, name: str) -> Iterator[tuple[psycopg.Connection[Row], Mapper]]:
    """`_opened`, with every other operator kept off the projection."""
    with _opened(settings) as (connection, mapper):
        try:
            with rebuild.operating(connection, name):
                yield connection, mapper
        except Overtaken as overtaken:
            raise Stop(str(overtaken)) from None


def _read_model(name: str, mapper: Mapper) -> tuple[Projection, ReadModel]:
    models = {model.name: model for context in bootstrap.CONTEXTS for model in context.read_models}
    if name not in models:
        if any(name == reactions(context, mapper).name for context in bootstrap.CONTEXTS):
            raise Stop(f"{name} makes tasks; a rebuild would make them again, so there is none")
        raise Stop(f"there is no read model {name!r}; there are: {', '.join(sorted(models))}")
    return next(p for p in known_projections(bootstrap.CONTEXTS, mapper) if p.name == name), models[name]

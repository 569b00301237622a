"""Moves of data between the runtimes: an embedded journal to Kafka, PostgreSQL from Kafka, the subjects' keys."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

import bootstrap
import installation_secrets
from commandline import Stop
from commandline.installation import existing_database, has_embedded_database
from commandline.progress import progress_bar
from commandline.roles import NAMES, cluster, durability, role_of
from settings import Settings
from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.wiring import names_of
from streams.kafka import topics
from streams.kafka.denials import Denied
from streams.kafka.key_backup import CannotRestore, backup_keys, restore_keys
from streams.kafka.move import CannotMove, move
from streams.kafka.recovery import CannotRebuild, rebuild
from streams.kafka.rights import RIGHTS
from streams.kafka.types import BrokenLog
from streams.postgres.database import connect_plain, has_table
from streams.postgres.installation import WrongInstallation, check_master_key, prepare
from streams.postgres.server import NotDurable

console = Console(highlight=False, soft_wrap=True)


def move_to_kafka(settings: Settings) -> None:
    """Copy the journal to topics (made if missing) with the same partitions, sequences and hashes, and verify it."""
    there = cluster(settings)
    with (
        connect_plain(existing_database(settings), "headwater move") as connection,
        progress_bar("moving") as progress,
    ):
        try:
            topics.create(there, NAMES, settings.partitions, durability(settings))
            topics.check(there, NAMES, settings.partitions, durability(settings), RIGHTS["move"])
            records = move(connection, there, NAMES, progress)
            ((files,),) = connection.execute(FILES_THERE).fetchall()
        except (CannotMove, topics.WrongTopic, Denied) as reason:
            raise Stop(str(reason)) from None
    console.print(f"{records} records are in Kafka and verified. The embedded runtime no longer takes this database.")
    console.print(next_steps(settings, files))


def next_steps(settings: Settings, files: int) -> str:
    """Steps that remain until the roles run. Keys of persons and files are in no topic, so they must be taken along."""
    kafka = f"export HEADWATER_DATA={settings.data.absolute()} HEADWATER_KAFKA={settings.kafka}"
    given = {"PREFIX": settings.prefix, "REPLICAS": settings.replicas, "MIN_INSYNC": settings.min_insync}
    usual = Settings.model_fields
    kafka += "".join(f" HEADWATER_{name}={v}" for name, v in given.items() if v != usual[name.lower()].default)
    secrets = f"with the master.key, token.key and secret.key of {settings.data}"
    if settings.postgres is not None:
        return f"Next, on the same PostgreSQL and {secrets}:\n  {kafka}\n  {ROLES}"
    return (
        "Next, the keys of persons, which are not in Kafka, and an empty PostgreSQL that every role can reach:\n"
        f"  {kafka}\n"
        "  headwater keys backup keys.jsonl\n"
        "  export HEADWATER_POSTGRES=postgresql://headwater@database/headwater\n"
        "  headwater keys restore keys.jsonl\n"
        f"{FILES.format(files) if files else ''}"
        "  headwater journal rebuild\n"
        f"Then, {secrets}:\n  {ROLES}"
    )


FILES_THERE = "select (select count(*) from headwater.objects) + (select count(*) from headwater.vault)"
FILES = (
    "  pg_dump --data-only --table='headwater.object*' --table=headwater.vault OLD | psql NEW"
    "   # {} files and credentials, which are not in Kafka either\n"
)
ROLES = "headwater processor, headwater projector, headwater worker, headwater live, headwater api"


def rebuild_from_kafka(settings: Settings) -> None:
    """Rebuild an empty PostgreSQL from Kafka: journal, outcomes, read models, pending tasks."""
    role = role_of(settings, "rebuild")
    mapper = Mapper(names_of(bootstrap.CONTEXTS), Keyring(role.master_key))
    with connect_plain(role.dsn, "headwater rebuild") as connection, progress_bar("rebuilding") as progress:
        try:
            topics.check(role.cluster, NAMES, role.partitions, durability(settings), RIGHTS["rebuild"])
            prepare(connection, bootstrap.CONTEXTS, role.partitions, "kafka")
            check_master_key(connection, role.master_key)
            found = rebuild(
                connection, role.cluster, bootstrap.CONTEXTS, mapper, role.partitions, datetime.now(UTC), progress
            )
        except (CannotRebuild, BrokenLog, Denied, WrongInstallation, NotDurable, topics.WrongTopic) as reason:
            raise Stop(str(reason)) from None
    console.print(f"{found.records} records, {found.tasks} open tasks; {found.perhaps_called} calls may have been made")
    if found.lost_subjects:
        console.print(
            f"[red]the keys of {found.lost_subjects} persons are missing[/red]: their values stay unreadable"
            " until `headwater keys restore`, and read models are rebuilt after that"
        )
    if found.lost_objects:
        console.print(
            f"[red]{found.lost_objects} files or credentials are missing[/red], which are not in the log: to have them,"
            " restore headwater.objects, headwater.object_parts and headwater.vault of a backup into an empty database,"
            " and rebuild again"
        )


def backup(settings: Settings, path: Path) -> None:
    """Write the subjects' keys, wrapped by the master key, to a new file."""
    with connect_plain(existing_database(settings), "headwater keys") as connection:
        try:
            console.print(f"{backup_keys(connection, path)} keys in {path}; the master key is not in it")
        except FileExistsError:
            raise Stop(f"{path} exists already") from None


def restore(settings: Settings, path: Path) -> None:
    """Restore missing keys, never destroyed ones; also into a new database, before it is rebuilt."""
    if settings.postgres is None and not has_embedded_database(settings):
        raise Stop(f"there is no database in {settings.data}, and none is given (--data, HEADWATER_POSTGRES)")
    with connect_plain(bootstrap.database(settings), "headwater keys") as connection:
        try:
            if not has_table(connection, "headwater.subject_keys"):
                prepare(connection, bootstrap.CONTEXTS, settings.partitions)
            master_key = installation_secrets.master_key(settings)
            with connection.transaction():
                restored = restore_keys(connection, path, master_key)
                check_master_key(connection, master_key)
            console.print(f"{restored} keys put back")
        except FileNotFoundError:
            raise Stop(f"there is no file {path}") from None
        except (CannotRestore, NotDurable, WrongInstallation) as reason:
            raise Stop(str(reason)) from None

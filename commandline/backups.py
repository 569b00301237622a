"""Backup of a whole installation while it runs, and its restore: database, secrets, list of erased subjects."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError
from rich.console import Console

import bootstrap
import installation_secrets
from commandline import Stop
from commandline.audit import verify_log
from commandline.installation import existing_database
from commandline.orders import erasure, finish_erasure
from settings import Settings
from streams.audit.erasures import NotAList, erased_subjects, subjects_in, write_list
from streams.core.clock import SystemClock
from streams.core.gateway import envelop, submit_until_recorded
from streams.embedded.runtime import EmbeddedRuntime
from streams.postgres.base_backup import (
    CannotBackUp,
    check_base_backup,
    copy_base_backup,
    kept_free,
    put_restored,
    take_base_backup,
)
from streams.postgres.database import connect_plain
from streams.postgres.dump import load_dump, take_dump
from streams.postgres.extensions import extensions_of
from streams.postgres.installation import WrongInstallation
from streams.postgres.journal import KEYS_ABOUT
from streams.postgres.server import embedded_server
from streams.postgres.tasks import MARK_BEGUN

console = Console(highlight=False, soft_wrap=True)

MANIFEST, KEYS, ERASED, BASE, DUMP = "backup.json", "keys", "erased.jsonl", "postgres", "database.dump"
WITHIN_SECONDS = 60.0


class Manifest(BaseModel):
    """What a backup says of itself."""

    format: Literal[1] = 1
    program: str
    taken_at: datetime
    log: Literal["postgresql", "kafka"]
    embedded: bool
    records: int
    keys: list[str]
    settings: list[str]


def back_up(settings: Settings, into: Path) -> None:
    """Write a backup into a new directory; it has its name only once it is whole. Raises Stop."""
    if into.exists():
        raise Stop(f"{into} exists already: a backup makes a directory of its own")
    into = into.absolute()  # PostgreSQL's programs work in another directory
    draft = into.with_name(f"{into.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    try:
        manifest = _written(settings, draft)
    except CannotBackUp as reason:
        raise Stop(str(reason)) from None
    os.sync()
    draft.rename(into)
    console.print(f"{manifest.records} records, {len(manifest.keys)} secrets in {into}; every checksum holds")
    for line in _left_out(manifest):
        console.print(line)


def _written(settings: Settings, draft: Path) -> Manifest:
    dsn = existing_database(settings)
    with connect_plain(dsn, "headwater backup") as connection:
        ((log,),) = connection.execute("select log from headwater.installation").fetchall()
        records = _records(dsn)
        if settings.postgres is None:
            take_base_backup(dsn, draft / BASE)
        else:
            take_dump(dsn, draft / DUMP)
        write_list(draft / ERASED, erased_subjects(connection))
    manifest = Manifest(
        program=version("headwater"),
        taken_at=datetime.now(UTC),
        log=log,
        embedded=settings.postgres is None,
        records=records,
        keys=_copied_keys(settings.data, draft / KEYS),
        settings=_secret_settings(settings),
    )
    (draft / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n")
    return manifest


def _copied_keys(source: Path, into: Path) -> list[str]:
    """Every key file, under its name and readable by its owner alone."""
    into.mkdir(mode=0o700)
    found = sorted(source.glob("*.key"))
    for path in found:
        with os.fdopen(os.open(into / path.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(path.read_bytes())
    return [path.name for path in found]


def _secret_settings(settings: Settings) -> list[str]:
    given = {
        "HEADWATER_MASTER_KEY": settings.master_key,
        "HEADWATER_TOKEN_SECRET": settings.token_secret,
        "HEADWATER_SECRET": settings.secret,
    }
    return [name for name, value in given.items() if value is not None]


def _left_out(manifest: Manifest) -> list[str]:
    """What the backup has not, and where it is."""
    lines = [f"not in it: {name}, which is a setting; keep it elsewhere" for name in manifest.settings]
    if manifest.log == "kafka":
        lines.append(
            "not in it: records in Kafka that were not projected yet, and commands not decided yet; "
            "their topics must outlive a loss of PostgreSQL, and after a restore the projectors go on from them"
        )
    return lines


def restore(settings: Settings, backup: Path, erased: Path | None) -> bool:
    """Restore a backup where there is no installation yet; False when the history does not verify. Raises Stop.

    Subjects that were erased since the backup, as `erased` lists them, are erased again before anything can be served.
    """
    backup = backup.absolute()
    manifest = _manifest(backup)
    _check_place(settings, manifest)
    try:
        again = [] if erased is None else subjects_in(erased)
        if not manifest.embedded:
            return _restored_dump(settings, backup, manifest, again)
        check_base_backup(backup / BASE)
        _put_keys_back(settings.data, backup, manifest)
        return _restored_base(settings, backup, manifest, again)
    except (CannotBackUp, NotAList, WrongInstallation) as reason:
        raise Stop(str(reason)) from None
    except FileNotFoundError as missing:
        raise Stop(f"there is no {missing.filename}") from None


def _manifest(backup: Path) -> Manifest:
    try:
        return Manifest.model_validate_json((backup / MANIFEST).read_bytes())
    except OSError:
        raise Stop(f"{backup} is no backup: it has no {MANIFEST}") from None
    except ValidationError:
        raise Stop(f"{backup} is a backup of another format: restore it with the program that made it") from None


def _check_place(settings: Settings, manifest: Manifest) -> None:
    if manifest.embedded and settings.postgres is not None:
        raise Stop("this backup has an embedded database: restore it without HEADWATER_POSTGRES")
    if not manifest.embedded and settings.postgres is None:
        raise Stop("this backup is of a PostgreSQL of your own: name an empty database with HEADWATER_POSTGRES")
    missing = set(manifest.settings) - set(_secret_settings(settings))
    if missing:
        raise Stop(f"the installation had {', '.join(sorted(missing))} as a setting: give the same")


def _put_keys_back(data: Path, backup: Path, manifest: Manifest) -> None:
    data.mkdir(parents=True, exist_ok=True)
    for name in manifest.keys:
        secret = (backup / KEYS / name).read_bytes()
        with (
            suppress(FileExistsError),
            os.fdopen(os.open(data / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file,
        ):
            file.write(secret)
        if (data / name).read_bytes() != secret:
            raise Stop(f"{data / name} is another secret than the backup's: restore into a directory without one")


def _restored_base(settings: Settings, backup: Path, manifest: Manifest, again: Sequence[str]) -> bool:
    """Works beside the final place, which the database takes only when all is done: a kill leaves it empty."""
    directory = bootstrap.database_directory(settings)
    beside = directory.with_name(f"{directory.name}.restored")
    with kept_free(directory):
        copy_base_backup(backup / BASE, beside)
        server = embedded_server(beside)
        try:
            whole = _settled(settings.model_copy(update={"postgres": server.dsn()}), manifest, again)
        finally:
            server.leave()
        put_restored(beside, directory)
    return whole


def _restored_dump(settings: Settings, backup: Path, manifest: Manifest, again: Sequence[str]) -> bool:
    assert settings.postgres is not None
    load_dump(settings.postgres, backup / DUMP, extensions_of(bootstrap.CONTEXTS))
    _put_keys_back(settings.data, backup, manifest)
    return _settled(settings, manifest, again)


def _settled(settings: Settings, manifest: Manifest, again: Sequence[str]) -> bool:
    """Verify, and make good what happened since the backup. On Kafka the log itself repeats it."""
    assert settings.postgres is not None
    whole = verify_log(settings, None) and _records(settings.postgres) >= manifest.records
    if manifest.log == "kafka":
        console.print("next: the projectors alone, until `headwater status` shows no lag; then the others")
        return whole
    with connect_plain(settings.postgres, "headwater restore") as connection:
        begun = connection.execute(MARK_BEGUN, (datetime.now(UTC),)).rowcount
        known = {one.subject for one in erased_subjects(connection)}
    missing = [subject for subject in again if subject not in known]
    if missing:
        asyncio.run(_erase(settings, settings.postgres, missing))
        for line in finish_erasure(settings.postgres, missing, manifest.embedded):
            console.print(line)
    console.print(f"{len(missing)} subjects erased again; {begun} calls that were due count as begun")
    return whole


def _records(dsn: str) -> int:
    with connect_plain(dsn, "headwater restore") as connection:
        ((records,),) = connection.execute("select sum(sequence)::bigint from headwater.partitions").fetchall()
    return records or 0


async def _erase(settings: Settings, dsn: str, subjects: Sequence[str]) -> None:
    """Erase them through the engine, with no worker: nothing is sent before they are gone."""
    key = installation_secrets.master_key(settings)
    runtime = EmbeddedRuntime(dsn, bootstrap.CONTEXTS, key, SystemClock(), {}, settings.partitions, working=False)
    async with runtime.run():
        for subject in subjects:
            context, _, id_ = subject.partition(":")
            await _erase_under(runtime, context, subject, id_)
            with connect_plain(dsn, "headwater restore") as connection:
                places = connection.execute(KEYS_ABOUT, (subject,)).fetchall()
            for place, partition_key in places:
                if (place, partition_key) != (context, id_):
                    await _erase_under(runtime, place, subject, partition_key)


async def _erase_under(runtime: EmbeddedRuntime, context: str, subject: str, key: str) -> None:
    envelope = envelop(erasure(subject, key), context, runtime.partitions, "restore")
    await submit_until_recorded(runtime.gateway, envelope, WITHIN_SECONDS)


def print_erased(settings: Settings) -> None:
    """Print the erased subjects, one JSON object a line: the list that a restore is given."""
    with connect_plain(existing_database(settings), "headwater audit") as connection:
        for one in erased_subjects(connection):
            print(json.dumps({"subject": one.subject, "at": one.at.isoformat()}))

"""Backup of the subjects' keys to a file, and restore. The keys are in PostgreSQL only, not in the log.

Without them a rebuilt database has no personal values. The keys stay wrapped by the master key, which is not in the
file and is needed as well.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidTag
from psycopg import Connection

from streams.core.keys import Keyring, WrappedKey
from streams.core.read_models import Row
from streams.core.wiring import SubjectErased
from streams.postgres.journal import KEYS

RESTORE = f"""
    insert into headwater.subject_keys (subject, wrapped) values (%s, %s)
        on conflict (subject) do update set wrapped = excluded.wrapped, destroyed_at = null
     where subject_keys.wrapped is null
       and not exists (select from headwater.journal j where j.name = '{SubjectErased.name}'
                          and convert_from(j.data, 'UTF8')::json ->> 'erased' = excluded.subject)
"""


class CannotRestore(Exception):
    """The file holds something other than this installation's keys. Nothing was restored; the text says what."""


def backup_keys(connection: Connection[Row], path: Path) -> int:
    """Write every living key as a JSON line to a new file of mode 0600, and give their number.

    Replace the file after every erasure: it holds the keys of all persons who were not erased when it was written, so
    an old one would bring an erased person's data back. Raises FileExistsError.
    """
    rows = connection.execute(
        "select subject, wrapped from headwater.subject_keys where wrapped is not null order by 1"
    )
    keys = rows.fetchall()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        for subject, wrapped in keys:
            file.write(orjson.dumps({"subject": subject, "wrapped": b64encode(wrapped).decode()}) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return len(keys)


def restore_keys(connection: Connection[Row], path: Path, master_key: bytes) -> int:
    """Restore keys that are missing or lost, never one that the log records as destroyed, and give their number.

    Read models that were built without them must be rebuilt. Raises FileNotFoundError or CannotRestore.
    """
    restored, keyring = 0, Keyring(master_key)
    with connection.transaction(), path.open("rb") as file:
        for number, line in enumerate(file, 1):
            place = f"{path}, line {number}"
            key = _key(keyring, place, line)
            _check_same(connection, keyring, place, key)
            restored += connection.execute(RESTORE.encode(), key).rowcount
    return restored


def _check_same(connection: Connection[Row], keyring: Keyring, place: str, key: WrappedKey) -> None:
    """Two keys of one person mean that records are under each of them: neither may silently take the other's place."""
    for subject, wrapped in connection.execute(KEYS, ([key.subject],)).fetchall():
        if wrapped is not None and wrapped != key.wrapped and not keyring.same(key, WrappedKey(subject, wrapped)):
            raise CannotRestore(
                f"{place}: the database has another key of {subject} than this one, and records under each would be "
                "unreadable under the other: restore into an empty database, and rebuild it (headwater journal rebuild)"
            )


def _key(keyring: Keyring, place: str, line: bytes) -> WrappedKey:
    """The master key must open the key; otherwise everything about the subject would become unreadable."""
    try:
        key = orjson.loads(line)
        wrapped = WrappedKey(key["subject"], b64decode(key["wrapped"], validate=True))
        keyring.learn(wrapped)
    except InvalidTag:
        raise CannotRestore(
            f"{place}: this key was wrapped by another master key: give the installation's own HEADWATER_MASTER_KEY, "
            "or put its master.key back into the data directory"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise CannotRestore(f"{place}: this is not a key of `headwater keys backup`") from error
    return wrapped

"""The subjects' keys as a file: they are in PostgreSQL only, and without them a rebuilt log has no personal values.

They stay wrapped by the master key, which is not in the file and is needed as well.
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

RESTORE = f"""
    insert into headwater.subject_keys (subject, wrapped) values (%s, %s)
        on conflict (subject) do update set wrapped = excluded.wrapped, destroyed_at = null
     where subject_keys.wrapped is null
       and not exists (select from headwater.journal j where j.name = '{SubjectErased.name}'
                          and convert_from(j.data, 'UTF8')::json ->> 'erased' = excluded.subject)
"""


class CannotRestore(Exception):
    """The file holds something else than keys of this installation; nothing was put back. The text says what."""


def backup_keys(connection: Connection[Row], path: Path) -> int:
    """Writes every key there is, a JSON line each, to a new file of mode 0600; gives their number.

    Raises FileExistsError. Keep the file as long as no erased person's data may come back: it holds the keys of
    everybody who was not erased when it was written, so replace it after every erasure.
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
    """Puts back the keys that are missing or lost, never one that the log says was destroyed; gives their number.

    Read models built without them have to be rebuilt. Raises FileNotFoundError, or CannotRestore.
    """
    restored, keyring = 0, Keyring(master_key)
    with connection.transaction(), path.open("rb") as file:
        for number, line in enumerate(file, 1):
            restored += connection.execute(RESTORE.encode(), _key(keyring, f"{path}, line {number}", line)).rowcount
    return restored


def _key(keyring: Keyring, place: str, line: bytes) -> WrappedKey:
    """A key that the master key opens; one that it does not would make everything about its subject unreadable."""
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

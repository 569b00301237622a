"""The subjects' keys as a file: they are in PostgreSQL only, and without them a rebuilt log has no personal values.

They stay wrapped by the master key, which is not in the file and is needed as well.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from pathlib import Path

import orjson
from psycopg import Connection

from streams.database import Row
from streams.wiring import SubjectErased

RESTORE = f"""
    insert into headwater.subject_keys (subject, wrapped) values (%s, %s)
        on conflict (subject) do update set wrapped = excluded.wrapped, destroyed_at = null
     where subject_keys.wrapped is null
       and not exists (select from headwater.journal j where j.name = '{SubjectErased.name}'
                          and convert_from(j.data, 'UTF8')::json ->> 'erased' = excluded.subject)
"""


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


def restore_keys(connection: Connection[Row], path: Path) -> int:
    """Puts back the keys that are missing or lost, never one that the log says was destroyed; gives their number.

    Read models built without them have to be rebuilt.
    """
    restored = 0
    with connection.transaction(), path.open("rb") as file:
        for line in file:
            key = orjson.loads(line)
            restored += connection.execute(RESTORE.encode(), (key["subject"], b64decode(key["wrapped"]))).rowcount
    return restored

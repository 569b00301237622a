"""Formats of the engine's tables: the step from each to the next."""

from __future__ import annotations

from collections.abc import Mapping

from psycopg import Connection

from streams.core.read_models import Row
from streams.postgres.installation import WRITER, WrongInstallation
from streams.postgres.schema import FORMAT

STEPS: Mapping[int, str] = {}
"""SQL that carries a database of this format to the next. Columns and tables that are only added need no step."""

FOUND = "select format from headwater.installation for update"


def carry_format(
    connection: Connection[Row], wanted: int = FORMAT, steps: Mapping[int, str] = STEPS
) -> tuple[int, int]:
    """Carry the tables to the wanted format, all or nothing; gives the formats before and after.

    Raises WrongInstallation for a newer format, one without a step, or while a process writes.
    """
    with connection.transaction():
        ((idle,),) = connection.execute("select pg_try_advisory_xact_lock(%s)", (WRITER,)).fetchall()
        ((found,),) = connection.execute(FOUND).fetchall()
        if found > wanted:
            raise WrongInstallation(
                f"the database has format {found}, and this program knows {wanted}: use a newer one"
            )
        if found < wanted and not idle:
            raise WrongInstallation("a headwater process writes here: stop it first")
        for number in range(found, wanted):
            if number not in steps:
                raise WrongInstallation(f"no step leads from format {number} to {number + 1}")
            connection.execute(steps[number].encode())
        connection.execute("update headwater.installation set format = %s where format <> %s", (wanted, wanted))
    return found, wanted

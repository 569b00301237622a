"""Roles of the embedded server: the product's role owns what the product makes, and is no superuser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from streams.postgres.extensions import make_embedded_extensions

if TYPE_CHECKING:
    from streams.core.read_models import Row


SUPERUSER, PRODUCT_ROLE = "postgres", "headwater"

SETTLING = 0x48656167
"""Key of the advisory lock under which the role is made."""

OWNERS = """
    with wanted as (select oid from pg_roles where rolname = 'headwater'),
         ours as (select oid from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema')
    select format('alter schema %I owner to headwater', nspname) from pg_namespace, wanted
     where nspname in ('headwater', 'read_models') and nspowner <> wanted.oid
    union all
    select format('alter %s %s owner to headwater',
                  case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
                               else 'table' end, c.oid::regclass) from pg_class c, wanted
     where relnamespace in (select oid from ours) and relkind in ('r', 'p', 'v', 'm', 'S') and relowner <> wanted.oid
       and not exists (select from pg_depend d where d.objid = c.oid and relkind = 'S' and d.deptype in ('a', 'i'))
       and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
    union all
    select format('alter routine %s owner to headwater', p.oid::regprocedure) from pg_proc p, wanted
     where pronamespace in (select oid from ours) and proowner <> wanted.oid
       and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
    union all
    select format('alter database %I owner to headwater', datname) from pg_database, wanted
     where datname = current_database() and datdba <> wanted.oid
"""
"""Statements that give the product's role what an earlier release made as the superuser; none when all is done."""

KNOWN = "select has_function_privilege(oid, 'pg_switch_wal()', 'execute') from pg_roles where rolname = 'headwater'"
RIGHTS = (
    "grant pg_checkpoint to headwater",
    "grant execute on function pg_switch_wal() to headwater",
)
"""Rights that an erasure needs, to move the server's own log on."""


def settle_roles(connection: psycopg.Connection[Row]) -> None:
    """Make the product's role, its rights, its extensions and its ownership in this database; idempotent.

    For the superuser. What belongs to an extension stays the superuser's.
    """
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", (SETTLING,))
        known = connection.execute(KNOWN).fetchone()
        if known is None:
            connection.execute("create role headwater login")
        for right in () if known == (True,) else RIGHTS:
            connection.execute(right)
        make_embedded_extensions(connection)
        for (statement,) in connection.execute(OWNERS).fetchall():
            connection.execute(statement.encode())

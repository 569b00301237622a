"""The tenants of whom anything is on record, for who must reach a person in every one of them."""

from __future__ import annotations

from psycopg import Connection

from streams.core.read_models import Row

SOURCES = ("content_generator_campaigns", "content_generator_sessions", "content_generator_tokens")
"""The read models that know a tenant: campaigns and sessions hold people, and a token may bring more of them."""

TENANTS = " union ".join(f"select tenant from {source} where tenant <> ''" for source in SOURCES)


def known_tenants(connection: Connection[Row]) -> list[str]:
    """The tenants, in order."""
    return sorted(tenant for (tenant,) in connection.execute(TENANTS.encode()).fetchall())

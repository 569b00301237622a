"""One row per token of a context's surface, and one per holder whose tokens were revoked.

A token that was revoked without its issue on record has a row that holds the revocation alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from psycopg import AsyncConnection, Connection

from domain.tokens import HolderRevoked, TokenEvent, TokenIssued, TokenRevoked
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, put

VERSION = 2
TOKENS_DDL = """
    create table {table} (
        token_id        text primary key,
        holder          text,
        scopes          jsonb not null default '[]',
        limits          jsonb not null default '{{}}',
        tenant          text,
        tier            text,
        key_id          text,
        issued_at       timestamptz,
        expires_at      timestamptz,
        revoked_at      timestamptz
    );
    create index on {table} (holder);
    create index on {table} (revoked_at) where revoked_at is not null;
"""
HOLDERS_DDL = """
    create table {table} (
        holder          text primary key,
        revoked_at      timestamptz not null
    );
"""


def project(event: Recorded[TokenEvent | HolderRevoked]) -> Iterator[Change]:
    match event.fact:
        case TokenIssued() as fact:
            yield put(fact.token_id, **_columns(fact))
        case TokenRevoked() as fact:
            yield put(fact.token_id, revoked_at=fact.at)


def _columns(fact: TokenIssued) -> dict[str, object]:
    return {
        "holder": fact.holder,
        "scopes": list(fact.scopes),
        "limits": fact.limits,
        "tenant": fact.tenant,
        "tier": fact.tier,
        "key_id": fact.key_id,
        "issued_at": fact.issued_at,
        "expires_at": fact.expires_at,
    }


def project_holders(event: Recorded[TokenEvent | HolderRevoked]) -> Iterator[Change]:
    match event.fact:
        case HolderRevoked() as fact:
            yield put(fact.holder, revoked_at=fact.at)


def tokens_of(context: str) -> tuple[ReadModel, ReadModel]:
    """The read models of a context's tokens: `<context>_tokens` and `<context>_token_holders`."""
    return (
        ReadModel(f"{context}_tokens", VERSION, ("token_id",), TOKENS_DDL, project),
        ReadModel(f"{context}_token_holders", 1, ("holder",), HOLDERS_DDL, project_holders),
    )


class TokenRow(NamedTuple):
    """A token on record. `revoked_at` is the earlier of its own revocation and its holder's.

    What its issue says is None where that is not on record.
    """

    token_id: str
    holder: str | None
    scopes: list[str]
    limits: dict[str, str]
    tenant: str | None
    tier: str | None
    key_id: str | None
    issued_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


def issued_tokens(connection: Connection[Row], context: str) -> list[TokenRow]:
    """Every token on record, in the order of issue."""
    sql = f"""
        select t.token_id, t.holder, t.scopes, t.limits, t.tenant, t.tier, t.key_id, t.issued_at, t.expires_at,
               least(t.revoked_at, case when h.revoked_at >= t.issued_at then h.revoked_at end)
          from {context}_tokens t left join {context}_token_holders h using (holder)
         order by t.issued_at, t.token_id
    """
    return [TokenRow(*row) for row in connection.execute(sql.encode()).fetchall()]


async def revocations(
    connection: AsyncConnection[Row], context: str, since: datetime
) -> tuple[frozenset[str], dict[str, datetime]]:
    """The ids of revoked tokens that have not expired before `since`, and the holders' revocations."""
    tokens = f"""
        select token_id from {context}_tokens
         where revoked_at is not null and (expires_at is null or expires_at > %s)
    """
    ids = await (await connection.execute(tokens.encode(), (since,))).fetchall()
    holders = await (await connection.execute(f"select holder, revoked_at from {context}_token_holders")).fetchall()
    return frozenset(id_ for (id_,) in ids), dict(holders)

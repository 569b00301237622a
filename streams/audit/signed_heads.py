"""Signed heads: the operator's word, which can be kept elsewhere, that the log was this long and no other."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import Connection

from streams.audit.journal_source import Row, SignedHead, heads
from streams.audit.offline import head_message
from streams.secret_files import read_or_create_secret

KEY_FILE = "audit.key"

DDL = """
    create table if not exists headwater.signed_heads (
        context         text not null,
        partition       int not null,
        sequence        bigint not null,
        hash            bytea not null,
        signed_at       timestamptz not null,
        key             bytea not null,
        signature       bytea not null,
        primary key (context, partition, sequence, key)
    )
"""

ADD = """
    insert into headwater.signed_heads (context, partition, sequence, hash, signed_at, key, signature)
    values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing
"""


def signing_key(data_directory: Path) -> Ed25519PrivateKey:
    """The installation's key, `audit.key` in the data directory, made 0600 at its first use."""
    return Ed25519PrivateKey.from_private_bytes(read_or_create_secret(data_directory / KEY_FILE))


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes that a verifier is given to trust."""
    return key.public_key().public_bytes_raw()


def create_signed_heads(connection: Connection[Row]) -> None:
    """Makes the table; idempotent."""
    connection.execute(DDL)


def signed(key: Ed25519PrivateKey, place: tuple[str, int], head: tuple[int, bytes], at: datetime) -> SignedHead:
    """A head with its signature; `at` is when it was given."""
    signed_at = at.astimezone(UTC).isoformat(timespec="microseconds")
    signature = key.sign(head_message(*place, *head, signed_at))
    return SignedHead(*place, *head, signed_at, public_bytes(key), signature)


def sign_heads(
    connection: Connection[Row], key: Ed25519PrivateKey, at: datetime, context: str | None = None
) -> list[SignedHead]:
    """Signs and stores the head of every partition that has records; one signed with this key before stays as it was.

    The signature vouches for what the writers left on record. Whether the records lead there is for `verify` to say.
    """
    create_signed_heads(connection)
    found = [signed(key, place, head, at) for place, head in heads(connection, context).items() if head[0]]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(ADD, found)
    return found

"""Signed heads: the operator's signatures over each partition's length and hash, to be kept outside the database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import Connection

from streams.audit.journal_source import Row, SignedHead, StoredHead, heads
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
    """The installation's signing key, `audit.key` in the data directory; created with mode 0600 at first use."""
    return Ed25519PrivateKey.from_private_bytes(read_or_create_secret(data_directory / KEY_FILE))


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The public key as 32 bytes, for the verifier's list of trusted keys."""
    return key.public_key().public_bytes_raw()


def create_signed_heads(connection: Connection[Row]) -> None:
    """Create the table of signed heads; idempotent."""
    connection.execute(DDL)


def signed(key: Ed25519PrivateKey, place: tuple[str, int], head: StoredHead, at: datetime) -> SignedHead:
    """A head with its signature; `at` is the time of signing."""
    signed_at = at.astimezone(UTC).isoformat(timespec="microseconds")
    signature = key.sign(head_message(*place, *head, signed_at))
    return SignedHead(*place, *head, signed_at, public_bytes(key), signature)


def sign_heads(
    connection: Connection[Row], key: Ed25519PrivateKey, at: datetime, context: str | None = None
) -> list[SignedHead]:
    """Sign and store the head of every partition with records; a stored signature of the same head and key stays.

    Signs the stored head without checking the records: that is `verify`'s task.
    """
    create_signed_heads(connection)
    found = [signed(key, place, head, at) for place, head in heads(connection, context).items() if head.sequence]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(ADD, found)
    return found

"""Export of the log: a file per partition, a manifest, and a standalone verifier."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import Connection

from streams.audit import offline
from streams.audit.journal_source import CHUNK, Row, SignedHead, StoredHead, heads, lines, signed_heads, snapshot
from streams.audit.offline import FORMAT, MANIFEST, Line, file_of, written
from streams.audit.signed_heads import signed
from streams.audit.verify import Progress

VERIFIER = "verify_export.py"
EMPTY = StoredHead(0, offline.GENESIS)


def export(
    connection: Connection[Row],
    directory: Path,
    at: datetime,
    tool_version: str,
    key: Ed25519PrivateKey | None = None,
    context: str | None = None,
    progress: Progress = lambda _: None,
) -> dict[str, Any]:
    """Export the log of a context, or of all, as one snapshot; returns the manifest. Personal values stay encrypted.

    With a key, also signs the heads of the exported partitions. Does not verify the log: the verifier in the export
    does. Raises FileExistsError unless the directory is new or empty. The connection must be outside a transaction.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise FileExistsError(f"{directory} is not empty")
    with snapshot(connection):
        manifest = {
            "format": FORMAT,
            "tool": {"name": "headwater", "version": tool_version},
            "exported_at": at.isoformat(),
            "partitions": list(_partitions(connection, directory, context, progress)),
            "signed_heads": [_readable(head) for head in _signed(connection, at, key, context)],
        }
    (directory / VERIFIER).write_bytes(Path(offline.__file__).read_bytes())
    (directory / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return manifest


def _partitions(
    connection: Connection[Row], directory: Path, context: str | None, progress: Progress
) -> Iterator[dict[str, Any]]:
    """Include partitions with records but no head: the verifier must see them."""
    ends = heads(connection, context)
    for place, some in groupby(lines(connection, context), key=lambda line: (line.context, line.partition)):
        yield _partition(directory, place, ends.pop(place, EMPTY), some, progress)
    for place, head in ends.items():
        yield _partition(directory, place, head, (), progress)


def _partition(
    directory: Path, place: tuple[str, int], head: StoredHead, some: Iterable[Line], progress: Progress
) -> dict[str, Any]:
    digest, count, name = sha256(), 0, file_of(*place)
    with (directory / name).open("wb") as file:
        for count, line in enumerate(some, 1):
            text = written(line)
            digest.update(text)
            file.write(text)
            if count % CHUNK == 0:
                progress(CHUNK)
    progress(count % CHUNK)
    return {
        "context": place[0],
        "partition": place[1],
        "file": name,
        "records": count,
        "sha256": digest.hexdigest(),
        "head": {"sequence": head.sequence, "hash": head.hash.hex()},
    }


def _signed(
    connection: Connection[Row], at: datetime, key: Ed25519PrivateKey | None, context: str | None
) -> Iterator[SignedHead]:
    yield from signed_heads(connection, context)
    if key is not None:
        for place, head in heads(connection, context).items():
            if head.sequence:
                yield signed(key, place, head, at)


def _readable(head: SignedHead) -> dict[str, Any]:
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in head._asdict().items()}

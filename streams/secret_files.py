"""Secret files: 32 bytes in hexadecimal, mode 0600, created once even by concurrent processes."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

BYTES = 32


def read_or_create_secret(path: Path, initial: bytes | None = None) -> bytes:
    """The secret in this file; the first call creates it from `initial` or at random.

    Concurrent first calls all return the same secret. Raises ValueError for a file of another length, OSError when the
    directory is not writable.
    """
    if not path.exists():
        _create(path, initial or os.urandom(BYTES))
    return _checked(bytes.fromhex(path.read_text().strip()), path)


def _create(path: Path, secret: bytes) -> None:
    """Writes and syncs a draft, then links it: the file is complete when it appears, and never replaces another."""
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


def _checked(secret: bytes, path: Path) -> bytes:
    if len(secret) != BYTES:
        raise ValueError(f"{path} must hold {BYTES} bytes in hexadecimal")
    return secret

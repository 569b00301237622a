"""Secret files: 32 bytes in hexadecimal, mode 0600, created once even by concurrent processes."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

BYTES = 32


class WrongSecret(ValueError):
    """A secret that does not consist of 32 bytes in hexadecimal; the text is one sentence."""


def secret_from(text: str, where: str) -> bytes:
    """The 32 bytes that a text holds in hexadecimal; raises WrongSecret, which names `where` and not the text."""
    try:
        secret = bytes.fromhex(text.strip())
    except ValueError:
        secret = b""
    if len(secret) != BYTES:
        raise WrongSecret(f"{where} must hold {BYTES} bytes in hexadecimal ({2 * BYTES} digits)")
    return secret


def read_or_create_secret(path: Path, initial: bytes | None = None) -> bytes:
    """The secret in this file; the first call creates it from `initial` or at random.

    Concurrent first calls all return the same secret. Raises WrongSecret for other content, OSError when the directory
    is not writable.
    """
    if not path.exists():
        _create(path, initial or os.urandom(BYTES))
    return read_secret(path)


def _create(path: Path, secret: bytes) -> None:
    """Write and sync a draft, then link it: the file is complete when it appears, and never replaces another."""
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


def read_secret(path: Path) -> bytes:
    """The secret in this file; raises WrongSecret, and OSError for a file that cannot be read."""
    try:
        return secret_from(path.read_text(), str(path))
    except UnicodeDecodeError:
        raise WrongSecret(f"{path} must hold {BYTES} bytes in hexadecimal ({2 * BYTES} digits)") from None

"""A data directory as an archive, and back."""

from __future__ import annotations

import json
import lzma
import tarfile
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
EMBEDDED, KAFKA = "embedded-0.1", "kafka-0.1"
LEFT_OUT = {"data/postgres.run", *(f"data/postgres/{name}" for name in ("postmaster.opts", "log", ".handle_pids.json"))}
"""What is written anew at the next start."""


def pack(directory: Path, archive: Path) -> None:
    """Writes the directory, whose server has been stopped, as `data` into an archive."""
    assert not (directory / "postgres" / "postmaster.pid").exists(), "PostgreSQL still runs"

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return None if entry.name in LEFT_OUT else entry

    with lzma.open(archive, "wb", preset=9 | lzma.PRESET_EXTREME) as file, tarfile.open(fileobj=file, mode="w") as tar:
        tar.add(directory, "data", filter=plain)


def unpack(archive: Path, into: Path) -> Path:
    """Where the data directory of an archive is afterwards."""
    with tarfile.open(archive, "r:xz") as tar:
        tar.extractall(into, filter="data")
    postgres = into / "data" / "postgres"
    postgres.chmod(0o700)
    return into / "data"


def keep(name: str, found: dict[str, Any]) -> None:
    """Writes what is known of a fixture beside it."""
    (DATA / f"{name}.json").write_text(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def known(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text())
    return found

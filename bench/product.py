"""The product of a benchmark in a process of its own, over a PostgreSQL that ends with it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.databases import new_server
from tests.api.process import Process
from tests.api.product import variables_of

CLI = [sys.executable, "-m", "cli"]
UNLIMITED = "general=100000000/min"


class Product(NamedTuple):
    """A product that serves: its process, its database, its data, and a key of content-generator without a limit."""

    process: Process
    dsn: str
    directory: Path
    key: str


@contextmanager
def product(**variables: str) -> Iterator[Product]:
    """The embedded product with these environment variables."""
    with new_server() as server:
        directory, dsn = server.directory, server.dsn
        process = Process(dsn, directory / "log", **variables)
        process.start()
        try:
            yield Product(process, dsn, directory, key_of(variables_of(dsn, directory, 1)))
        finally:
            process.stop()


def key_of(variables: Mapping[str, str]) -> str:
    """A key that may write, of the installation with these environment variables."""
    issue = [*CLI, "keys", "issue", "content-generator", "--subject", "bench", "--scope", "write", "--limit", UNLIMITED]
    done = subprocess.run(issue, env=os.environ | variables, check=True, capture_output=True, text=True)
    return done.stdout.strip()

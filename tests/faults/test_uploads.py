"""Uploads to a process, seen from outside: its memory while a large file arrives, and what it leaves when killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import psycopg
import pytest

from tests.api.book_club import MOST_BYTES, MOUNT, listed
from tests.api.book_club_context import NAME
from tests.api.process import Process, serve
from tests.api.product import Installation
from tests.streams.postgres.server_users import await_

pytestmark = pytest.mark.faults
PIECE = 524_288
MOST_GROWTH = 8_388_608
BOUNDARY = "a-boundary"
HEAD = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="emma.png"\r\n\r\n'.encode()
END = f"\r\n--{BOUNDARY}--\r\n".encode()


class Club(Process):
    """The book club in a process."""

    @staticmethod
    def serve(environment: dict[str, str], log: Path) -> None:
        with listed():
            serve(environment, log)


@contextmanager
def running(database: str, log: Path) -> Iterator[Process]:
    process = Club(database, log, HEADWATER_CLOCK="manual")
    process.start()
    try:
        yield process
    finally:
        process.kill()


@pytest.fixture
def token(database: str, tmp_path: Path) -> str:
    with listed():
        return Installation(database, tmp_path, 1, {}).token(NAME)


def upload(process: Process, token: str, title: str, size: int, timeout: float = 60) -> httpx2.Response:
    def sent() -> Iterator[bytes]:
        yield HEAD
        for _ in range(size // PIECE):
            yield bytes(PIECE)
        yield END

    headers = {"X-API-Key": token, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    url = f"{process.url}/{MOUNT}/api/books/{title}"
    return httpx2.post(url, content=sent(), headers=headers, timeout=timeout, trust_env=False)


def memory(process: Process, what: str) -> int:
    """A figure of the kernel's about the process, in bytes."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(what)


def test_the_largest_file_arrives_in_little_memory(database: str, tmp_path: Path, token: str) -> None:
    with running(database, tmp_path / "log") as process:
        assert upload(process, token, "large", PIECE).status_code == 201
        Path(f"/proc/{process.pid}/clear_refs").write_text("5")  # the peak is now what it has
        before = memory(process, "VmRSS")
        answer = upload(process, token, "large", MOST_BYTES)
        assert (answer.status_code, answer.json()["size"]) == (201, MOST_BYTES)
        assert memory(process, "VmHWM") - before < MOST_GROWTH


def test_what_a_killed_process_stored_before_its_command_is_swept_after_a_day(
    database: str, tmp_path: Path, token: str
) -> None:
    with running(database, tmp_path / "log") as process, psycopg.connect(database, autocommit=True) as connection:

        def objects() -> list[tuple[str, bool]]:
            found = "select key, kept from headwater.objects where wrapped is not null order by 1"
            return connection.execute(found.encode()).fetchall()

        assert upload(process, token, "kept", PIECE).status_code == 201
        with suppress(httpx2.ReadTimeout):
            upload(process, token, "abandoned", PIECE, timeout=2)
        assert objects() == [("abandoned", False), ("kept", True)]
        process.kill()
        process.start()
        connection.execute("update headwater.clock set now = now + interval '25 hours'")
        connection.execute("select pg_notify('headwater_clock', now::text) from headwater.clock")
        await_(lambda: objects() == [("kept", True)], "it is still there")

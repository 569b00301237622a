"""The pages of the project, their code blocks, and a workspace that runs these.

| block | what it is |
|---|---|
| `sh` | commands, run in order; one that only starts the product runs until the page, or a new start, ends |
| `python`, beginning with `# path` | an excerpt of that file, where there is one; else the file is made |
| other `python` | a script |
| `diff` | an edit of a file; its lines are found by their text, so line numbers do not matter |
"""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tty
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

import httpx2

from tests.project.command_server import CLIENT

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATH_LINE = re.compile(r"# (\S+\.\w+)\n")
ELLIPSIS = re.compile(r"^ *(?:# )?…\n", re.MULTILINE)
STARTS = re.compile(r"(?:make run|headwater up\b.*)\n")
LANGUAGES = {"sh", "python", "diff", "json", "text", ""}
PATIENCE_SECONDS = 120.0


class Block(NamedTuple):
    """A fenced block: its language, its text, and the line on which it begins."""

    language: str
    text: str
    line: int

    @property
    def path(self) -> str | None:
        """The file that a block of code names in its first line."""
        found = PATH_LINE.match(self.text) if self.language == "python" else None
        return None if found is None else found[1]

    @property
    def code(self) -> str:
        """The text without the line that names the file."""
        return self.text if self.path is None else self.text.partition("\n")[2].lstrip("\n")

    @property
    def starts(self) -> bool:
        """Whether it starts the product, to run on."""
        return self.language == "sh" and STARTS.fullmatch(self.text) is not None


@cache
def tracked() -> frozenset[str]:
    """Every file of the tree, by its path: those under version control, and those that may come under it."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return frozenset(path for path in listing.stdout.split("\0") if path and (ROOT / path).is_file())


def pages() -> list[str]:
    """Every page, by its path."""
    return sorted(path for path in tracked() if path.endswith(".md") and not path.startswith("tests/"))


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = text_of(page)
    return [Block(found[1], found[2], text.count("\n", 0, found.start()) + 2) for found in FENCED.finditer(text)]


def prose(page: str) -> str:
    """A page without its fenced blocks."""
    return FENCED.sub("", text_of(page))


def is_excerpt(code: str, source: str) -> bool:
    """Whether every passage between two ellipses stands in the source, in this order."""
    at = 0
    for passage in ELLIPSIS.split(code):
        lines = passage.strip("\n")
        at = source.find(lines, at)
        if at < 0:
            return False
        at += len(lines)
    return True


class Workspace:
    """The directory that a page runs in, with the `headwater` command of the tree in it, else of this tree."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self.directory = directory
        beside = Path(tempfile.mkdtemp(prefix="headwater-"))
        self._state, self._output, self._socket = beside / "state", beside / "output", beside / "socket"
        self._plain, self._quick = beside / "plain", beside / "quick"
        self.environment = {**os.environ, "HEADWATER_LOG_LEVEL": "warning", "NO_COLOR": "1", **environment}
        self.environment["PATH"] = self._make_commands()
        self._server: subprocess.Popen[bytes] | None = None
        self._running: subprocess.Popen[bytes] | None = None

    def _make_commands(self) -> str:
        """Two `headwater` commands: one that is a process from the start, and a quick one; the path to the quick one.

        Both are of the tree in this directory, or of this tree where there is none.
        """
        self.environment["PYTHONPATH"] = str(self.directory if (self.directory / "cli.py").exists() else ROOT)
        scripts = {
            self._plain: f'#!/bin/sh\nexec "{sys.executable}" -m cli "$@"\n',
            self._quick: CLIENT.format(python=sys.executable, path=str(self._socket)),
        }
        for folder, script in scripts.items():
            folder.mkdir()
            (folder / "headwater").write_text(script)
            (folder / "headwater").chmod(0o755)
        return f"{self._quick}:{BIN}:{os.environ['PATH']}"

    def _serve_commands(self) -> None:
        """Starts the process behind the quick command, which knows the tree as it is now."""
        if self._server is None:
            command = [sys.executable, "-m", "tests.project.command_server", str(self._socket)]
            tree = self.environment["PYTHONPATH"]
            self._server = subprocess.Popen(command, cwd=tree, env=self.environment, stdin=subprocess.DEVNULL)
            _until(self._socket.exists, lambda: "the process behind `headwater` did not start")

    def _end_commands(self) -> None:
        if self._server is not None:
            self._server.terminate()
            self._server.wait(PATIENCE_SECONDS)
            self._socket.unlink()
            self._server = None

    def run_block(self, block: Block, replaced: Mapping[str, str] | None = None) -> str:
        """Runs, writes or applies a block; the text that it prints. `replaced` maps words of the page to others."""
        text = block.text
        for word, other in (replaced or {}).items():
            text = text.replace(word, other)
        if block.starts:
            self.start(text)
            return ""
        if block.language == "diff":
            self._end_commands()
            self.edit(text)
        elif block.path is not None:
            self._end_commands()
            self.keep(block.path, block.code)
        elif block.language == "python":
            return self.run("python - <<'END-OF-BLOCK'\n" + text + "END-OF-BLOCK\n")
        elif block.language == "sh":
            return self.run(text)
        return ""

    def run(self, commands: str) -> str:
        """What commands print that must succeed. Variables are kept for the commands that come after them."""
        if "headwater " in commands:
            self._serve_commands()
        script = f"set -aeuo pipefail; [ -e {self._state} ] && . {self._state}\n{commands}\nexport -p > {self._state}\n"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def keep(self, path: str, code: str) -> None:
        """Makes a file; one that is there must hold the code already."""
        file = self.directory / path
        if (ROOT / path).exists():
            assert is_excerpt(code, file.read_text()), f"{path} does not hold (any more):\n{code}"
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code)

    def edit(self, diff: str) -> None:
        """Applies an edit; every hunk must fit in exactly one place."""
        for header, *hunks in (re.split(r"^@@.*\n", part, flags=re.MULTILINE) for part in _files(diff)):
            file = self.directory / header.splitlines()[1].removeprefix("+++ b/")
            for hunk in hunks:
                before, after = _side(hunk, "-"), _side(hunk, "+")
                found = file.read_text().count(before)
                assert found == 1, f"{file.name} has {found} places like this:\n{before}"
                file.write_text(file.read_text().replace(before, after))

    def start(self, commands: str) -> None:
        """Starts the product anew on a terminal, which it shows tokens on, and returns when it is ready."""
        self.stop()
        self._output.write_bytes(b"")
        with _terminal(self._output) as terminal:
            self._running = subprocess.Popen(
                ["bash", "-c", commands],
                cwd=self.directory,
                env=self.environment | {"PATH": f"{self._plain}:{self.environment['PATH']}", "TERM": "dumb"},
                stdout=terminal,
                stderr=terminal,
                start_new_session=True,
            )
        address = f"http://127.0.0.1:{self.environment['HEADWATER_PORT']}/ready"
        _until(lambda: self.ended or answers(address), self.printed)
        assert not self.ended, self.printed()

    @property
    def ended(self) -> bool:
        """Whether what was started has ended by itself."""
        return self._running is not None and self._running.poll() is not None

    def stop(self) -> None:
        """Stops what was started, as Ctrl-C does: every process of the terminal gets the signal.

        Of commands in the background a shell keeps it away; they get another one.
        """
        if self._running is not None:
            group, running, self._running = self._running.pid, self._running, None
            os.killpg(group, signal.SIGINT)
            running.wait(PATIENCE_SECONDS)
            if _signalled(group, signal.SIGTERM):
                _until(lambda: not _signalled(group, 0), self.printed)

    def close(self) -> None:
        """Stops everything."""
        self.stop()
        self._end_commands()
        shutil.rmtree(self._state.parent, ignore_errors=True)

    def printed(self) -> str:
        """What the product has printed since its start."""
        return self._output.read_text(errors="replace")


def _signalled(group: int, number: int) -> bool:
    """Whether there are processes in this group that could be sent the signal."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


def _until(condition: Callable[[], bool], complaint: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, complaint()
        time.sleep(0.05)


def answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=5).status_code == 200
    except httpx2.HTTPError:
        return False


@contextmanager
def workspace(directory: Path, environment: Mapping[str, str]) -> Iterator[Workspace]:
    """A workspace whose product is stopped at the end."""
    one = Workspace(directory, environment)
    try:
        yield one
    finally:
        one.close()


def copy_tree(target: Path) -> Path:
    """A copy of the tree, to be changed."""
    for path in tracked():
        copy = target / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, copy)
    return target


def _files(diff: str) -> Sequence[str]:
    return [part for part in re.split(r"^(?=--- a/)", diff, flags=re.MULTILINE) if part]


def _side(hunk: str, sign: str) -> str:
    """One side of a hunk: its lines with this sign, and those that both sides have."""
    lines = [line if line.strip() else "  " for line in hunk.splitlines()]
    return "".join(f"{line[1:].rstrip()}\n" for line in lines if line[0] in (sign, " "))


@contextmanager
def _terminal(output: Path) -> Iterator[int]:
    """A terminal for a process to start on; what is written to it is kept in a file until its last user ends."""
    ours, its = pty.openpty()
    tty.setraw(its)
    threading.Thread(target=_keep, args=(ours, output), daemon=True).start()
    yield its
    os.close(its)


def _keep(terminal: int, output: Path) -> None:
    with output.open("ab", buffering=0) as kept, suppress(OSError):  # which the end of a terminal is read as
        while data := os.read(terminal, 65536):
            kept.write(data)
    os.close(terminal)

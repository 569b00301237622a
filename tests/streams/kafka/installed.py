"""Installation whose processes are those of the `headwater` command, as an operator starts them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import pytest

from cli import main
from tests.faults.product import CLI


@dataclass
class Installed:
    """`environment` is everybody's; `of` gives each process what is its own, by its name."""

    directory: Path
    environment: Mapping[str, str]
    of: Callable[[str], Mapping[str, str]]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, role: str, name: str = "", **environment: str) -> subprocess.Popen[bytes]:
        """Starts a role, under its own name or another one; what it prints is in a file."""
        name = name or role
        with (self.directory / f"{name}.txt").open("ab") as output:
            self.running[name] = subprocess.Popen(
                [*CLI, role], env=self._given(name, environment), stdout=output, stderr=output
            )
        return self.running[name]

    def run(self, user: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A command to its end, as this process would be started."""
        given = self._given(user, environment)
        return subprocess.run([*CLI, *arguments], env=given, capture_output=True, text=True, check=False, timeout=60)

    def run_here(
        self, capfd: pytest.CaptureFixture[str], user: str, *arguments: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Like `run`, but in this process: importing everything takes longer than most commands."""
        argv = patch.object(sys, "argv", ["headwater", *arguments])
        with patch.dict(os.environ, self._given(user, environment)), argv, pytest.raises(SystemExit) as ended:
            main()
        said, code = capfd.readouterr(), ended.value.code
        return subprocess.CompletedProcess(arguments, code if isinstance(code, int) else 0, said.out, said.err)

    def printed(self, role: str) -> str:
        return (self.directory / f"{role}.txt").read_text(errors="replace")

    def _given(self, name: str, more: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, **self.environment, **self.of(name), **more}


@contextmanager
def installed(
    directory: Path, environment: Mapping[str, str], of: Callable[[str], Mapping[str, str]]
) -> Iterator[Installed]:
    """One with nothing running yet; whatever runs at the end is stopped."""
    one = Installed(directory, environment, of)
    try:
        yield one
    finally:
        for process in one.running.values():
            process.terminate()
        for process in one.running.values():
            process.wait(60)

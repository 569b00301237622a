"""The trial of a mutant: the tests that reach it, in a forked process that imports the changed text of the file."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.mutants.points import Mutant

LIBRARIES = (
    "hypothesis",
    "hypothesis.strategies",
    "orjson",
    "psycopg",
    "psycopg_pool",
    "pydantic",
    "pydantic_settings",
)
"""What every trial imports, and no mutant is in: loaded once, before the first fork."""


class Verdict(StrEnum):
    KILLED = "killed"
    SURVIVED = "survived"
    UNREACHED = "unreached"
    BROKEN = "broken"
    """The tests could not be run, which says nothing about the mutant."""


BROKEN_CODE = 3

OPTIONS = ("-x", "-q", "-n", "0", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
"""Pytest's options. The libraries are loaded before it, which it warns of, and warnings are errors."""

VERDICTS = {0: Verdict.SURVIVED, 3: Verdict.BROKEN, 4: Verdict.BROKEN, 5: Verdict.BROKEN}
"""The verdicts by pytest's exit code: 3 to 5 are its own trouble, any other is a failure of a test."""


class Changed(importlib.abc.MetaPathFinder):
    """The finder of one module with another text. Nothing on the disk changes, so trials can run side by side."""

    def __init__(self, root: Path, path: str, source: bytes) -> None:
        self._package = path.endswith("/__init__.py")
        self._name = _module(path)
        self._path = str(root / path)
        self._source = source

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        places = [str(Path(self._path).parent)] if self._package else None
        loader = _Loader(fullname, self._path, self._source)
        return importlib.util.spec_from_file_location(
            fullname, self._path, loader=loader, submodule_search_locations=places
        )


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


class _Loader(importlib.machinery.SourceFileLoader):
    """The loader that has the text already. It knows no time of the file, so no compiled code is read or kept."""

    def __init__(self, name: str, path: str, source: bytes) -> None:
        super().__init__(name, path)
        self._source = source

    def get_data(self, path: str) -> bytes:
        return self._source

    def path_stats(self, path: str) -> dict[str, float]:
        raise OSError("the text is not the file's")


def warmed() -> None:
    for library in LIBRARIES:
        importlib.import_module(library)


class Collected:
    """The plugin that notices a mutant already where a test's file is imported, which pytest calls a wrong usage."""

    failed = False

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.failed = self.failed or report.failed


class Trial:
    """A running trial."""

    def __init__(self, root: Path, mutant: Mutant, tests: Sequence[str], seconds: float) -> None:
        self.mutant = mutant
        self._ends = monotonic() + seconds
        self._process = os.fork()
        if not self._process:
            _run(root, mutant, tests)

    def verdict(self) -> Verdict | None:
        """How it ended; None while it runs. A trial that takes too long has met a mutant that hangs."""
        ended, status = os.waitpid(self._process, os.WNOHANG)
        if ended:
            self._swept()
            return VERDICTS.get(os.waitstatus_to_exitcode(status), Verdict.KILLED)
        if monotonic() < self._ends:
            return None
        self._swept()
        os.waitpid(self._process, 0)
        return Verdict.KILLED

    def _swept(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process, signal.SIGKILL)


def _run(root: Path, mutant: Mutant, tests: Sequence[str]) -> None:
    """Run the tests in this process, and end it. Only the first failure is waited for."""
    os.setpgid(0, 0)
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)
    changed = mutant.applied((root / mutant.path).read_bytes())
    sys.meta_path.insert(0, Changed(root, mutant.path, changed))
    sys.dont_write_bytecode = True
    from hypothesis import settings

    settings.register_profile("mutants", derandomize=True, database=None, deadline=None)
    settings.load_profile("mutants")
    code: int = 1
    try:
        importlib.import_module(_module(mutant.path))
        code = BROKEN_CODE
        collected = Collected()
        code = pytest.main([*OPTIONS, *tests], plugins=[collected])
        code = 1 if collected.failed else code
    finally:
        os._exit(code)


def tried(root: Path, work: Sequence[tuple[Mutant, Sequence[str], float]], workers: int) -> dict[Mutant, Verdict]:
    """The verdict on each mutant, so many at a time."""
    verdicts: dict[Mutant, Verdict] = {}
    waiting, running = list(reversed(work)), list[Trial]()
    while waiting or running:
        while waiting and len(running) < workers:
            mutant, tests, seconds = waiting.pop()
            running.append(Trial(root, mutant, tests, seconds))
        for trial in list(running):
            if (verdict := trial.verdict()) is not None:
                running.remove(trial)
                verdicts[trial.mutant] = verdict
                print(
                    f"{len(verdicts):5} of {len(work)}  {verdict:9} {trial.mutant.line:4} {trial.mutant.name}",
                    flush=True,
                )
        sleep(0.05)
    return verdicts

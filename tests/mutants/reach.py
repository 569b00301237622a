"""The reach of tests: which of them call which functions, and how long each takes. A mutant is shown to those only."""

from __future__ import annotations

import json
import sys
import threading
from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.mutants.points import Mutant

Function = tuple[str, int]
"""A function by its file and first line; a file alone, with line 0, stands for whatever is outside of functions."""


@dataclass
class Reach:
    """The seconds of each test, and the tests of each function."""

    seconds: dict[str, float] = field(default_factory=dict)
    tests: dict[Function, set[str]] = field(default_factory=lambda: defaultdict(set))

    def of(self, mutant: Mutant, most_seconds: float) -> list[str]:
        """The tests that call the mutant's function, as many as fit in these seconds: first those of its module.

        A file without functions, such as a table, is left to the tests of its folder.
        """
        chosen: list[str] = []
        left = most_seconds
        found = self.tests.get((mutant.path, mutant.first_line)) or (
            set() if mutant.function else self._of_folder(mutant.path)
        )
        own = f"/test_{Path(mutant.path).stem}.py::"
        for test in sorted(found, key=lambda test: (own not in test, self.seconds[test])):
            left -= self.seconds[test]
            if chosen and left < 0:
                break
            chosen.append(test)
        return chosen

    def _of_folder(self, path: str) -> set[str]:
        folder = path.rpartition("/")[0]
        return {test for (file, _), tests in self.tests.items() if file.rpartition("/")[0] == folder for test in tests}

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        names = sorted(self.seconds)
        numbers = {name: number for number, name in enumerate(names)}
        functions = [
            [file, line, sorted(numbers[test] for test in found)] for (file, line), found in self.tests.items()
        ]
        path.write_text(json.dumps({"tests": [[name, self.seconds[name]] for name in names], "functions": functions}))

    @classmethod
    def load(cls, path: Path) -> Reach:
        kept: dict[str, Any] = json.loads(path.read_text())
        names = [name for name, _ in kept["tests"]]
        tests = {(file, line): {names[number] for number in found} for file, line, found in kept["functions"]}
        return cls(dict(kept["tests"]), tests)


class Recorder:
    """The pytest plugin that records the reach of every test that passes. It sees calls, not lines, which is cheap.

    What is called while a file of tests is imported (stories that its tests share) is within reach of all its tests.
    """

    def __init__(self, root: Path, rooms: Sequence[str], reach: Reach) -> None:
        self._prefixes = tuple(f"{root}/{room}" for room in rooms)
        self._root = len(f"{root}/")
        self._reach = reach
        self._seen: set[Function] = set()
        self._of_files: dict[str, set[Function]] = {}
        self._known: dict[object, Function | None] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        with self._traced():
            report = yield
        if isinstance(collector, pytest.Module):
            self._of_files[collector.nodeid] = self._seen
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        with self._traced():
            return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self._reach.seconds[report.nodeid] = round(report.duration, 3)
            for function in self._seen | self._of_files.get(report.nodeid.partition("::")[0], set()):
                self._reach.tests[function].add(report.nodeid)
                self._reach.tests[(function[0], 0)].add(report.nodeid)

    @contextmanager
    def _traced(self) -> Iterator[None]:
        self._seen = set()
        sys.settrace(self._called)
        threading.settrace(self._called)
        try:
            yield
        finally:
            sys.settrace(None)
            threading.settrace(None)

    def _called(self, frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if code not in self._known:
            ours = code.co_flags & CO_OPTIMIZED and code.co_filename.startswith(self._prefixes)
            self._known[code] = (code.co_filename[self._root :], code.co_firstlineno) if ours else None
        function = self._known[code]
        if function is not None:
            self._seen.add(function)

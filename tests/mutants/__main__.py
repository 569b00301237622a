"""Mutation tests of the pure rooms and the engine's core: `make mutants`, or `python -m tests.mutants --help`.

Each mutant changes one place. The tests that call the changed function must fail for it; one that nobody notices is
printed, and is either a gap or equivalent, which `equivalent.txt` says with a reason.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutants.points import Mutant, files, mutants_of
from tests.mutants.reach import Reach, Recorder
from tests.mutants.trials import Verdict, tried, warmed

ROOT = Path(__file__).parents[2]
ROOMS = ("domain", "commands", "streams/core")
KEPT = ROOT / "build" / "mutants" / "reach.json"
EQUIVALENT = Path(__file__).with_name("equivalent.txt")
TESTS = (
    "tests/domain",
    "tests/commands",
    "tests/effects/gccp",
    "tests/connectors/test_completion.py",
    "tests/connectors/test_provider_answers.py",
    "tests/streams",
    "tests/contract",
    "tests/projections",
)
"""The tests that cover these rooms without a served product. Whole products are told apart by `make test`."""

WANTED = 0.95


def main() -> int:
    options = _options()
    if options.record or not KEPT.exists():
        _record(options.tests)
    reach = Reach.load(KEPT)
    chosen = _chosen(options)
    work = [(mutant, reach.of(mutant, options.seconds)) for mutant in chosen]
    warmed()
    timed = [(mutant, tests, 60 + 5 * options.seconds) for mutant, tests in work if tests]
    if timed and (verdict := unchanged(*timed[0])) is not Verdict.SURVIVED:
        sys.exit(f"the tests of {timed[0][0].path} are {verdict} without any change: every verdict would be wrong")
    verdicts = dict.fromkeys(chosen, Verdict.UNREACHED) | tried(ROOT, timed, options.workers)
    return _reported(verdicts)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("rooms", nargs="*", default=ROOMS, help="folders or files (domain commands streams/core)")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="only N of the mutants")
    parser.add_argument("--seed", type=int, default=1, help="which N (1)")
    parser.add_argument("--seconds", type=float, default=20.0, help="of tests for each mutant, the quickest first (20)")
    parser.add_argument("--workers", type=int, default=2, help="mutants at a time (2)")
    parser.add_argument("--record", action="store_true", help="record anew which tests call which functions")
    parser.add_argument("--tests", nargs="*", default=TESTS, help="the tests to record")
    return parser.parse_args()


def _record(tests: Sequence[str]) -> None:
    """Record the reach in this process. Tests on Kafka and those that kill processes are left to `make test`."""
    reach = Reach()
    options = ["-q", "-n", "0", "-p", "no:cacheprovider", "-m", "not kafka and not faults"]
    pytest.main([*options, *tests], plugins=[Recorder(ROOT, ROOMS, reach)])
    reach.save(KEPT)
    print(f"{len(reach.seconds)} tests call {len(reach.tests)} functions; start anew without --record")
    sys.exit(0)  # this process has imported what mutants change


def _chosen(options: argparse.Namespace) -> list[Mutant]:
    every = [mutant for path in files(ROOT, tuple(options.rooms)) for mutant in mutants_of(ROOT, path)]
    named = equivalents()
    matter = [mutant for mutant in every if mutant.name not in named]
    if not options.sample:
        return matter
    return sorted(random.Random(options.seed).sample(matter, min(options.sample, len(matter))), key=str)


def unchanged(mutant: Mutant, tests: Sequence[str], seconds: float) -> Verdict:
    """The verdict on a change that changes nothing, which every test has to let pass."""
    same = replace(mutant, after=mutant.before)
    return tried(ROOT, [(same, tests, seconds)], 1)[same]


def equivalents() -> dict[str, str]:
    """The mutants that change nothing that a caller could see, by name, with the reason."""
    lines = (line for line in EQUIVALENT.read_text().splitlines() if line and not line.startswith("#"))
    return {name.strip(): reason.strip() for name, _, reason in (line.rpartition(" | ") for line in lines)}


def _reported(verdicts: dict[Mutant, Verdict]) -> int:
    survivors = [mutant for mutant, verdict in verdicts.items() if verdict is not Verdict.KILLED]
    killed = len(verdicts) - len(survivors)
    print()
    for mutant in survivors:
        print(f"{verdicts[mutant]:9} {mutant.path}:{mutant.line}  {mutant.name}")
    share = killed / len(verdicts) if verdicts else 1.0
    print(f"\n{killed} of {len(verdicts)} mutants killed: {share:.1%}, wanted are {WANTED:.0%}")
    return 0 if share >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())

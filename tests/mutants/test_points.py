"""A mutant is one change of a file's text, and its trial sees that change and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutants.__main__ import ROOMS, ROOT, equivalents
from tests.mutants.points import files, mutants_of
from tests.mutants.reach import Reach
from tests.mutants.trials import Verdict, tried

SOURCE = '''"""A module."""

LIMIT = 5


def double(number: int = 2, *, label: str = "x") -> str:
    """The text twice, é included."""
    if number > LIMIT and not label:
        raise ValueError(f"é {number}", "too many")
    return join(label, times=number + 1)


def join(text: str, times: int) -> str:
    return text * times
'''
TESTS = """from rooms.words import double


def test_double() -> None:
    assert double() == "xxx"
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "rooms").mkdir()
    (tmp_path / "rooms" / "words.py").write_text(SOURCE)
    (tmp_path / "test_words.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    return tmp_path


def test_each_mutant_changes_one_place_and_is_python(tree: Path) -> None:
    found = mutants_of(tree, "rooms/words.py")
    assert {f"{mutant.function}: {mutant.before} -> {mutant.after}" for mutant in found} == {
        ": 5 -> 6",
        "double: 2 -> 3",
        "double: \"x\" -> 'x~'",
        "double: number > LIMIT and not label -> not (number > LIMIT and not label)",
        "double: > -> >=",
        "double: and -> or",
        "double: not label -> (label)",
        'double: raise ValueError(f"é {number}", "too many") -> pass',
        "double: \"too many\" -> 'too many~'",
        "double: , times=number + 1 -> ",
        "double: + -> -",
        "double: 1 -> 2",
        "join: * -> //",
    }
    source = SOURCE.encode()
    for mutant in found:
        changed = mutant.applied(source)
        assert changed != source
        ast.parse(changed)


def test_same_changes_in_a_function_are_counted(tree: Path) -> None:
    (tree / "rooms" / "words.py").write_text("def two(a, b):\n    return a == b or a == 0\n")
    names = [mutant.name for mutant in mutants_of(tree, "rooms/words.py")]
    assert [name for name in names if "==" in name] == [
        "rooms/words.py | two | == -> !=",
        "rooms/words.py | two | == -> != #2",
    ]


def test_a_trial_tells_a_change_that_is_noticed_from_one_that_is_not(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree)
    monkeypatch.syspath_prepend(str(tree))
    chosen = [one for one in mutants_of(tree, "rooms/words.py") if one.before in ("+", ">", "5")]
    tests = [str(tree / "test_words.py")]
    verdicts = tried(tree, [(mutant, tests, 60.0) for mutant in chosen], workers=2)
    assert {mutant.before: verdict for mutant, verdict in verdicts.items()} == {
        "+": Verdict.KILLED,
        ">": Verdict.SURVIVED,
        "5": Verdict.SURVIVED,
    }
    assert (tree / "rooms" / "words.py").read_text() == SOURCE


def test_the_quickest_tests_that_call_a_function_come_first(tree: Path) -> None:
    mutant = next(one for one in mutants_of(tree, "rooms/words.py") if one.function == "double")
    reach = Reach({"slow": 9.0, "quick": 0.1, "other": 0.0, "middle": 1.0})
    reach.tests[("rooms/words.py", mutant.first_line)] |= {"slow", "quick", "middle"}
    kept = tree / "build" / "reach.json"
    reach.save(kept)
    assert Reach.load(kept).of(mutant, 5.0) == ["quick", "middle"]
    assert Reach.load(kept).of(mutant, 0.0) == ["quick"]
    own = "tests/test_words.py::test_double"
    reach.seconds[own] = 2.0
    reach.tests[("rooms/words.py", mutant.first_line)].add(own)
    assert reach.of(mutant, 3.0) == [own, "quick"]


def test_a_table_is_left_to_the_tests_of_its_folder(tree: Path) -> None:
    (tree / "rooms" / "table.py").write_text("LIMIT = 5\n")
    (mutant,) = mutants_of(tree, "rooms/table.py")
    reach = Reach({"near": 0.1, "far": 0.1})
    reach.tests[("rooms/words.py", 6)].add("near")
    reach.tests[("elsewhere/words.py", 6)].add("far")
    assert reach.of(mutant, 5.0) == ["near"]


def test_every_equivalent_mutant_still_exists_and_has_a_reason() -> None:
    names = {mutant.name for path in files(ROOT, ROOMS) for mutant in mutants_of(ROOT, path)}
    named = equivalents()
    assert set(named) <= names
    assert all(named.values())

"""Vocabulary of file names: nouns of the field, one meaning per word."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = (
    "api",
    "commandline",
    "commands",
    "connectors",
    "content",
    "documents",
    "domain",
    "effects",
    "products",
    "projections",
    "streams",
)
PARTICIPLE = re.compile(r"(^|_)\w+ing$")
FIELDS_OWN = {"wiring", "routing", "rendering", "streaming", "encoding", "testing", "writing"}
"""Words in -ing that are nouns of the field. `writing` is what a course product does, by rules of its own."""

METAPHORS = {"desk", "figures", "ledger", "outlet", "shapes", "teller", "told", "unguarded"}
RUNTIMES_OWN = {"__init__", "gateway", "processor", "projector", "runtime"}
"""Stems that each runtime has: the port, and what fills it in."""

EVERY_SURFACE = ("access", "app", "dependencies", "errors", "openapi")
EVERY_CONTEXT = ("wiring", "reactions")


def sources() -> list[Path]:
    """Every source file, by its path in the tree."""
    return [path.relative_to(ROOT) for room in ROOMS for path in (ROOT / room).rglob("*.py")]


def stems(path: Path) -> set[str]:
    """The names of a file and of the folders that it is in."""
    return {*path.parts[:-1], path.stem}


@pytest.mark.parametrize("room", ROOMS)
def test_no_file_is_named_by_a_participle(room: str) -> None:
    named = {stem for path in sources() if path.parts[0] == room for stem in stems(path) if PARTICIPLE.search(stem)}
    assert named - FIELDS_OWN == set()


def test_no_file_is_named_by_a_metaphor() -> None:
    assert {stem for path in sources() for stem in stems(path)} & METAPHORS == set()


def test_no_stem_stands_in_two_rooms_of_the_engine() -> None:
    """One room's processor and another's are two things; whoever hears the word cannot know which is meant."""
    rooms = {(path.parts[1], path.stem) for path in sources() if path.parts[0] == "streams" and len(path.parts) == 3}
    counted = Counter(stem for _, stem in rooms if stem not in RUNTIMES_OWN)
    assert [stem for stem, rooms_of in counted.items() if rooms_of > 1] == []


@pytest.mark.parametrize("stem", EVERY_SURFACE)
def test_every_surface_has_the_files_that_every_surface_has(stem: str) -> None:
    surfaces = [path for path in (ROOT / "api").iterdir() if (path / "app.py").exists()]
    assert [path.name for path in surfaces if not (path / f"{stem}.py").exists()] == []


@pytest.mark.parametrize("stem", EVERY_CONTEXT)
def test_every_context_has_the_files_that_every_context_has(stem: str) -> None:
    contexts = [path for path in (ROOT / "commands").iterdir() if (path / "wiring.py").exists()]
    assert [path.name for path in contexts if not (path / f"{stem}.py").exists()] == []

"""Rules for the whole tree, in every file."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")
REGISTRIES = re.compile(
    r"(?:files\.pythonhosted|pypi)\.org|registry\.npmjs\.org|repo1?\.maven|crates\.io|proxy\.golang\.org"
    r"|deb\.debian\.org|(?:--|-)(?:index|extra-index|find-links)[-a-z]*[ =]",
)
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:root|home/\w|work|tmp/\w|Users|opt/wheels)(?:/|\b)")
ADDRESSES = re.compile(r"\w+://|^--?(?:index|extra|find|trusted)", re.MULTILINE)


@cache
def tracked() -> dict[str, str]:
    """The text of every tracked file by its path; files that are not text are left out."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [path for path in listing.split("\0") if path and (ROOT / path).is_file()]
    return {path: text for path in paths if (text := text_of(ROOT / path)) is not None}


def text_of(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def matches(pattern: re.Pattern[str], texts: dict[str, str]) -> list[str]:
    return [
        f"{path}:{number}: {line.strip()[:120]}"
        for path, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def others() -> dict[str, str]:
    """Every tracked text but this file, which has to name what it looks for."""
    return {path: text for path, text in tracked().items() if path != Path(__file__).relative_to(ROOT).as_posix()}


def test_no_source_file_is_longer_than_400_lines() -> None:
    lengths = {path: len(text.splitlines()) for path, text in tracked().items() if path.endswith(".py")}
    assert {path: length for path, length in lengths.items() if length > 400} == {}


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    assert matches(MACHINE_PATHS, others()) == []


def test_no_file_names_the_host_of_a_package_registry() -> None:
    assert matches(REGISTRIES, others()) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host(lock: str) -> None:
    assert ADDRESSES.findall((ROOT / lock).read_text()) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_every_package_by_version_and_hash(lock: str) -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip())
    assert [entry.splitlines()[0] for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []


def test_both_locks_pin_the_same_versions() -> None:
    runtime, development = (pins(ROOT / lock) for lock in LOCKS)
    assert runtime - development == set()


def pins(lock: Path) -> set[str]:
    return set(re.findall(r"^[\w.-]+==\S+", lock.read_text(), re.MULTILINE))

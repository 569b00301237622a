"""The words of every enumeration of the pure rooms: the log, read models and documents hold them for ever.

`words.txt` has a line for each. A new word is added there; one that goes needs an upcast first.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import commands
import domain

WORDS = Path(__file__).with_name("words.txt")


def enumerations() -> Iterator[type[StrEnum]]:
    """Every enumeration that a module of these rooms defines."""
    for room in (domain, commands):
        for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            module = importlib.import_module(found.name)
            for _, kind in inspect.getmembers(module, inspect.isclass):
                if issubclass(kind, StrEnum) and kind.__module__ == module.__name__:
                    yield kind


def test_the_words_of_every_enumeration_are_those_that_are_stored() -> None:
    found = {f"{kind.__module__}.{kind.__name__}": [one.value for one in kind] for kind in enumerations()}
    lines = (line.split(": ") for line in WORDS.read_text().splitlines())
    assert found == {name: words.split(" ") for name, words in lines}

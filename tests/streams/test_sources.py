"""The digest of the code behind a fold: it changes with that code, and with nothing else."""

from __future__ import annotations

import importlib
import linecache
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.messages import Event
from streams.core.sources import _imports, sources_digest
from tests.contract.shelf import JAR, Jar

MODULES = {
    "shop/__init__.py": "",
    "shop/cart.py": "from shop import prices\n\n\ndef evolve(cart, event):\n    return cart + prices.of(event)\n",
    "shop/prices.py": "import shop.rates\n\n\ndef of(event):\n    return shop.rates.RATE\n",
    "shop/rates.py": "RATE = 2\n",
    "shop/letters.py": "GREETING = 'Dear customer'\n",
}


def digest(folder: Path, changed: dict[str, str]) -> bytes:
    """The digest of the cart's fold, as a new process would give it, with these modules changed."""
    for path, source in MODULES.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(changed.get(path, source))
    _forget()
    importlib.import_module("shop.letters")
    importlib.import_module("shop.cart")
    return sources_digest("shop.cart")


def _forget() -> None:
    sources_digest.cache_clear()
    _imports.cache_clear()
    linecache.clearcache()
    importlib.invalidate_caches()
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    _forget()


@pytest.mark.parametrize("path", ["shop/cart.py", "shop/prices.py", "shop/rates.py"])
def test_a_change_of_the_fold_or_of_what_it_imports_at_any_remove_changes_the_digest(folder: Path, path: str) -> None:
    assert digest(folder, {path: MODULES[path] + "# another rule\n"}) != digest(folder, {})


def test_a_change_of_what_the_fold_does_not_import_leaves_the_digest(folder: Path) -> None:
    assert digest(folder, {"shop/letters.py": "GREETING = 'Hello'\n"}) == digest(folder, {})


def evolve_once(jar: Jar, _event: Event) -> Jar:
    return jar


def evolve_twice(jar: Jar, _event: Event) -> Jar:
    return jar


def test_two_folds_of_one_module_have_keys_of_their_own() -> None:
    once, twice = (replace(JAR, evolve=evolve) for evolve in (evolve_once, evolve_twice))
    assert once.schema != twice.schema

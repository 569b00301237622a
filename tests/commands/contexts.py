"""The contexts and refusals that the tree holds, found in its packages so that no list names a product."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pkgutil import iter_modules, walk_packages
from types import ModuleType

import bootstrap
import commands
import streams
from domain.messages import Refused
from streams.core.wiring import Context


@cache
def contexts() -> dict[str, Context]:
    """Every wired context by its name."""
    packages = [
        import_module(f"commands.{found.name}.wiring") for found in iter_modules(commands.__path__) if found.ispkg
    ]
    found = [value for package in packages for value in vars(package).values() if isinstance(value, Context)]
    return {context.name: context for context in found}


@cache
def every_context() -> tuple[Context, ...]:
    """Every context: as its product lists it, with read models and upcasts, else as it is wired."""
    return tuple((contexts() | {context.name: context for context in bootstrap.CONTEXTS}).values())


@cache
def refusals() -> tuple[type[Refused], ...]:
    """Every refusal that a module of the contexts or of the engine defines."""
    modules = [*_modules(commands), *_modules(streams)]
    return tuple(refusal for module in modules for refusal in defined_in(module))


def defined_in(module: ModuleType) -> list[type[Refused]]:
    """The refusals that this module defines itself."""
    classes = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Refused)]
    return [found for found in classes if found.__module__ == module.__name__]


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    yield package
    for found in walk_packages(package.__path__, f"{package.__name__}."):
        yield import_module(found.name)

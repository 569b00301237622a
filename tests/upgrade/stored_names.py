"""Every name that today's program can write into a log, a task or a table: the only imports of the program here."""

from __future__ import annotations

from collections.abc import Iterator

import bootstrap
from domain.messages import Command, Effect, Event, Named
from streams.core.names import UnknownName
from streams.core.refusals import INTERNAL_ERROR
from streams.core.wiring import ENGINE_MESSAGES, names_of

KINDS: dict[str, type[Named]] = {"event": Event, "command": Command, "effect": Effect}


def known(name: str) -> bool:
    """Whether what is stored under this name can be read: it has a type, or an upcast that leads on to one."""
    table = names_of(bootstrap.CONTEXTS)
    try:
        return not table.is_current(name) or bool(table.type_of(name))
    except UnknownName:
        return False


def messages() -> Iterator[tuple[str, str]]:
    """Kind and name of every message."""
    types = {*ENGINE_MESSAGES, *(type_ for context in bootstrap.CONTEXTS for type_ in context.messages)}
    for kind, base in KINDS.items():
        yield from sorted((kind, type_.name) for type_ in types if issubclass(type_, base))


def refusals() -> set[str]:
    """What `problem.type` of an outcome may be: the names of today's refusals and those they had before."""
    return {*names_of(bootstrap.CONTEXTS).refusals, INTERNAL_ERROR, "InternalError"}


def read_models() -> list[str]:
    """Name and version of every read model."""
    return sorted(f"{model.name} v{model.version}" for context in bootstrap.CONTEXTS for model in context.read_models)


def listed() -> str:
    """All of them as text, a line each."""
    lines = [f"{kind} {name}" for kind, name in messages()]
    lines += [f"problem {name}" for name in sorted(refusals())]
    return "\n".join([*lines, *(f"read-model {model}" for model in read_models())]) + "\n"

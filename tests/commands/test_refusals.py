"""The names of refusals, and the tables that list them."""

from __future__ import annotations

from importlib import import_module

import pytest

from domain.messages import Refused
from streams.core.refusals import ENGINE_REFUSALS
from streams.core.wiring import Context, names_of
from tests.commands.contexts import contexts, defined_in, refusals

CONTEXTS = contexts()


def test_every_refusal_is_listed_by_a_context_or_is_the_engines() -> None:
    listed = {*ENGINE_REFUSALS, *(refusal for context in CONTEXTS.values() for refusal in context.refusals)}
    assert set(refusals()) == listed


@pytest.mark.parametrize("context", CONTEXTS.values(), ids=CONTEXTS)
def test_a_context_lists_the_refusals_of_every_module_that_decides_for_it(context: Context) -> None:
    modules = {import_module(handler.decide.__module__) for handler in context.handlers}
    assert {refusal for module in modules for refusal in defined_in(module)} <= set(context.refusals)


@pytest.mark.parametrize("refusal", refusals(), ids=lambda refusal: refusal.__name__)
def test_a_refusals_name_begins_with_the_context_that_defines_it(refusal: type[Refused]) -> None:
    room, owner, *_ = refusal.__module__.split(".")
    assert refusal.name.partition(".")[0] == ("headwater" if room == "streams" else owner)


def test_no_two_contexts_give_one_name_twice() -> None:
    table = names_of(list(CONTEXTS.values())).refusals
    assert set(table.values()) == set(refusals())

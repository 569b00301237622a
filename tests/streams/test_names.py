"""The table of refusals by name."""

from __future__ import annotations

import pytest

from domain.messages import Refused
from streams.core.refusals import ENGINE_REFUSALS, VersionConflict
from streams.core.wiring import Context, names_of


class Spoiled(Refused, name="pantry.spoiled", formerly=("Rotten", "pantry.rotten")):
    pass


class SpoiledToo(Refused, name="pantry.spoiled"):
    pass


class Mouldy(Refused, name="cellar.mouldy", formerly="Rotten"):
    pass


class Conflict(Refused, name="cellar.conflict", formerly="VersionConflict"):
    pass


def context(name: str, *refusals: type[Refused]) -> Context:
    return Context(name=name, events=(), handlers=(), refusals=refusals)


def test_a_refusal_is_found_by_its_name_and_by_every_former_one() -> None:
    table = names_of([context("pantry", Spoiled)]).refusals
    assert {name for name, refusal in table.items() if refusal is Spoiled} == {
        "pantry.spoiled",
        "Rotten",
        "pantry.rotten",
    }


def test_the_engines_own_are_found_in_every_installation() -> None:
    table = names_of([]).refusals
    assert set(table.values()) == set(ENGINE_REFUSALS)
    assert table["headwater.version_conflict"] is table["VersionConflict"] is VersionConflict


def test_contexts_may_share_a_refusal() -> None:
    assert names_of([context("pantry", Spoiled), context("cellar", Spoiled)]).refusals["Rotten"] is Spoiled


@pytest.mark.parametrize(("other", "name"), [(SpoiledToo, "pantry.spoiled"), (Mouldy, "Rotten")])
def test_a_name_given_twice_is_refused_be_it_a_former_one(other: type[Refused], name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' is the name of two refusals, Spoiled and {other.__name__}"):
        names_of([context("pantry", Spoiled), context("cellar", other)])


def test_a_name_of_the_engines_own_is_refused_to_a_context() -> None:
    with pytest.raises(ValueError, match="'VersionConflict' is the name of two refusals"):
        names_of([context("cellar", Conflict)])

"""Every name that an earlier revision can have stored is still known: of messages, of refusals, of read models."""

from __future__ import annotations

import pytest

from tests.upgrade.packing import DATA
from tests.upgrade.stored_names import known, read_models, refusals

LISTED = (DATA / "names-0.1.txt").read_text().splitlines()
RETIRED: frozenset[str] = frozenset({"communication_outlets", "communication_outlets_told"})
"""Read models that no code lists any more, on purpose: they are dropped, and there is nothing to read them for."""


def recorded(kind: str) -> list[str]:
    return [line.removeprefix(f"{kind} ") for line in LISTED if line.startswith(f"{kind} ")]


@pytest.mark.parametrize("kind", ["event", "command", "effect"])
def test_every_stored_message_has_a_type_today_or_is_cast_up_to_one(kind: str) -> None:
    assert [name for name in recorded(kind) if not known(name)] == []


def test_every_stored_problem_is_a_refusal_of_today() -> None:
    assert set(recorded("problem")) - refusals() == set()


def test_every_read_model_is_still_made_or_retired_on_purpose() -> None:
    made = {model.partition(" ")[0] for model in read_models()}
    assert {model.partition(" ")[0] for model in recorded("read-model")} - made == RETIRED

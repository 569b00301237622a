"""Recorded refusals, under their names of today and of before: a replay is answered as it was."""

from __future__ import annotations

import pytest

from streams.core.refusals import INTERNAL_ERROR
from tests.api.refusals import Example, answer, expected, mapper, recorded

RECORDED = recorded()
FAILURES = {INTERNAL_ERROR, "InternalError"}


@pytest.mark.parametrize("example", RECORDED, ids=lambda example: f"{example.surface}-{example.type}")
async def test_a_recorded_refusal_is_answered_as_it_was(example: Example) -> None:
    assert await answer(example) == example.answer


def test_every_refusal_is_recorded_under_each_of_its_names_for_each_surface() -> None:
    """What lacks is added by `python -m tests.api.refusals`."""
    wanted = {(surface, type_) for surface, _, type_ in expected()}
    surfaces = {surface for surface, _ in wanted}
    assert {(one.surface, one.type) for one in RECORDED} >= wanted | {(s, t) for s in surfaces for t in FAILURES}


def test_every_name_that_was_recorded_is_known_for_ever() -> None:
    assert {example.type for example in RECORDED} - FAILURES <= set(mapper().names.refusals)


async def test_a_refusal_of_newer_code_is_bad_input() -> None:
    example = next(one for one in RECORDED if one.answer["status"] == 404)
    problem = example.outcome["problem"] | {"type": f"{example.surface}.of_tomorrow"}
    told = await answer(example._replace(outcome=example.outcome | {"problem": problem}))
    assert told["status"] == 400

"""Scenarios over several commands, and over a command without a handler."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from streams.testing import Scenario
from tests.contract.shelf import SHELF, FillJar, JarFilled, OpenJar, TooFull

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FILL = FillJar(at=NOW, jar="1", owner="ada", grams=600)
FILLED = JarFilled(at=NOW, jar="1", grams=600)


def test_a_second_command_sees_the_events_of_the_first() -> None:
    Scenario(SHELF).when(FILL).when(FILL).then_refused(TooFull)


def test_events_of_every_command_stay_in_the_history_once_and_in_order() -> None:
    little = FILL.model_copy(update={"grams": 1})
    added = FILLED.model_copy(update={"grams": 1})
    story = Scenario(SHELF).when(FILL).then(FILLED).when(little).when(little).then(added)
    assert story.history == (FILLED, added, added)


def test_events_given_after_a_command_follow_its_own() -> None:
    given = JarFilled(at=NOW, jar="1", grams=100)
    assert Scenario(SHELF).when(FILL).given(given).history == (FILLED, given)


def test_a_refused_command_leaves_no_events_of_an_earlier_one_as_its_own() -> None:
    story = Scenario(SHELF).when(FILL).when(FILL)
    assert story.produced == ()
    assert story.history == (FILLED,)


def test_a_refusal_is_not_forgotten_by_a_later_command() -> None:
    story = Scenario(SHELF).given(FILLED).when(FILL).when(OpenJar(at=NOW, jar="1", owner="ada"))
    with pytest.raises(AssertionError, match="refused"):
        story.then()


def test_a_command_without_a_handler_is_named_in_the_error() -> None:
    without = replace(SHELF, handlers=tuple(handler for handler in SHELF.handlers if handler.command is not FillJar))
    sentence = "no handler is listed for FillJar: add one to the context's wiring"
    with pytest.raises(LookupError, match=sentence):
        Scenario(without).when(FILL)

"""Events recorded once, which must load for ever: one of every name, as the log has held it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from domain.communication.events import EVENTS

RECORDED = [json.loads(line) for line in (Path(__file__).parent / "recorded.jsonl").read_text().splitlines()]
TYPES = {event.name: event for event in EVENTS}


def test_there_is_one_of_every_name() -> None:
    assert {line["name"] for line in RECORDED} == set(TYPES)


@pytest.mark.parametrize("line", RECORDED, ids=lambda line: line["name"])
def test_what_was_recorded_once_loads_as_it_was(line: dict[str, Any]) -> None:
    event = TYPES[line["name"]].model_validate_json(json.dumps(line["event"]))
    assert json.loads(event.model_dump_json()).items() >= line["event"].items()

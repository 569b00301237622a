"""Webhook types cover every event of a message, and every recorded event with a type becomes a webhook body."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import pytest

from content.communication.webhooks import webhook_content
from domain.communication.message import MessageEvent
from domain.communication.webhooks import TYPES, WEBHOOK_TYPES
from domain.webhooks import FeedEvent

LINES = [json.loads(line) for line in (Path(__file__).parent / "recorded.jsonl").read_text().splitlines()]
RECORDED: dict[str, dict[str, Any]] = {line["name"]: line["body"] for line in LINES}


def test_every_event_of_a_message_has_a_type_or_is_said_to_have_none() -> None:
    assert set(WEBHOOK_TYPES) == set(get_args(MessageEvent))


def test_no_two_events_have_one_type() -> None:
    assert len(set(TYPES.values())) == len(TYPES)
    assert TYPES.keys() == {kind.name for kind, type_ in WEBHOOK_TYPES.items() if type_ is not None}


@pytest.mark.parametrize("name", TYPES)
def test_a_recorded_event_is_put_into_words(name: str) -> None:
    body = RECORDED[name]
    event = FeedEvent("communication", 2, 17, UUID(int=1), UUID(int=2), name, datetime.fromisoformat(body["at"]), body)
    content = webhook_content(event)
    told = json.loads(content.body)
    assert (told["type"], told["data"]["task_id"]) == (TYPES[name], body["message_id"])
    assert told["data"]["position"] == "communication/2/17"
    assert content.data_subject == f"communication:{body['user_id']}"

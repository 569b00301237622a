"""What webhooks call the events of a message."""

from __future__ import annotations

from typing import get_args

from domain.communication.message import MessageEvent
from domain.communication.webhooks import WEBHOOK_TYPES


def test_every_event_of_a_message_has_a_webhook_type_or_is_left_out_on_purpose() -> None:
    assert set(WEBHOOK_TYPES) == set(get_args(MessageEvent))

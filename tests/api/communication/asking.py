"""What tests of this surface ask for again and again."""

from __future__ import annotations

from typing import Any

from tests.api.communication.serving import Served


def refused(product: Served, user_id: int, **more: Any) -> dict[str, Any]:
    """The body of a send that is refused."""
    body = {"user_id": user_id, "trigger_type": "monthly_report", "data": {}} | more
    answer = product.api.post("/send", json=body)
    assert answer.status_code == 400, answer.text
    found: dict[str, Any] = answer.json()
    return found


def can_send(product: Served, user_id: int, **more: Any) -> dict[str, Any]:
    """What a consent check answers."""
    body = {"user_id": user_id, "message_type": "monthly_report", "channel": "sms"} | more
    return product.ok("POST", "/consent/check", body)

"""The webhooks of this product, each made from one event alone: the same facts as the reads show.

A body about a member is sealed with that member's key while it waits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from commands.webhooks import QueueWebhook
from domain.creator_hub.enrollment import Completed, Enrolled
from domain.creator_hub.kinds import OfMember
from domain.creator_hub.member import Escalated, MemberRegistered, MessageReceived, ProfileUpdated
from domain.rfc3339 import shown_instant

ENDPOINT = "creator_hub"
"""The id of the configured endpoint: the context's name."""


def registration_webhook(event: MemberRegistered, webhook_id: str) -> QueueWebhook:
    """`user.created`."""
    profile = {"name": event.member_name} if event.member_name else {}
    data = {"user_id": event.user_id, "channel": event.channel_type, "profile_data": profile}
    return _queued(event, webhook_id, "user.created", data)


def profile_webhook(event: ProfileUpdated, webhook_id: str) -> QueueWebhook:
    """`user.updated`."""
    data = {"user_id": event.user_id, "channel": event.channel_type, "profile_data": event.profile or {}}
    return _queued(event, webhook_id, "user.updated", data)


def enrollment_webhook(event: Enrolled, webhook_id: str) -> QueueWebhook:
    """`program.enrolled`."""
    return _queued(event, webhook_id, "program.enrolled", _program(event) | {"enrolled_at": shown_instant(event.at)})


def completion_webhook(event: Completed, webhook_id: str) -> QueueWebhook:
    """`program.completed`."""
    return _queued(event, webhook_id, "program.completed", _program(event) | {"completed_at": shown_instant(event.at)})


def _program(event: Enrolled | Completed) -> dict[str, Any]:
    return event.model_dump(include={"user_id", "program_id", "program_name", "enrollment_id"})


def message_webhook(event: MessageReceived, webhook_id: str) -> QueueWebhook:
    """`message.received`."""
    data = {
        "user_id": event.user_id,
        "channel": event.channel_type,
        "channel_id": event.channel_id,
        "message_id": event.message_id,
        "text": event.text or "",
    }
    return _queued(event, webhook_id, "message.received", data)


def escalation_webhook(event: Escalated, webhook_id: str) -> QueueWebhook:
    """`escalation.created`."""
    data: dict[str, Any] = {"user_id": event.user_id, "channel": event.channel_type, "reason": event.reason}
    if event.message_id is not None:
        data["message_id"] = event.message_id
    return _queued(event, webhook_id, "escalation.created", data)


def _queued(event: OfMember, webhook_id: str, name: str, data: Mapping[str, Any]) -> QueueWebhook:
    at: datetime = event.at
    payload = {"event": name, "timestamp": shown_instant(at), "data": data, "creator_id": event.creator_id}
    return QueueWebhook(
        at=at,
        endpoint_id=ENDPOINT,
        webhook_id=webhook_id,
        data_subject=event.subject or "",
        event_type=name,
        body=json.dumps(payload, ensure_ascii=False, separators=(",", ":")),
    )

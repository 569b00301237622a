"""What is done outside: messages handed to providers.

Between a dispatch and the last retry of its effect hours may pass, so the performer checks consent before every try
(`may_still_go` in `projections.communication.queries.consent_check`) and answers NOT_ALLOWED if it is gone.

An effect says what to send, not its words. The edge renders it (templates, the public address, a signed unsubscribe
link, a verification code derived from the server's secret) and passes it to the channel's connector.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain.communication.kinds import TriggerType
from domain.messages import Effect, Personal

NOT_ALLOWED = "not_allowed"
"""The code of an edge that did not send because consent was withdrawn, or switched off, after the dispatch."""


class SendMessage(Effect, subject="user_id"):
    """What both channels need. `template` is `<trigger type>/<version>`; `to` and `data` are None once erased."""

    message_id: UUID
    user_id: int
    trigger_type: TriggerType
    template: str
    to: Personal[str]
    data: Personal[dict[str, Any]]


class SendText(SendMessage, name="communication.text.v1"):
    """Send a message as SMS to an E.164 number."""


class SendMail(SendMessage, name="communication.mail.v1"):
    """Send a message as e-mail."""


class ForgetMessages(Effect, name="communication.forget_messages.v1"):
    """Remove what the sandbox keeps of messages to an erased person (`context:id`)."""

    erased: str


class FindSenders(Effect, name="communication.find_senders.v1"):
    """Find out who of `partition` has the number behind `mark`, `told` excepted, once it can be said for certain.

    The output's `user_ids` are those people.
    """

    stop_id: str
    mark: str
    told: tuple[int, ...]
    partition: int
    partitions: int


class SendVerificationCode(Effect, name="communication.verification_code.v1", subject="user_id"):
    """Send the code that belongs to `verification_id`, and that only the edge can derive, as SMS."""

    user_id: int
    verification_id: UUID
    to: Personal[str]

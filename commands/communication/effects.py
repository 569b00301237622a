"""The effects of the context: messages to hand to providers.

Hours may pass between a dispatch and the last retry of its effect. So the performer checks consent before every try
(`may_still_go` in `projections.communication.queries.consent_check`) and answers NOT_ALLOWED if it is gone.

An effect holds the values of a message, not its words. The performer renders it (templates, the public address, a
signed unsubscribe link, a verification code derived from the server's secret) and calls the channel's connector.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain.communication.kinds import Channel, TriggerType
from domain.messages import Effect, Personal

NOT_ALLOWED = "not_allowed"
"""The code for a message that was not sent, as consent was withdrawn or switched off after the dispatch."""


class SendMessage(Effect, subject="user_id"):
    """Send a message on a channel. `template` is `<trigger type>/<version>`; `to` and `data` are None once erased."""

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


class FindSenders(Effect, name="communication.find_senders.v1"):
    """Find the users of `partition` whose number hashes to `mark`, except `told`.

    Waits until the read model has passed the record of the STOP. The output holds them as `user_ids`.
    """

    stop_id: str
    mark: str
    told: tuple[int, ...]
    partition: int
    partitions: int


class MarkAddress(Effect, name="communication.mark_address.v1", subject="user_id"):
    """Mark an address that was reported. The output holds `mark`, and `keys`, a key of the report in each partition."""

    report_id: str
    user_id: int
    channel: Channel
    address: Personal[str]


class FindOwners(Effect, name="communication.find_owners.v1"):
    """Find the users of `partition` whose address on the channel hashes to `mark`.

    Waits until the read model has passed the record of the report. The output holds them as `user_ids`.
    """

    report_id: str
    channel: Channel
    mark: str
    partition: int
    partitions: int


class SendVerificationCode(Effect, name="communication.verification_code.v1", subject="user_id"):
    """Send the code of `verification_id`, which only the performer can derive, as SMS."""

    user_id: int
    verification_id: UUID
    to: Personal[str]

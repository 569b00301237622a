"""The withdrawal of consent: a revocation, an opt-out, and the keywords STOP and START by text."""

from __future__ import annotations

from collections.abc import Sequence

from domain.communication.consent import ConsentGranted, ConsentRevoked, ConsentStatus, OptedOut, OptOutSource
from domain.communication.kinds import ALL_TYPES, Channel, TriggerType, Wish
from domain.communication.recipient import InboundSmsReceived, Recipient
from domain.keywords import Keyword, keyword_in
from domain.messages import Command, Event, Instant, Personal


class RevokeConsent(Command, name="communication.recipient.revoke_consent.v1", key="user_id", subject="user_id"):
    """Withdraw consent for these types on a channel. Answers ConsentRevoked for those not withdrawn yet."""

    user_id: int
    channel: Channel
    message_types: tuple[TriggerType, ...] = ALL_TYPES
    reason: str = ""


class OptOut(Command, name="communication.recipient.opt_out.v1", key="user_id", subject="user_id"):
    """Opt out of these types on a channel or both. Answers one OptedOut per channel where that changes anything."""

    user_id: int
    wish: Wish = Wish.BOTH
    message_types: tuple[TriggerType, ...] = ALL_TYPES
    reason: str = ""
    source: OptOutSource = OptOutSource.API


class ReceiveSms(Command, name="communication.recipient.receive_sms.v1", key="user_id", subject="user_id"):
    """Receive a text from this person's number. STOP opts out of texts, START reverses that.

    START counts only from the verified number. Any other text is recorded and has no effect.
    """

    user_id: int
    phone_number: Personal[str]
    body: Personal[str]


def revoke(command: RevokeConsent, recipient: Recipient) -> Sequence[Event]:
    types = _types_except(recipient, command.channel, command, (ConsentStatus.REVOKED, ConsentStatus.OPTED_OUT))
    if not types:
        return []
    return [
        ConsentRevoked(
            at=command.at, user_id=command.user_id, channel=command.channel, message_types=types, reason=command.reason
        )
    ]


def _types_except(
    recipient: Recipient, channel: Channel, command: RevokeConsent | OptOut, ended: tuple[ConsentStatus, ...]
) -> tuple[TriggerType, ...]:
    """The command's types whose consent has not ended in one of these ways already."""
    standings = {type_: recipient.consent(channel, type_, command.at) for type_ in command.message_types}
    return tuple(type_ for type_, standing in standings.items() if standing.status not in ended)


def opt_out(command: OptOut, recipient: Recipient) -> Sequence[Event]:
    return [
        OptedOut(
            at=command.at,
            user_id=command.user_id,
            channel=channel,
            message_types=types,
            reason=command.reason,
            source=command.source,
        )
        for channel in command.wish.channels
        if (types := _types_except(recipient, channel, command, (ConsentStatus.OPTED_OUT,)))
    ]


def receive_sms(command: ReceiveSms, recipient: Recipient) -> Sequence[Event]:
    keyword = keyword_in(command.body or "")
    events: list[Event] = []
    if keyword is Keyword.STOP:
        events = opt_out_of_channel(
            recipient, command.at, command.user_id, Channel.SMS, OptOutSource.KEYWORD, "stop keyword"
        )
    elif keyword is Keyword.START:
        events = _started(command, recipient)
    received = InboundSmsReceived(
        at=command.at, user_id=command.user_id, keyword=keyword and keyword.value, body=command.body
    )
    return events or [received]


def _started(command: ReceiveSms, recipient: Recipient) -> list[Event]:
    types = tuple(t for t in ALL_TYPES if recipient.sms.standing(t).status is ConsentStatus.OPTED_OUT)
    if not types or recipient.sms.address is None or recipient.sms.address != command.phone_number:
        return []
    return [
        ConsentGranted(
            at=command.at,
            user_id=command.user_id,
            channel=Channel.SMS,
            message_types=types,
            address=command.phone_number,
            source="sms_keyword",
            keyword="start",
        )
    ]


def opt_out_of_channel(
    recipient: Recipient, at: Instant, user_id: int, channel: Channel, source: OptOutSource, reason: str
) -> list[Event]:
    """An opt-out from all types on a channel; nothing if that is the state already."""
    standings = [recipient.consent(channel, type_, at).status for type_ in ALL_TYPES]
    if all(status is ConsentStatus.OPTED_OUT for status in standings):
        return []
    return [OptedOut(at=at, user_id=user_id, channel=channel, message_types=ALL_TYPES, reason=reason, source=source)]

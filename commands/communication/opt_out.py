"""The withdrawal of consent: a revocation, an opt-out, and the keywords STOP and START by text."""

from __future__ import annotations

from collections.abc import Sequence

from domain.communication.addresses import same_address
from domain.communication.consent import (
    STOPS,
    ConsentGranted,
    ConsentRevoked,
    ConsentStatus,
    OptedOut,
    OptOutSource,
    Standing,
)
from domain.communication.kinds import ALL_TYPES, Channel, TriggerType, Wish
from domain.communication.recipient import InboundSmsReceived, Recipient
from domain.keywords import Keyword, keyword_of
from domain.messages import Command, Event, Instant, Personal, Remark


class RevokeConsent(Command, name="communication.recipient.revoke_consent.v1", key="user_id", subject="user_id"):
    """Withdraw consent for these types on a channel. Answers ConsentRevoked for those not withdrawn yet."""

    user_id: int
    channel: Channel
    message_types: tuple[TriggerType, ...] = ALL_TYPES
    reason: Remark = ""


class OptOut(Command, name="communication.recipient.opt_out.v1", key="user_id", subject="user_id"):
    """Opt out of these types on a channel or both. Answers one OptedOut per channel where that changes anything.

    `said_at` is set for a word that was searched for since: a later word of the person outweighs it.
    """

    user_id: int
    wish: Wish = Wish.BOTH
    message_types: tuple[TriggerType, ...] = ALL_TYPES
    reason: Remark = ""
    source: OptOutSource = OptOutSource.API
    said_at: Instant | None = None


class ReceiveSms(Command, name="communication.recipient.receive_sms.v1", key="user_id", subject="user_id"):
    """Receive a text from this person's number. STOP opts out of texts, START reverses that and nothing else.

    `verdict` is what the provider takes the text for, if it says so. START counts only from the verified number. Any
    other text is recorded and has no effect.
    """

    user_id: int
    phone_number: Personal[str]
    body: Personal[str]
    verdict: str = ""


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
    """The command's types whose consent has not ended in one of these ways already.

    A STOP ends none: START takes it back, and what was withdrawn by itself stays withdrawn.
    """
    standings = {type_: _below_stop(recipient, channel, type_, command.at) for type_ in command.message_types}
    return tuple(type_ for type_, standing in standings.items() if standing.status not in ended)


def _below_stop(recipient: Recipient, channel: Channel, type_: TriggerType, at: Instant) -> Standing:
    standing = recipient.consent(channel, type_, at)
    return recipient.reach(channel).kept(type_) if standing == recipient.reach(channel).stopped else standing


def opt_out(command: OptOut, recipient: Recipient) -> Sequence[Event]:
    return [event for channel in command.wish.channels for event in _opted_out(command, channel, recipient)]


def _opted_out(command: OptOut, channel: Channel, recipient: Recipient) -> list[Event]:
    agreed_at = recipient.reach(channel).agreed_at
    if command.said_at is not None and agreed_at is not None and agreed_at > command.said_at:
        return []
    if channel is Channel.SMS and command.source in STOPS:
        return opt_out_of_channel(recipient, command.at, command.user_id, channel, command.source, command.reason)
    types = _types_except(recipient, channel, command, (ConsentStatus.OPTED_OUT,))
    if not types:
        return []
    return [
        OptedOut(
            at=command.at,
            user_id=command.user_id,
            channel=channel,
            message_types=types,
            reason=command.reason,
            source=command.source,
        )
    ]


def receive_sms(command: ReceiveSms, recipient: Recipient) -> Sequence[Event]:
    keyword = keyword_of(command.body or "", command.verdict)
    events: list[Event] = []
    if keyword is Keyword.STOP:
        events = opt_out_of_channel(
            recipient, command.at, command.user_id, Channel.SMS, OptOutSource.KEYWORD, "stop keyword"
        )
    own = keyword is Keyword.START and same_address(Channel.SMS, recipient.sms.address, command.phone_number)
    if own:
        events = _started(command, recipient)
    received = InboundSmsReceived(
        at=command.at,
        user_id=command.user_id,
        keyword=keyword and keyword.value,
        body=command.body,
        lifts_stop=own,
    )
    return events or [received]


def _started(command: ReceiveSms, recipient: Recipient) -> list[Event]:
    """Give back the consent that the STOP took; nothing without a STOP, or if there was none."""
    sms = recipient.sms
    types = tuple(type_ for type_ in ALL_TYPES if sms.kept(type_).status is ConsentStatus.GRANTED)
    if sms.stopped is None or not types:
        return []
    return [
        ConsentGranted(
            at=command.at,
            user_id=command.user_id,
            channel=Channel.SMS,
            message_types=types,
            address=sms.address,
            source="sms_keyword",
            keyword="start",
        )
    ]


def opt_out_of_channel(
    recipient: Recipient, at: Instant, user_id: int, channel: Channel, source: OptOutSource, reason: str | None
) -> list[Event]:
    """An opt-out from all types on a channel, or a STOP; nothing if that is the state already."""
    if _is_closed(recipient, at, channel, source):
        return []
    return [OptedOut(at=at, user_id=user_id, channel=channel, message_types=ALL_TYPES, reason=reason, source=source)]


def _is_closed(recipient: Recipient, at: Instant, channel: Channel, source: OptOutSource) -> bool:
    """Whether the channel is closed in that way. A verification under way ends with a further STOP."""
    standings = [recipient.consent(channel, type_, at).status for type_ in ALL_TYPES]
    stopping = channel is Channel.SMS and source in STOPS
    return all(status is ConsentStatus.OPTED_OUT for status in standings) and (
        not stopping or recipient.reach(channel).stopped is not None
    )

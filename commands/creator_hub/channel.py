"""Channels: configuration, verification by the provider, and credentials that the provider refuses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from commands.creator_hub.account import limits
from domain.creator_hub.account import Account, AccountEvent
from domain.creator_hub.channel import (
    Channel,
    ChannelCreated,
    ChannelDeactivated,
    ChannelEvent,
    ChannelStatus,
    ChannelUpdated,
    ChannelVerified,
    NumberLearnt,
)
from domain.creator_hub.kinds import HELD_HERE, ChannelType
from domain.messages import Command, Refused, Reply, Result, VaultReference

WEBHOOK_REFUSED, CREDENTIALS_REFUSED = "webhook_refused", "credentials_refused"
KEY_OF_BOT = "bot_token"


class UnknownChannel(Refused, name="creator_hub.unknown_channel"):
    """The creator has no channel of this id. 404."""


class OfChannel(Command):
    creator_id: str
    channel_id: str


class CreateChannel(OfChannel, name="creator_hub.channel.create.v1", key="creator_id"):
    """Make a channel. `configuration` holds no credentials: `credentials` are their keys, `vault` is where they are.

    `ai_interactions` is the limit an hour of the token that asks.
    """

    channel_type: ChannelType
    channel_name: str
    configuration: dict[str, JsonValue]
    credentials: tuple[str, ...]
    vault: VaultReference | None
    ai_interactions: int


class UpdateChannel(OfChannel, name="creator_hub.channel.update.v1", key="creator_id"):
    """Change name or configuration; None for what stays.

    `patch` is merged by its first-level keys, where null removes. `vault` holds all credentials that there are from
    here on, and `credentials` their keys; None where none was given.
    """

    channel_name: str | None
    patch: dict[str, JsonValue] | None
    credentials: tuple[str, ...] | None
    vault: VaultReference | None
    ai_interactions: int


class VerifyChannel(OfChannel, name="creator_hub.channel.verify.v1", key="creator_id"):
    """Note that the provider has called with the right token."""


class LearnNumber(OfChannel, name="creator_hub.channel.learn_number.v1", key="creator_id"):
    """Keep the provider's id of the channel's number, from a signed call."""

    phone_number_id: str


class RecordWebhookSet(Reply, name="creator_hub.channel.record_webhook_set.v1", key="creator_id"):
    creator_id: str
    channel_id: str
    vault: str


class RecordNumber(Reply, name="creator_hub.channel.record_number.v1", key="creator_id"):
    """The answer of the provider that was asked for the id of the channel's number."""

    creator_id: str
    channel_id: str


class RefuseCredentials(OfChannel, name="creator_hub.channel.refuse_credentials.v1", key="creator_id"):
    """Note that the provider has refused the credentials that a send used, unless there are others by now."""

    vault: str | None


def create(command: CreateChannel, _channel: Channel, account: Account) -> Sequence[ChannelEvent | AccountEvent]:
    made = ChannelCreated(
        **command.model_dump(exclude={"ai_interactions"}),
        status=_first_status(command.channel_type),
        sets_webhook=_sets_webhook(command.channel_type, command.credentials),
    )
    return [made, *limits(command.at, command.creator_id, command.ai_interactions, account)]


def _first_status(type_: ChannelType) -> ChannelStatus:
    return ChannelStatus.ACTIVE if type_ in HELD_HERE else ChannelStatus.PENDING


def _sets_webhook(type_: ChannelType, credentials: Sequence[str]) -> bool:
    return type_ is ChannelType.TELEGRAM and KEY_OF_BOT in credentials


def update(command: UpdateChannel, channel: Channel, account: Account) -> Sequence[ChannelEvent | AccountEvent]:
    _check_known(channel)
    changed = _updated(command, channel)
    return [*changed, *limits(command.at, command.creator_id, command.ai_interactions, account)]


def _updated(command: UpdateChannel, channel: Channel) -> Iterator[ChannelEvent]:
    name = channel.channel_name if command.channel_name is None else command.channel_name
    configuration = merged(channel.configuration, command.patch or {})
    if command.vault is None and (name, configuration) == (channel.channel_name, channel.configuration):
        return
    credentials = channel.credentials if command.credentials is None else command.credentials
    renewed = command.vault is not None and _sets_webhook(channel.channel_type, credentials)
    yield ChannelUpdated(
        at=command.at,
        creator_id=command.creator_id,
        channel_id=command.channel_id,
        channel_type=channel.channel_type,
        channel_name=name,
        configuration=configuration,
        credentials=credentials,
        vault=command.vault or channel.vault,
        replaced=channel.vault if command.vault is not None and command.vault != channel.vault else None,
        status=_status_after(command, channel, renewed=renewed),
        sets_webhook=renewed,
    )


def _status_after(command: UpdateChannel, channel: Channel, *, renewed: bool) -> ChannelStatus:
    """New credentials make an inactive channel active again: what was verified once need not be again."""
    assert channel.status is not None
    if command.vault is None or channel.status is not ChannelStatus.INACTIVE:
        return channel.status
    return ChannelStatus.PENDING if renewed else ChannelStatus.ACTIVE


def merged(configuration: dict[str, JsonValue], patch: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The configuration with the patch's first-level keys; null removes one."""
    both = configuration | patch
    return {key: value for key, value in both.items() if value is not None}


def verify(command: VerifyChannel, channel: Channel) -> Sequence[ChannelEvent]:
    _check_known(channel)
    if channel.status is not ChannelStatus.PENDING:
        return []
    return [ChannelVerified(**command.model_dump())]


def learn_number(command: LearnNumber, channel: Channel) -> Sequence[ChannelEvent]:
    _check_known(channel)
    if channel.phone_number_id == command.phone_number_id:
        return []
    return [NumberLearnt(**command.model_dump())]


def record_number(command: RecordNumber, channel: Channel) -> Sequence[ChannelEvent]:
    """A number that is not found stays unknown: the first signed call may tell it."""
    attempt, about = command.attempt, command.model_dump(include={"at", "creator_id", "channel_id"})
    if attempt is None or attempt.result is not Result.ACCEPTED or not attempt.provider_id:
        return []
    if channel.phone_number_id == attempt.provider_id:
        return []
    return [NumberLearnt(**about, phone_number_id=attempt.provider_id)]


def record_webhook_set(command: RecordWebhookSet, channel: Channel) -> Sequence[ChannelEvent]:
    """An answer about credentials that were replaced since says nothing about the channel."""
    attempt, about = command.attempt, command.model_dump(include={"at", "creator_id", "channel_id"})
    if attempt is None or attempt.result is Result.DEFERRED or command.vault != channel.vault:
        return []
    if attempt.result is Result.ACCEPTED:
        return [] if channel.is_active else [ChannelVerified(**about)]
    return [ChannelDeactivated(**about, code=WEBHOOK_REFUSED)]


def refuse_credentials(command: RefuseCredentials, channel: Channel) -> Sequence[ChannelEvent]:
    if not channel.is_active or command.vault != channel.vault:
        return []
    return [ChannelDeactivated(**command.model_dump(exclude={"vault"}), code=CREDENTIALS_REFUSED)]


def _check_known(channel: Channel) -> None:
    if channel.status is None:
        raise UnknownChannel("there is no such channel")

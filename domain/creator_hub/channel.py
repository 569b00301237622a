"""A channel of a creator: how members reach it, whether it is in use, and what it is configured to do.

Credentials are in the vault; events hold its reference.
"""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from pydantic import BaseModel, ConfigDict, JsonValue

from domain.creator_hub.kinds import ChannelType, OfCreator
from domain.messages import ForgottenObject, VaultReference


class ChannelStatus(StrEnum):
    PENDING = "pending_verification"
    ACTIVE = "active"
    INACTIVE = "inactive"


class Template(BaseModel):
    """A message template that the provider has approved, for messages outside the window."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    language: str


class OfChannel(OfCreator):
    channel_id: str


class ChannelCreated(OfChannel, name="creator_hub.channel.created.v1"):
    """`configuration` is what may be shown; `credentials` names what may not, by its keys; `vault` is where it is.

    `sets_webhook`: the provider is to be told where to call.
    """

    channel_type: ChannelType
    channel_name: str
    configuration: dict[str, JsonValue]
    credentials: tuple[str, ...]
    vault: VaultReference | None
    status: ChannelStatus
    sets_webhook: bool


class ChannelUpdated(OfChannel, name="creator_hub.channel.updated.v1"):
    """The whole configuration from here on. New credentials make an inactive channel what it was when new.

    `replaced` are the credentials that are forgotten; None where they stay.
    """

    replaced: ForgottenObject | None

    channel_type: ChannelType
    channel_name: str
    configuration: dict[str, JsonValue]
    credentials: tuple[str, ...]
    vault: VaultReference | None
    status: ChannelStatus
    sets_webhook: bool


class ChannelVerified(OfChannel, name="creator_hub.channel.verified.v1"):
    """The provider knows where to call: the channel is active."""


class ChannelDeactivated(OfChannel, name="creator_hub.channel.deactivated.v1"):
    """`code` says why: `credentials_refused` or `webhook_refused`."""

    code: str


class NumberLearnt(OfChannel, name="creator_hub.channel.number_learnt.v1"):
    """The provider's id of the channel's number, from the first signed call."""

    phone_number_id: str


ChannelEvent = ChannelCreated | ChannelUpdated | ChannelVerified | ChannelDeactivated | NumberLearnt


class Channel(BaseModel):
    """The state; `status` is None while there is none of this id. `phone_number_id` is the one that was learnt."""

    model_config = ConfigDict(frozen=True)

    status: ChannelStatus | None = None
    channel_type: ChannelType = ChannelType.WEB
    channel_name: str = ""
    configuration: dict[str, JsonValue] = {}
    credentials: tuple[str, ...] = ()
    vault: str | None = None
    phone_number_id: str | None = None

    @property
    def is_active(self) -> bool:
        return self.status is ChannelStatus.ACTIVE

    @property
    def template(self) -> Template | None:
        """The template for messages outside the window; None without one."""
        given = self.configuration.get("reengagement_template")
        if not isinstance(given, dict):
            return None
        name, language = given.get("name"), given.get("language")
        return Template(name=name, language=language) if isinstance(name, str) and isinstance(language, str) else None

    @property
    def replies(self) -> bool:
        """Whether messages on it are answered by a model."""
        return self.configuration.get("ai_replies") is not False


def evolve(channel: Channel, event: ChannelEvent) -> Channel:
    match event:
        case ChannelCreated() | ChannelUpdated():
            return _configured(channel, event)
        case ChannelVerified():
            return channel.model_copy(update={"status": ChannelStatus.ACTIVE})
        case ChannelDeactivated():
            return channel.model_copy(update={"status": ChannelStatus.INACTIVE})
        case NumberLearnt():
            return channel.model_copy(update={"phone_number_id": event.phone_number_id})
        case _:
            assert_never(event)


def _configured(channel: Channel, event: ChannelCreated | ChannelUpdated) -> Channel:
    return Channel(
        status=event.status,
        channel_type=event.channel_type,
        channel_name=event.channel_name,
        configuration=event.configuration,
        credentials=event.credentials,
        vault=event.vault,
        phone_number_id=channel.phone_number_id,
    )

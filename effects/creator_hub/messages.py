"""Messages to members, on the channel that they last wrote on, as it is when they go out."""

from __future__ import annotations

from dataclasses import replace

from commands.creator_hub.effects import SendToMember
from connectors.chat import ERASED
from domain.calls.chat import CREDENTIALS, LONGEST_TEXT, ChatChannel, ChatTemplate, SendChat
from domain.creator_hub.channel import ChannelStatus
from domain.social.message_parts import message_parts
from effects.lookup import BEHIND, read
from projections.creator_hub.channels import ChannelRow, channel_by_id
from streams.core.calls import Connector, Deferred, Rejected, Verdict
from streams.postgres.reads import Reads

INACTIVE = Deferred("channel_inactive", "the channel is not active")


class MemberSending:
    """Sends one part of a message, unless its channel is not active: then it waits."""

    idempotent = False

    def __init__(self, dsn: str, chat: Connector[SendChat]) -> None:
        self._reads = Reads(dsn, size=4)
        self._chat = chat
        self.provider = chat.provider

    async def __call__(self, effect: SendToMember, key: str) -> Verdict:
        if effect.to is None or effect.text is None:
            return ERASED
        channel = await read(self._reads, lambda c: channel_by_id(c, effect.channel_id))
        if isinstance(channel, Deferred):
            return channel
        if channel is None:
            return BEHIND
        if channel.status != ChannelStatus.ACTIVE:
            return INACTIVE
        verdict = await self._chat(_chat_message(effect, effect.text, channel), key)
        return _with_vault(verdict, channel)

    async def close(self) -> None:
        await self._reads.close()
        await self._chat.close()


def _chat_message(effect: SendToMember, text: str, channel: ChannelRow) -> SendChat:
    template = effect.template
    return SendChat(
        context="creator_hub",
        recipient_id=effect.user_id,
        channel=ChatChannel(effect.channel_type.value),
        reference=effect.message_id,
        part=effect.part,
        vault=channel.vault,
        sender=_sender_of(channel),
        template=None if template is None else ChatTemplate(name=template.name, language=template.language),
        to=effect.to,
        text=text if template else _part_of(text, effect.part),
    )


def _sender_of(channel: ChannelRow) -> str | None:
    """The provider's id of our number: as configured, else as learnt."""
    given = channel.configuration.get("phone_number_id")
    return given if isinstance(given, str) and given else channel.phone_number_id


def _part_of(text: str, part: int) -> str:
    parts = message_parts(text, LONGEST_TEXT)
    return parts[part - 1] if part <= len(parts) else ""


def _with_vault(verdict: Verdict, channel: ChannelRow) -> Verdict:
    """A refusal of credentials says whose they are."""
    if isinstance(verdict, Rejected) and verdict.code == CREDENTIALS:
        return replace(verdict, output={"vault": channel.vault})
    return verdict

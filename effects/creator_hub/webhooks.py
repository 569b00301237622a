"""The provider of a channel is told where to call, and asked for the id of its number."""

from __future__ import annotations

from commands.creator_hub.effects import SetWebhook
from domain.calls.chat import ChatChannel, SetChatWebhook
from streams.core.calls import Connector, Verdict


class ChannelWebhookSetting:
    """Sets the webhook of one channel to its address below `root`, the surface's public address."""

    idempotent = True

    def __init__(self, chat: Connector[SetChatWebhook], root: str) -> None:
        self._chat = chat
        self._root = root
        self.provider = chat.provider

    async def __call__(self, effect: SetWebhook, key: str) -> Verdict:
        url = f"{self._root}/webhooks/{effect.channel_type}/{effect.channel_id}"
        channel = ChatChannel(effect.channel_type.value)
        return await self._chat(SetChatWebhook(channel=channel, vault=effect.vault, url=url), key)

    async def close(self) -> None:
        await self._chat.close()

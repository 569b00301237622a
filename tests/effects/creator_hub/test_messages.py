"""Messages on the channel as it is when they go out."""

from __future__ import annotations

import asyncio
from typing import Any

from commands.creator_hub.effects import SendToMember
from domain.calls.chat import CREDENTIALS, LONGEST_TEXT, SendChat
from domain.creator_hub.channel import ChannelDeactivated, ChannelVerified, NumberLearnt
from domain.creator_hub.kinds import ChannelType
from effects.creator_hub.messages import INACTIVE, MemberSending
from effects.lookup import BEHIND
from streams.core.calls import Accepted, Rejected, Verdict
from tests.effects.creator_hub.conftest import Installed
from tests.projections.creator_hub.histories import CREATOR, World


class Chat:
    """A chat service that notes what it is asked to send."""

    provider = "chat"
    idempotent = False

    def __init__(self, verdict: Verdict | None = None) -> None:
        self.sent: list[SendChat] = []
        self.verdict = verdict or Accepted("p-1")

    async def __call__(self, effect: SendChat, key: str) -> Verdict:
        self.sent.append(effect)
        return self.verdict

    async def close(self) -> None:
        pass


def performed(installed: Installed, chat: Chat, **fields: Any) -> Verdict:
    effect = SendToMember.model_validate(
        {
            "creator_id": CREATOR,
            "user_id": "ana",
            "channel_id": f"{CREATOR}/whatsapp",
            "channel_type": ChannelType.WHATSAPP,
            "message_id": "m-1",
            "part": 1,
            "to": "15550001111",
            "text": "Hello",
            "template": None,
            **fields,
        }
    )

    async def run() -> Verdict:
        sending = MemberSending(installed.dsn, chat)
        try:
            return await sending(effect, "key")
        finally:
            await sending.close()

    return asyncio.run(run())


def channel(world: World) -> str:
    return world.channel(CREATOR, ChannelType.WHATSAPP)


def test_a_message_goes_to_the_service_with_the_channels_number_and_vault(installed: Installed) -> None:
    world, chat = World(), Chat()
    id_ = channel(world)
    world.record(ChannelVerified, CREATOR, channel_id=id_)
    world.record(NumberLearnt, CREATOR, channel_id=id_, phone_number_id="number-1")
    installed.tables.apply(world.history)
    assert performed(installed, chat, channel_id=id_) == Accepted("p-1")
    (sent,) = chat.sent
    assert (sent.sender, sent.reference, sent.part, sent.to, sent.text) == (
        "number-1",
        "m-1",
        1,
        "15550001111",
        "Hello",
    )


def test_a_channel_that_is_not_active_or_not_known_yet_is_waited_for(installed: Installed) -> None:
    world, chat = World(), Chat()
    id_ = channel(world)
    assert performed(installed, chat, channel_id=id_) == BEHIND
    world.record(ChannelDeactivated, CREATOR, channel_id=id_, code="credentials_refused")
    installed.tables.apply(world.history)
    assert performed(installed, chat, channel_id=id_) == INACTIVE
    assert chat.sent == []


def test_each_part_is_a_piece_of_the_text_and_all_of_them_are_the_text(installed: Installed) -> None:
    world, chat = World(), Chat()
    id_ = channel(world)
    world.record(ChannelVerified, CREATOR, channel_id=id_)
    installed.tables.apply(world.history)
    text = "A sentence of some length. " * 300
    for part in (1, 2):
        performed(installed, chat, channel_id=id_, part=part, text=text)
    parts = [str(one.text) for one in chat.sent]
    assert max(map(len, parts)) <= LONGEST_TEXT
    assert " ".join(parts) == text.strip()


def test_refused_credentials_say_whose_they_are(installed: Installed) -> None:
    world, chat = World(), Chat(Rejected(CREDENTIALS, "no"))
    id_ = channel(world)
    world.record(ChannelVerified, CREATOR, channel_id=id_)
    installed.tables.apply(world.history)
    verdict = performed(installed, chat, channel_id=id_)
    assert isinstance(verdict, Rejected)
    assert verdict.output is not None
    assert "vault" in verdict.output

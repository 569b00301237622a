"""Channels: configuration without credentials, verification, and what providers say of them."""

from __future__ import annotations

from typing import Any

import pytest

from commands.creator_hub.channel import CreateChannel, UnknownChannel, UpdateChannel, VerifyChannel
from commands.creator_hub.effects import SetWebhook
from domain.calls.chat import FindChatSender
from domain.creator_hub.account import LimitsSet
from domain.creator_hub.channel import (
    ChannelCreated,
    ChannelDeactivated,
    ChannelUpdated,
    ChannelVerified,
    NumberLearnt,
)
from domain.creator_hub.kinds import ChannelType
from streams.core.calls import Accepted
from streams.core.envelope import Status
from tests.commands.creator_hub.world import CREATOR, NOW, World, id_of, refused

CHANNEL = id_of("channel")


@pytest.fixture
def world() -> World:
    one = World()
    one.answers[FindChatSender] = lambda _effect: Accepted("number-1")
    return one


def create(type_: ChannelType, *credentials: str, limit: int = 100, **configuration: Any) -> CreateChannel:
    return CreateChannel(
        at=NOW,
        creator_id=CREATOR,
        channel_id=CHANNEL,
        channel_type=type_,
        channel_name="One",
        configuration=configuration,
        credentials=credentials,
        vault=id_of("vault", 1) if credentials else None,
        ai_interactions=limit,
    )


def update(patch: dict[str, Any] | None = None, *credentials: str, name: str | None = None) -> UpdateChannel:
    return UpdateChannel(
        at=NOW,
        creator_id=CREATOR,
        channel_id=CHANNEL,
        channel_name=name,
        patch=patch,
        credentials=credentials or None,
        vault=id_of("vault", 2) if credentials else None,
        ai_interactions=100,
    )


@pytest.mark.parametrize(
    ("type_", "status"),
    [(ChannelType.WEB, "active"), (ChannelType.MOBILE, "active"), (ChannelType.WHATSAPP, "pending_verification")],
)
def test_channels_of_our_own_are_active_at_once_and_others_wait_for_the_provider(
    world: World, type_: ChannelType, status: str
) -> None:
    world.do(create(type_))
    assert [one.status for one in world.facts(ChannelCreated)] == [status]


def test_telegram_is_told_where_to_call_and_is_active_then(world: World) -> None:
    world.do(create(ChannelType.TELEGRAM, "bot_token"))
    assert len([call for call in world.calls if isinstance(call, SetWebhook)]) == 1
    assert len(world.facts(ChannelVerified)) == 1


def test_a_refused_token_makes_the_channel_inactive_and_a_new_one_begins_anew(world: World) -> None:
    world.answers[SetWebhook] = refused("credentials")
    world.do(create(ChannelType.TELEGRAM, "bot_token"))
    assert [one.code for one in world.facts(ChannelDeactivated)] == ["webhook_refused"]
    world.answers[SetWebhook] = lambda _effect: Accepted("ok")
    world.do(update(None, "bot_token"))
    (updated,) = world.facts(ChannelUpdated)
    assert (updated.status, updated.replaced) == ("pending_verification", id_of("vault", 1))
    assert len(world.facts(ChannelVerified)) == 1


def test_whatsapp_is_verified_by_its_call_and_asked_for_its_number(world: World) -> None:
    world.do(create(ChannelType.WHATSAPP, "access_token", business_account_id="b", phone_number="+15550001111"))
    assert [one.phone_number_id for one in world.facts(NumberLearnt)] == ["number-1"]
    verify = VerifyChannel(at=NOW, creator_id=CREATOR, channel_id=CHANNEL)
    assert world.do(verify).status is Status.ACCEPTED
    assert world.do(verify).status is Status.UNCHANGED


def test_configuration_merges_by_first_level_keys_and_null_removes(world: World) -> None:
    world.do(create(ChannelType.WEB, widget_color="#fff", welcome_message="Hi"))
    world.do(update({"widget_color": None, "cite_sources": True}, name="Two"))
    (updated,) = world.facts(ChannelUpdated)
    assert updated.configuration == {"welcome_message": "Hi", "cite_sources": True}
    assert (updated.channel_name, updated.replaced) == ("Two", None)
    assert world.do(update({"cite_sources": True})).status is Status.UNCHANGED


def test_the_limit_of_the_token_that_acted_last_holds(world: World) -> None:
    world.do(create(ChannelType.WEB, limit=5))
    world.do(update({"a": 1}))
    assert [one.ai_interactions for one in world.facts(LimitsSet)] == [5, 100]


def test_a_foreign_channel_is_unknown(world: World) -> None:
    world.do(create(ChannelType.WEB))
    problem = world.do(update({"a": 1}).model_copy(update={"creator_id": "other"})).problem
    assert problem is not None
    assert problem.type == UnknownChannel.name

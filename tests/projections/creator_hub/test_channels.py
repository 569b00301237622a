"""Channels and rules, which come whole, and every query's first argument."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import pytest

import projections.creator_hub
from domain.creator_hub.channel import ChannelDeactivated, ChannelStatus, ChannelUpdated, ChannelVerified, NumberLearnt
from domain.creator_hub.kinds import ChannelType
from projections.creator_hub.channels import channel_by_id, channel_of_creator
from projections.creator_hub.queries.channels import channels_of
from projections.creator_hub.queries.conversations import conversation_heads
from projections.creator_hub.queries.rules import rules_of
from tests.projections.creator_hub.histories import CREATOR, NOW, OTHER, World
from tests.projections.tables import Tables

FIRST = {channel_by_id: "channel_id", conversation_heads: "conversations"}
"""Queries without a creator: of a call that knows none, and of conversations, each of which names its own."""


def queries() -> list[Callable[..., Any]]:
    """Every query of the context."""
    package = projections.creator_hub
    modules = [import_module(found.name) for found in walk_packages(package.__path__, f"{package.__name__}.")]
    return [
        value
        for module in modules
        for value in vars(module).values()
        if inspect.iscoroutinefunction(value) and value.__module__ == module.__name__
    ]


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.__name__)
def test_every_query_takes_the_creator_first_but_for_that_of_a_call_which_knows_none(query: Callable[..., Any]) -> None:
    wanted = FIRST.get(query, "creator_id")
    if not query.__name__.startswith("_"):
        assert list(inspect.signature(query).parameters)[1] == wanted


def test_channels_are_the_newest_first_with_their_members_and_last_activity(tables: Tables) -> None:
    world = World()
    web = world.channel(CREATOR, ChannelType.WEB)
    world.wait(hours=1)
    second = world.channel(CREATOR, ChannelType.WEB, "second")
    world.channel(OTHER, ChannelType.WEB)
    last = world.now
    ana = world.register(CREATOR, "ana", web, ChannelType.WEB)
    bea = world.register(CREATOR, "bea", web, ChannelType.WEB)
    for member in (ana, bea, ana):
        last = world.receive(member).at
        world.wait(hours=1)
    world.receive(ana, channel=second)
    tables.apply(world.history)
    found = tables.ask(channels_of, CREATOR)
    assert [(one.channel.channel_id, one.members) for one in found] == [(second, 1), (web, 2)]
    assert [one.last_activity_at for one in found] == [world.now, last]
    assert [one.members for one in tables.ask(channels_of, OTHER)] == [0]
    assert tables.ask(channels_of, OTHER)[0].last_activity_at is None


def test_a_channel_shows_what_it_is_configured_to_do_and_why_it_is_inactive(tables: Tables) -> None:
    world = World()
    channel = world.channel(CREATOR, ChannelType.WHATSAPP)
    world.record(NumberLearnt, CREATOR, channel_id=channel, phone_number_id="42")
    world.record(ChannelDeactivated, CREATOR, channel_id=channel, code="credentials_refused")
    tables.apply(world.history)
    found = tables.ask(channel_by_id, channel)
    assert found is not None
    assert (found.creator_id, found.status, found.code) == (CREATOR, ChannelStatus.INACTIVE, "credentials_refused")
    assert (found.phone_number_id, found.created_at) == ("42", NOW)
    assert tables.ask(channel_of_creator, CREATOR, channel) == found
    assert tables.ask(channel_of_creator, OTHER, channel) is None
    assert tables.ask(channel_by_id, "unknown") is None


def test_an_update_keeps_the_reason_of_a_channel_that_it_leaves_inactive(tables: Tables) -> None:
    world = World()
    channel = world.channel(CREATOR, ChannelType.TELEGRAM)
    world.record(ChannelDeactivated, CREATOR, channel_id=channel, code="webhook_refused")
    whole: dict[str, Any] = {"channel_id": channel, "channel_type": ChannelType.TELEGRAM, "channel_name": "Renamed"}
    whole |= {"configuration": {}, "credentials": ("bot_token",), "vault": "v", "sets_webhook": False, "replaced": None}
    world.record(ChannelUpdated, CREATOR, status=ChannelStatus.INACTIVE, **whole)
    tables.apply(world.history)
    found = tables.ask(channel_by_id, channel)
    assert found is not None
    assert (found.channel_name, found.code, found.credentials, found.vault) == (
        "Renamed",
        "webhook_refused",
        ["bot_token"],
        "v",
    )
    world.record(ChannelUpdated, CREATOR, status=ChannelStatus.PENDING, **whole)
    world.record(ChannelVerified, CREATOR, channel_id=channel)
    tables.clear()
    tables.apply(world.history)
    found = tables.ask(channel_by_id, channel)
    assert found is not None
    assert (found.status, found.code) == (ChannelStatus.ACTIVE, None)


def test_rules_are_the_newest_first_and_a_skipped_one_is_no_trigger(tables: Tables) -> None:
    world = World()
    ana = world.register(CREATOR, "ana", world.channel(CREATOR, ChannelType.WEB), ChannelType.WEB)
    first = world.rule(CREATOR, "first")
    world.wait(hours=1)
    second = world.rule(CREATOR, "second")
    world.rule(OTHER, "foreign")
    triggers = [world.trigger(ana, first) for _ in range(3)]
    world.skip_rule(ana, first)
    world.wait(hours=2)
    world.succeed(triggers[0])
    tables.apply(world.history)
    found = tables.ask(rules_of, CREATOR)
    assert [(one.rule_id, one.triggers, one.successes, one.success_rate) for one in found] == [
        (second, 0, 0, 0.0),
        (first, 3, 1, 0.3333),
    ]
    assert [one.rule_name for one in tables.ask(rules_of, OTHER)] == ["foreign"]

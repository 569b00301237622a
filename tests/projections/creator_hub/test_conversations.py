"""Messages either way, as details, prompts and widgets show them."""

from __future__ import annotations

from random import Random

import pytest

from domain.creator_hub.kinds import ChannelType
from domain.creator_hub.message import Cause, CauseKind
from projections.creator_hub.messages import (
    InteractionType,
    conversation,
    last_number,
    member_of_message,
    messages_after,
    recent_interactions,
)
from tests.projections.creator_hub.histories import CREATOR, OTHER, World
from tests.projections.tables import Tables, erased

ANA = f"{CREATOR}/ana"
WEB = f"{CREATOR}/web"
RULE = Cause(kind=CauseKind.RULE)


@pytest.fixture
def world() -> World:
    world = World()
    world.register(CREATOR, "ana", world.channel(CREATOR, ChannelType.WEB), ChannelType.WEB)
    return world


def texts(tables: Tables) -> list[str | None]:
    return [one.text for one in tables.ask(conversation, CREATOR, ANA)]


def test_a_conversation_holds_what_was_received_and_sent_in_that_order(tables: Tables, world: World) -> None:
    question = world.receive(ANA, "How?")
    reply = world.reply(ANA, question, "So.")
    world.receive(ANA, "Thanks")
    world.sent(reply)
    tables.apply(world.history)
    assert texts(tables) == ["How?", "Thanks", "So."]
    found = tables.ask(recent_interactions, CREATOR, ANA)
    assert [one.type for one in found] == [InteractionType.SENT, InteractionType.RECEIVED, InteractionType.RECEIVED]
    assert tables.ask(recent_interactions, OTHER, ANA) == []
    assert tables.ask(conversation, OTHER, ANA) == []


def test_what_was_not_accepted_is_no_interaction_until_a_report_confirms_it(tables: Tables, world: World) -> None:
    world.receive(ANA, "Hi")
    lost, refused = world.queue(ANA, RULE, "lost"), world.queue(ANA, RULE, "refused")
    world.queue(ANA, RULE, "on its way")
    world.unconfirmed(lost)
    world.failed(refused)
    tables.apply(world.history)
    assert texts(tables) == ["Hi"]
    world.delivered(lost, confirms=True)
    tables.clear()
    tables.apply(world.history)
    assert texts(tables) == ["Hi", "lost"]


def test_a_report_on_what_was_accepted_is_no_second_interaction(tables: Tables, world: World) -> None:
    sent = world.queue(ANA, RULE, "once")
    world.sent(sent)
    world.delivered(sent)
    tables.apply(world.history)
    assert texts(tables) == ["once"]


def test_only_the_last_twenty_count_and_those_without_a_text_do_not(tables: Tables, world: World) -> None:
    for number in range(30):
        world.receive(ANA, f"Message {number}")
    world.receive(ANA, "", content="image")
    tables.apply(world.history)
    assert texts(tables) == [f"Message {number}" for number in range(10, 30)]
    assert len(tables.ask(recent_interactions, CREATOR, ANA)) == 20


def test_a_widget_goes_on_after_the_last_number_that_it_has(tables: Tables, world: World) -> None:
    other = world.channel(CREATOR, ChannelType.WEB, "another")
    for text in ("one", "two"):
        world.receive(ANA, text)
    world.receive(ANA, "elsewhere", channel=other)
    world.receive(ANA, "three")
    tables.apply(world.history, Random(1))
    first, *rest = tables.ask(messages_after, CREATOR, ANA, WEB)
    assert (first.text, [one.text for one in rest]) == ("one", ["two", "three"])
    assert tables.ask(messages_after, CREATOR, ANA, WEB, first.number, 1) == rest[:1]
    assert tables.ask(messages_after, CREATOR, ANA, WEB, rest[-1].number) == []
    assert tables.ask(last_number, CREATOR, ANA) == rest[-1].number
    assert tables.ask(messages_after, OTHER, ANA, WEB) == []
    assert tables.ask(last_number, OTHER, ANA) == 0


def test_the_member_of_a_message_is_found_under_the_creator_alone(tables: Tables, world: World) -> None:
    queued = world.queue(ANA, RULE)["message_id"]
    tables.apply(world.history)
    assert tables.ask(member_of_message, CREATOR, queued) == ANA
    assert tables.ask(member_of_message, OTHER, queued) is None


def test_no_word_of_an_erased_member_is_left(tables: Tables, world: World) -> None:
    world.sent(world.reply(ANA, world.receive(ANA, "secret question"), "secret answer"))
    world.failed(world.queue(ANA, RULE, "secret offer"))
    tables.apply(world.history)
    assert "secret question" in str(tables.rows())
    tables.erase(f"creator_hub:{ANA}")
    before = tables.rows()
    assert "secret" not in str(before)
    assert "has blocked us" not in str(before)
    assert texts(tables) == []
    assert len(tables.ask(recent_interactions, CREATOR, ANA)) == 2
    tables.clear()
    tables.apply(erased(world.history, f"creator_hub:{ANA}"), Random(2))
    assert tables.rows() == before

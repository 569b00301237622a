"""Texts to which Twilio gave no answer: found in its list, or sent once more, and nobody gets one twice."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest

from streams.work.lookups import PAUSES
from tests.api.communication.reports import twilio_form
from tests.api.communication.world import World
from tests.imitations import Behaviour, Stage, dropping, failing, hanging


def sent(world: World, *behaviours: Behaviour) -> tuple[str, str]:
    """A text under these behaviours of Twilio: its task id and its number."""
    user_id, number = world.person()
    world.twilio.behave(*(one.model_copy(update={"to": number}) for one in behaviours))
    task_id = world.product.send(user_id, channel="sms", priority="critical")["task_id"]
    world.product.settle()
    return task_id, number


def texts(world: World, number: str) -> int:
    """Texts to a number, but for that with the verification code."""
    return world.twilio.journal.counts[number] - 1


def wait_for_looks(world: World) -> None:
    for seconds in PAUSES:
        world.product.advance(timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "lost", [failing(500, recorded=True), hanging(), dropping(recorded=True), failing(201, recorded=True)]
)
def test_a_text_that_twilio_took_without_an_answer_is_found_and_not_sent_again(world: World, lost: Behaviour) -> None:
    task_id, number = sent(world, lost)
    answer = world.product.status(task_id)
    assert (answer["status"], answer["result"]["message_id"]) == ("SUCCESS", world.twilio.messages[-1]["sid"])
    wait_for_looks(world)
    assert texts(world, number) == 1


def test_a_text_that_is_listed_a_little_later_is_found_then(world: World) -> None:
    world.twilio.unlisted = 2
    task_id, number = sent(world, failing(500, recorded=True))
    assert world.product.status(task_id)["status"] == "RETRY"
    wait_for_looks(world)
    assert world.product.status(task_id)["status"] == "SUCCESS"
    assert texts(world, number) == 1


def test_a_text_that_twilio_did_not_take_is_sent_once_more(world: World) -> None:
    task_id, number = sent(world, failing(500))
    assert (world.product.status(task_id)["status"], texts(world, number)) == ("RETRY", 0)
    wait_for_looks(world)
    assert (world.product.status(task_id)["status"], texts(world, number)) == ("SUCCESS", 1)


def test_a_text_that_is_lost_twice_and_listed_nowhere_is_unconfirmed_and_not_sent_again(world: World) -> None:
    task_id, number = sent(world, failing(500, times=None))
    before = world.twilio.journal.requests
    wait_for_looks(world)
    wait_for_looks(world)
    answer = world.product.status(task_id)
    assert (answer["status"], answer["result"]["unconfirmed"]) == ("FAILURE", True)
    world.product.advance(timedelta(days=1))
    assert world.twilio.journal.requests == before + 1
    assert texts(world, number) == 0


def test_the_same_words_to_the_same_person_are_two_texts(world: World) -> None:
    user_id, number = world.person()
    _, sid = world.sent(user_id, "sms")
    world.twilio.behave(failing(500, to=number))
    second = world.product.send(user_id, channel="sms", priority="critical")["task_id"]
    world.product.settle()
    assert world.product.status(second)["status"] == "RETRY"
    wait_for_looks(world)
    found = world.product.status(second)
    assert (found["status"], texts(world, number)) == ("SUCCESS", 2)
    assert found["result"]["message_id"] != sid


def test_a_report_that_comes_before_the_look_settles_the_text(world: World) -> None:
    task_id, number = sent(world, failing(500, recorded=True), failing(500, stage=Stage.LIST, times=None))
    callback = world.twilio.journal.received[-1].content["StatusCallback"]
    form = [("MessageSid", f"SM{uuid4().hex}"), ("MessageStatus", "delivered"), ("To", number)]
    assert world.post("twilio", twilio_form(callback, form), f"?{callback.partition('?')[2]}").status_code == 200
    wait_for_looks(world)
    world.product.advance(timedelta(minutes=30))
    answer = world.product.status(task_id)
    assert (answer["status"], answer["result"]["delivered"], texts(world, number)) == ("SUCCESS", True, 1)


@pytest.mark.parametrize("recorded", [True, False])
def test_the_text_with_a_verification_code_is_looked_up_too(world: World, recorded: bool) -> None:
    user_id, number = world.product.new_user(), "+15557700001" if recorded else "+15557700002"
    world.twilio.behave(failing(500, recorded=recorded, to=number))
    world.product.ok("POST", "/consent/sms", {"user_id": user_id, "phone_number": number})
    world.product.settle()
    wait_for_looks(world)
    assert world.twilio.journal.counts[number] == 1
    recipient = world.product.events(f"recipient/{user_id}")
    assert Counter(recipient)["communication.recipient.verification_code_sent.v1"] == 1
    assert "communication.recipient.verification_code_failed.v1" not in recipient

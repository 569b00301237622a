"""Between the product and its providers: tries that are put off, and figures of what did not arrive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import NamedTuple

import pytest

from tests.api.communication.product import Served, serving
from tests.api.communication.reports import SECRETS, twilio_form
from tests.imitations import failing, throttling
from tests.imitations.twilio import ACCOUNT_SID, TwilioImitation


class World(NamedTuple):
    """The product and the Twilio it sends texts by; e-mail goes to the sandbox."""

    product: Served
    twilio: TwilioImitation

    def texter(self) -> tuple[int, str]:
        """Somebody who agrees to texts and to nothing else, and their number."""
        user_id = self.product.new_user()
        number = self.product.agree(user_id)
        self.product.ok("POST", "/consent/revoke", {"user_id": user_id, "channel": "email"})
        return user_id, number

    def text(self, user_id: int) -> str:
        """A text that was asked for and tried once; its task id."""
        task_id: str = self.product.send(user_id, "financial_alert")["task_id"]
        self.product.settle()
        return task_id

    def report(self, task_id: str, status: str) -> None:
        """Twilio tells what became of a text."""
        sid = self.product.status(task_id)["result"]["message_id"]
        url = f"{self.product.root}/communication/api/communication/webhooks/twilio"
        content, headers = twilio_form(url, [("MessageSid", sid), ("MessageStatus", status)])
        assert self.product.api.post("/webhooks/twilio", content=content, headers=headers).is_success


@contextmanager
def started() -> Iterator[World]:
    with ExitStack() as stack:
        twilio = stack.enter_context(TwilioImitation())
        settings = {"TWILIO_ACCOUNT_SID": ACCOUNT_SID, "TWILIO_FROM": "+15005550006", "TWILIO_BASE_URL": twilio.url}
        yield World(stack.enter_context(serving(**SECRETS, **settings)), twilio)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with started() as world:
        yield world


def test_what_a_provider_puts_off_is_tried_again_when_it_said(world: World) -> None:
    user_id, number = world.texter()
    world.twilio.behave(throttling("90", to=number))
    task_id = world.text(user_id)
    assert world.product.status(task_id)["status"] == "RETRY"
    assert world.product.status(task_id)["result"] is None
    world.product.advance(timedelta(seconds=89))
    assert world.product.status(task_id)["status"] == "RETRY"
    world.product.advance(timedelta(minutes=2))
    assert world.product.status(task_id)["status"] == "SUCCESS"
    assert world.twilio.journal.counts[number] == 2  # the verification code and the message, once


def test_an_opt_out_between_two_tries_stops_the_second(world: World) -> None:
    user_id, number = world.texter()
    world.twilio.behave(throttling("90", to=number))
    task_id = world.text(user_id)
    tries = world.twilio.journal.requests
    world.product.ok("POST", "/opt-out", {"user_id": user_id, "channel": "sms"})
    world.product.advance(timedelta(minutes=5))
    answer = world.product.status(task_id)
    assert answer["status"] == "FAILURE"
    assert "opted_out" in answer["result"]["error"]
    assert (world.twilio.journal.requests, world.twilio.journal.counts[number]) == (tries, 1)


def test_what_a_provider_refuses_for_good_goes_the_other_way_and_is_told_so(world: World) -> None:
    user_id = world.product.new_user()
    number = world.product.agree(user_id)
    world.twilio.behave(failing(400, "21211", to=number))
    task_id = world.text(user_id)
    assert world.product.status(task_id)["result"]["channel"] == "email"
    told = world.product.ok("GET", f"/status/{task_id}/explanation")["sentence"]
    assert "instead of SMS, because the provider refused it there" in told


def test_a_channels_engagement_is_of_what_arrived_and_the_overall_one_of_what_was_sent() -> None:
    with started() as world:
        user_id, _ = world.texter()
        arrived, lost, silent = (world.text(user_id) for _ in range(3))
        world.report(arrived, "delivered")
        world.report(lost, "undelivered")
        world.product.ok("POST", f"/status/{arrived}/action", {"action": "viewed_forecast"})
        performance = world.product.ok("GET", "/reports/performance")["performance"]
        assert performance["delivery_rates"] == {"overall": 0.3333, "sms": 0.3333, "email": 0.0}
        assert performance["engagement_rates"] == {"overall": 0.3333, "sms": 1.0, "email": 0.0}
        assert performance["cost_metrics"] == {
            "total_cost": 0.15,
            "cost_per_message": 0.05,
            "cost_per_engagement": 0.15,
        }
        effectiveness = world.product.ok("GET", "/analytics/channel-effectiveness")["sms"]
        assert (effectiveness["delivery_rate"], effectiveness["engagement_rate"]) == (0.3333, 1.0)
        summary = world.product.ok("GET", "/analytics/summary")["summary"]
        assert (summary["delivery_rate"], summary["action_rate"]) == (0.3333, 1.0)
        metrics = world.product.ok("GET", f"/analytics/user/{user_id}")["engagement_metrics"]
        assert (metrics["delivery_rate"], metrics["action_rate"]) == (0.3333, 0.3333)
        assert [one["status"] for one in metrics["recent_communications"]] == ["sent", "failed", "delivered"]
        assert world.product.status(silent)["result"]["delivered"] is False

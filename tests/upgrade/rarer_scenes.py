"""What seldom happens to an installation: a consent that is gone when its message's time comes, a number that is none."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.imitations import failing
from tests.upgrade.course_scenes import Model, course, generate, state
from tests.upgrade.installation import wait
from tests.upgrade.scenes import Stage, agree, number_of

NOW = "select now from headwater.clock"
REFUSED = {"status": 400, "body": {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}}


def rarer(stage: Stage) -> None:
    """Messages whose time comes, one of them without consent by then; a text put off and then blocked; a wrong number."""
    agree(stage, 119, 120)
    ((now,),) = stage.installation.rows(NOW)
    soon = (now + timedelta(minutes=1)).isoformat()
    stage.send(119, "monthly_report", channel="email", scheduled_time=soon)
    stage.send(120, "financial_alert", channel="sms", scheduled_time=soon)
    stage.twilio.behave(failing(429, headers={"Retry-After": "400"}, to=number_of(119)))
    stage.twilio.behave(failing(400, "21211", to=number_of(121)))
    stage.send(119, "financial_alert", channel="sms")
    stage.post("/consent/sms", {"user_id": 121, "phone_number": number_of(121)})
    stage.settle()
    for user in (119, 120):
        stage.post("/consent/revoke", {"user_id": user, "channel": "sms"})
    stage.settle("11m")


def broken_talk(stage: Stage, model: Model) -> None:
    """The proxied model refuses, an answer is of no use, and a retry fails again."""
    talk: dict[str, Any] = {"messages": [{"role": "user", "content": "What is a layer?"}], "model": "claude"}
    for method in ("POST", "PUT"):
        model.script(REFUSED)
        course(stage, "/stream", talk, method=method, expect=None, again=409)
    unfit = generate(stage, "failed")
    model.script(REFUSED)
    course(stage, "/retry", {"generation_id": unfit})
    wait(lambda: state(stage, unfit) == "failed", f"{unfit} does not fail again")

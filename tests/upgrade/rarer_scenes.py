"""What seldom happens to an installation: consent gone when the time comes, an erasure that meets a hindrance."""

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
    """Messages whose time comes, one without consent by then; a text put off and then blocked; a wrong number."""
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
    unfit = generate(stage, "failed", mode="assignment", assignmentCounts={"mcsc": 1, "mcmc": 1, "subjective": 1})
    model.script(REFUSED)
    course(stage, "/retry", {"generation_id": unfit})
    wait(lambda: state(stage, unfit) == "failed", f"{unfit} does not fail again")


def erasures(stage: Stage) -> None:
    """Somebody is erased; somebody else's message cannot be removed from the outbox."""
    agree(stage, 109, 110)
    for user in (109, 110):
        stage.send(user, "monthly_report", channel="email")
    stage.settle()
    stage.installation.says("erase", "communication:109")
    stage.settle()
    stage.post("/consent/email", {"user_id": 109, "email": "user109@example.com"}, expect=400)
    blocking = stage.installation.data / "outbox" / "email-blocking.json"
    blocking.mkdir()
    stage.installation.says("erase", "communication:110")
    for _ in range(8):
        stage.settle("5m")
    blocking.rmdir()
    stage.kept["erased"] = [109, 110]

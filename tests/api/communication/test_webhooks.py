"""What providers report, signed as they sign it: once, in any order, also of what nobody knows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.api.communication.reports import (
    resend_hmac,
    resend_svix,
    twilio_form,
    twilio_json,
    twilio_json_by_hash,
)
from tests.api.communication.world import HOOKS, World
from tests.imitations import Behaviour, Stage, failing, hanging, throttling


def test_a_text_is_delivered_when_twilio_says_so(world: World, recipient: int) -> None:
    task_id, sid = world.sent(recipient, "sms")
    accepted = world.product.status(task_id)
    assert accepted["status"] == "SUCCESS"
    assert accepted["result"]["delivered"] is False
    world.product.advance(timedelta(seconds=5))
    world.twilio_says(MessageSid=sid, MessageStatus="delivered")
    result = world.product.status(task_id)["result"]
    assert result["delivered"] is True
    assert result["delivery_time"] == world.product.clock.now().isoformat().replace("+00:00", "Z")


def test_twilio_is_told_where_to_report_and_about_what(world: World, recipient: int) -> None:
    task_id, _ = world.sent(recipient, "sms")
    callback = world.twilio.journal.received[-1].content["StatusCallback"]
    assert callback == f"{HOOKS}/twilio?headwater_reference={task_id}"


@pytest.mark.parametrize("query", ["", "?tenant=a&x=%20y", "?a=1&a=2"])
def test_a_form_is_signed_for_the_public_address_with_its_query(world: World, recipient: int, query: str) -> None:
    task_id, sid = world.sent(recipient, "sms")
    form = [("MessageSid", sid), ("MessageStatus", "delivered"), ("Body", "grüße & ünïcode + plus"), ("Empty", "")]
    assert world.post("twilio", twilio_form(f"{HOOKS}/twilio{query}", form), query).status_code == 200
    assert world.product.status(task_id)["result"]["delivered"] is True
    assert world.post("twilio", twilio_form(f"{HOOKS}/twilio", form), "?other=1").status_code == 401
    inside = f"{world.product.root}/communication/api/communication/webhooks/twilio"
    assert world.post("twilio", twilio_form(inside, form)).status_code == 401


def test_json_is_taken_as_the_document_and_as_twilio_sign_it(world: World, recipient: int) -> None:
    for number, status in enumerate(("sent", "delivered")):
        task_id, sid = world.sent(recipient, "sms")
        body = {"MessageSid": sid, "MessageStatus": status, "ErrorCode": None, "ErrorMessage": None}
        if number == 0:
            assert world.post("twilio", twilio_json(f"{HOOKS}/twilio", body)).status_code == 200
        else:
            query, report = twilio_json_by_hash(f"{HOOKS}/twilio", body)
            assert world.post("twilio", report, f"?{query}").status_code == 200
            assert world.post("twilio", report._replace(content=report.content + b" "), f"?{query}").status_code == 401
        assert world.product.status(task_id)["result"]["delivered"] is (status == "delivered")


def test_a_repeated_report_is_recorded_once(world: World, recipient: int) -> None:
    _, sid = world.sent(recipient, "sms")
    world.twilio_says(MessageSid=sid, MessageStatus="delivered")
    before = world.product.recorded()
    for _ in range(3):
        world.twilio_says(MessageSid=sid, MessageStatus="delivered")
    assert world.product.recorded() == before


def test_reports_may_come_in_any_order(world: World, recipient: int) -> None:
    task_id, sid = world.sent(recipient, "sms")
    for status in ("delivered", "sent", "queued", "undelivered", "failed"):
        world.twilio_says(MessageSid=sid, MessageStatus=status)
    answer = world.product.status(task_id)
    assert (answer["status"], answer["result"]["delivered"]) == ("SUCCESS", True)


def test_a_text_that_did_not_arrive_is_a_failure_with_its_reason(world: World, recipient: int) -> None:
    task_id, sid = world.sent(recipient, "sms")
    world.twilio_says(MessageSid=sid, MessageStatus="undelivered", ErrorCode="30003", ErrorMessage="Unreachable")
    answer = world.product.status(task_id)
    assert (answer["status"], answer["result"]["error"]) == ("FAILURE", "Unreachable")
    assert answer["result"]["unconfirmed"] is False
    world.twilio_says(MessageSid=sid, MessageStatus="delivered")
    assert world.product.status(task_id)["status"] == "SUCCESS"


@pytest.mark.parametrize(
    ("report", "error"),
    [
        ({"ErrorCode": "30007"}, "a carrier filtered the text as unwanted (30007)"),
        ({"ErrorCode": "39999"}, "the provider gave a code only (39999)"),
        ({"ErrorCode": "30003", "ErrorMessage": "Unreachable"}, "Unreachable"),
        ({}, "no reason given"),
    ],
)
def test_a_failed_text_says_why_in_words_wherever_it_is_shown(
    world: World, recipient: int, report: dict[str, str], error: str
) -> None:
    task_id, sid = world.sent(recipient, "sms")
    world.twilio_says(MessageSid=sid, MessageStatus="failed", **report)
    assert world.product.status(task_id)["result"]["error"] == error
    explained = world.product.ok("GET", f"/status/{task_id}/explanation")
    assert f"did not arrive: {error}." in explained["history"][-1]["sentence"]


@pytest.mark.parametrize(
    ("type_", "data", "error"),
    [
        ("email.failed", {"failed": {"reason": "reached_daily_quota"}}, "reached_daily_quota"),
        ("email.bounced", {"bounce": {"type": "Transient", "message": "mailbox full"}}, "mailbox full"),
        (
            "email.suppressed",
            {"suppressed": {"type": "OnAccountSuppressionList", "message": "On the list"}},
            "On the list",
        ),
        ("email.failed", {"failed": None}, "no reason given"),
        (
            "email.failed",
            {"failed": {"reason": {"a": [1]}}, "bounce": [], "suppressed": 5},
            "no reason given",
        ),
    ],
)
def test_a_failed_email_says_why_in_words(
    world: World, recipient: int, type_: str, data: dict[str, Any], error: str
) -> None:
    task_id, email_id = world.sent(recipient, "email")
    world.resend_says(type_, email_id, **data)
    assert world.product.status(task_id)["result"]["error"] == error


def untold(number: str) -> Behaviour:
    """Twilio does not tell what it has sent to this number."""
    return failing(403, stage=Stage.LIST, times=None, to=number)


def test_a_message_whose_fate_is_unknown_is_settled_by_its_report(world: World) -> None:
    user_id, number = world.person()
    world.twilio.behave(hanging(to=number), untold(number))
    task_id = world.product.send(user_id, channel="sms", priority="critical")["task_id"]
    world.product.settle()
    unknown = world.product.status(task_id)
    assert (unknown["status"], unknown["result"]["unconfirmed"]) == ("FAILURE", True)
    world.twilio_says(MessageSid=f"SM{uuid4().hex}", MessageStatus="delivered", To=number)
    answer = world.product.status(task_id)
    assert (answer["status"], answer["result"]["unconfirmed"]) == ("SUCCESS", False)
    assert world.twilio.journal.counts[number] == 2  # the verification code and the message, once


def unanswered(world: World) -> tuple[str, str, str]:
    """A text that Twilio took and did not answer: its task id, its number, and where its reports go."""
    user_id, number = world.person()
    world.twilio.behave(hanging(to=number), untold(number))
    task_id = world.product.send(user_id, channel="sms", priority="critical")["task_id"]
    world.product.settle()
    return task_id, number, world.twilio.journal.received[-1].content["StatusCallback"]


def report_to(world: World, callback: str, number: str) -> None:
    """Twilio reports, to the address it was given with a text, that this arrived."""
    form = [("MessageSid", f"SM{uuid4().hex}"), ("MessageStatus", "delivered"), ("To", number)]
    _, _, query = callback.partition("?")
    assert world.post("twilio", twilio_form(callback, form), f"?{query}").status_code == 200


def test_a_report_about_a_code_settles_no_message_to_the_same_number(world: World) -> None:
    task_id, number, callback = unanswered(world)
    (code,) = [
        received.content["StatusCallback"]
        for received in world.twilio.journal.received
        if received.to == number and received.content["StatusCallback"] != callback
    ]
    report_to(world, code, number)
    assert world.product.status(task_id)["result"]["unconfirmed"] is True
    report_to(world, callback, number)
    assert world.product.status(task_id)["status"] == "SUCCESS"


def test_a_report_settles_its_own_one_of_several_messages_to_a_number(world: World) -> None:
    first, number, callback = unanswered(world)
    (user_id,) = world.product.ask("select user_id from read_models.communication_recipients where phone = %s", number)[
        0
    ]
    world.twilio.behave(hanging(to=number))
    second = world.product.send(user_id, channel="sms", priority="critical")["task_id"]
    world.product.settle()
    report_to(world, callback, number)
    assert [world.product.status(task)["status"] for task in (first, second)] == ["SUCCESS", "FAILURE"]


def test_an_email_s_report_is_matched_by_its_tag_before_its_address(world: World, recipient: int) -> None:
    earlier, _ = world.sent(recipient, "email")
    assert world.resend.journal.received[-1].content["tags"] == [{"name": "headwater_reference", "value": earlier}]
    world.resend.behave(throttling("60", to=f"user{recipient}@example.com"))
    task_id = world.product.send(recipient, channel="email", priority="critical")["task_id"]
    world.product.settle()
    to = [f"user{recipient}@example.com"]
    world.resend_says("email.delivered", str(uuid4()), to=to, tags={"headwater_reference": str(uuid4())})
    assert world.product.status(task_id)["status"] == "RETRY"
    world.resend_says("email.delivered", str(uuid4()), to=to, tags={"headwater_reference": task_id})
    assert world.product.status(task_id)["status"] == "SUCCESS"


def test_reports_about_nothing_known_here_are_kept_and_answered_200(world: World) -> None:
    sid = f"SM{uuid4().hex}"
    for _ in range(2):
        world.twilio_says(MessageSid=sid, MessageStatus="delivered")
    assert world.product.events(f"receipt/{sid}") == ["communication.receipt.unmatched.v1"]
    email_id = str(uuid4())
    world.resend_says("email.opened", email_id)
    assert world.product.events(f"receipt/{email_id}") == ["communication.receipt.unmatched.v1"]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "contact.created", "data": {"id": "c1"}},
        {"type": "domain.updated", "data": {"id": "d1", "name": "example.com", "records": []}},
        {"type": "suppression.added", "data": {"email": "a@example.com"}},
        {"type": "topic.deleted", "data": None},
        {"type": "inbox.received"},
        {"type": "email.levitated", "data": {"email_id": None}},
        {"type": "contact.updated", "data": {"id": {"nested": True}, "to": "nobody", "tags": []}},
    ],
)
def test_a_report_about_something_else_than_an_email_is_kept_and_answered_200(
    world: World, event: dict[str, Any]
) -> None:
    id_ = f"msg_{uuid4().hex}"
    for _ in range(2):
        report = resend_svix(event, id_, int(world.product.clock.now().timestamp()))
        assert (answer := world.post("resend", report)).status_code == 200, answer.text
    sql = "select count(*) from headwater.journal where convert_from(data, 'UTF8')::json ->> 'word' = %s"
    assert world.product.ask(sql, event["type"])[0][0] >= 1


def test_a_text_that_came_in_by_the_address_for_statuses_is_kept(world: World) -> None:
    sid = f"SM{uuid4().hex}"
    world.twilio_says(MessageSid=sid, SmsStatus="received", From="+15557654321", Body="Hello")
    assert world.product.events(f"receipt/{sid}") == ["communication.receipt.unmatched.v1"]


def test_a_report_of_a_kind_not_known_here_is_kept_and_changes_nothing(world: World, recipient: int) -> None:
    task_id, sid = world.sent(recipient, "sms")
    before = world.product.status(task_id)
    world.twilio_says(MessageSid=sid, MessageStatus="teleported")
    assert world.product.status(task_id) == before
    assert world.product.events(f"message/{task_id}")[-1] == "communication.message.receipt_noted.v1"
    task_id, email_id = world.sent(recipient, "email")
    world.resend_says("email.levitated", email_id)
    assert world.product.events(f"message/{task_id}")[-1] == "communication.message.receipt_noted.v1"


def test_an_email_is_delivered_opened_and_clicked(world: World, recipient: int) -> None:
    task_id, email_id = world.sent(recipient, "email")
    for type_ in ("email.sent", "email.delivery_delayed", "email.delivered", "email.opened", "email.clicked"):
        world.resend_says(type_, email_id)
    assert world.product.status(task_id)["result"]["delivered"] is True
    metrics = world.product.ok("GET", f"/analytics/user/{recipient}")["engagement_metrics"]
    assert (metrics["delivery_rate"], metrics["open_rate"], metrics["click_rate"]) == (1.0, 1.0, 1.0)
    assert metrics["recent_communications"][0]["status"] == "clicked"


def test_a_click_says_that_it_was_opened_and_had_arrived(world: World, recipient: int) -> None:
    _, email_id = world.sent(recipient, "email")
    world.resend_says("email.clicked", email_id)
    metrics = world.product.ok("GET", f"/analytics/user/{recipient}")["engagement_metrics"]
    assert (metrics["delivery_rate"], metrics["open_rate"], metrics["click_rate"]) == (1.0, 1.0, 1.0)


def test_a_permanent_bounce_suppresses_the_address_until_there_is_another(world: World, recipient: int) -> None:
    task_id, email_id = world.sent(recipient, "email")
    world.resend_says("email.bounced", email_id, bounce={"type": "Permanent", "message": "no such mailbox"})
    assert world.product.status(task_id)["status"] == "FAILURE"
    assert world.may_write(recipient, "email") == "suppressed"
    redirected = world.product.send(recipient, channel="email", priority="critical")
    assert redirected["fallback_used"] is True
    another = f"another.{recipient}@example.com"
    world.product.ok("POST", "/consent/email", {"user_id": recipient, "email": another})
    assert world.may_write(recipient, "email") == "explicit_consent"


def test_a_bounce_of_an_address_that_was_replaced_meanwhile_leaves_the_new_one_alone(
    world: World, recipient: int
) -> None:
    task_id, email_id = world.sent(recipient, "email")
    world.product.ok("POST", "/consent/email", {"user_id": recipient, "email": "moved@example.com"})
    world.resend_says("email.bounced", email_id, bounce={"type": "Permanent", "message": "no such mailbox"})
    assert world.product.status(task_id)["status"] == "FAILURE"
    assert world.may_write(recipient, "email") == "explicit_consent"


def test_a_passing_bounce_suppresses_nothing(world: World, recipient: int) -> None:
    _, email_id = world.sent(recipient, "email")
    world.resend_says("email.bounced", email_id, bounce={"type": "Transient", "message": "mailbox full"})
    assert world.may_write(recipient, "email") == "explicit_consent"


def test_a_complaint_opts_out(world: World, recipient: int) -> None:
    _, email_id = world.sent(recipient, "email")
    world.resend_says("email.complained", email_id)
    assert world.may_write(recipient, "email") == "opted_out"


def test_the_documents_own_header_is_taken_with_and_without_its_prefix(world: World, recipient: int) -> None:
    for prefix in ("", "sha256="):
        task_id, email_id = world.sent(recipient, "email")
        report = resend_hmac({"type": "email.delivered", "id": email_id}, prefix)
        assert world.post("resend", report).json() == {"success": True}
        assert world.product.status(task_id)["result"]["delivered"] is True


def test_a_repeated_svix_message_is_recorded_once_and_an_old_one_refused(world: World, recipient: int) -> None:
    _, email_id = world.sent(recipient, "email")
    now = int(world.product.clock.now().timestamp())
    body = {"type": "email.opened", "data": {"email_id": email_id}}
    report = resend_svix(body, "msg_once", now)
    assert world.post("resend", report).status_code == 200
    before = world.product.recorded()
    assert world.post("resend", report).status_code == 200
    assert world.post("resend", resend_svix(body, "msg_old", now - 301)).status_code == 401
    assert world.post("resend", resend_svix(body, "msg_early", now + 301)).status_code == 401
    for header in ("svix-id", "svix-timestamp", "svix-signature"):
        changed = report._replace(headers=report.headers | {header: report.headers[header] + "1"})
        assert world.post("resend", changed).status_code == 401
    assert world.product.recorded() == before


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"MessageSid": "SM1"},
        {"MessageSid": {"a": 1}, "MessageStatus": "sent"},
        {"MessageSid": True, "MessageStatus": "sent"},
        {"MessageSid": "", "MessageStatus": ""},
    ],
)
def test_a_signed_report_that_says_nothing_is_400(world: World, body: Any) -> None:
    before = world.product.recorded()
    answer = world.post("twilio", twilio_json(f"{HOOKS}/twilio", body))
    assert answer.status_code == 400
    assert answer.json()["success"] is False
    report = resend_hmac(body)
    assert world.post("resend", report).status_code == 400
    assert world.product.recorded() == before

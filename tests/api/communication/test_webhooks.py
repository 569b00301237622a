"""What providers report, signed as they sign it: once, in any order, also of what nobody knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import uuid4

import httpx2
import pytest

from tests.api.communication.serving import Served, serving
from tests.api.communication.signing import (
    SECRETS,
    Report,
    resend_hmac,
    resend_svix,
    twilio_form,
    twilio_json,
    twilio_json_by_hash,
)
from tests.imitations import hanging, throttling
from tests.imitations.resend import API_KEY, ResendImitation
from tests.imitations.twilio import ACCOUNT_SID, TwilioImitation

HOOKS = "https://hooks.example.com/communication/api/communication/webhooks"
"""The public address of the webhooks, as it is set."""


class World(NamedTuple):
    """The product between its two providers."""

    product: Served
    twilio: TwilioImitation
    resend: ResendImitation

    def person(self) -> tuple[int, str]:
        """Somebody who agrees to everything, and their number."""
        user_id = self.product.new_user()
        return user_id, self.product.agree(user_id)

    def sent(self, user_id: int, channel: str) -> tuple[str, str]:
        """A message that has gone out: its task id and the provider's id."""
        task_id = self.product.send(user_id, channel=channel, priority="critical")["task_id"]
        self.product.settle()
        return task_id, self.product.status(task_id)["result"]["message_id"]

    def post(self, path: str, report: Report, query: str = "") -> httpx2.Response:
        """Delivers a report, as whatever stands before the product does."""
        return self.product.api.post(
            f"/webhooks/{path}{query}", content=report.content, headers=report.headers | {"Authorization": ""}
        )

    def twilio_says(self, **form: str) -> None:
        """Reports a text's status."""
        answer = self.post("twilio", twilio_form(f"{HOOKS}/twilio", list(form.items())))
        assert (answer.status_code, answer.json()) == (200, {"success": True}), answer.text

    def text_from(self, number: str, body: str) -> None:
        """A text comes in."""
        form = [("From", number), ("Body", body), ("MessageSid", f"SM{uuid4().hex}")]
        answer = self.post("sms-opt-out", twilio_form(f"{HOOKS}/sms-opt-out", form))
        assert (answer.status_code, answer.json()) == (200, {"success": True}), answer.text

    def resend_says(self, type_: str, email_id: str, **data: Any) -> None:
        """Reports what happened to an e-mail."""
        body = {"type": type_, "created_at": "2026-01-05T09:00:00Z", "data": {"email_id": email_id} | data}
        now = int(self.product.clock.now().timestamp())
        answer = self.post("resend", resend_svix(body, f"msg_{uuid4().hex}", now))
        assert (answer.status_code, answer.json()) == (200, {"success": True}), answer.text

    def may_write(self, user_id: int, channel: str) -> str:
        """The reason that a consent check gives."""
        body = {"user_id": user_id, "message_type": "monthly_report", "channel": channel}
        reason: str = self.product.ok("POST", "/consent/check", body)["reason"]
        return reason


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with ExitStack() as stack:
        twilio = stack.enter_context(TwilioImitation())
        resend = stack.enter_context(ResendImitation())
        providers = {
            "TWILIO_ACCOUNT_SID": ACCOUNT_SID, "TWILIO_FROM": "+15005550006", "TWILIO_BASE_URL": twilio.url,
            "TWILIO_WEBHOOK_URL": f"{HOOKS}/twilio", "RESEND_API_KEY": API_KEY,
            "RESEND_FROM": "headwater@example.com", "RESEND_BASE_URL": resend.url,
        }  # fmt: skip
        product = stack.enter_context(serving(**SECRETS, **providers))
        yield World(product, twilio, resend)


@pytest.fixture
def user(world: World) -> int:
    return world.person()[0]


def test_a_text_is_delivered_when_twilio_says_so(world: World, user: int) -> None:
    task_id, sid = world.sent(user, "sms")
    accepted = world.product.status(task_id)
    assert accepted["status"] == "SUCCESS"
    assert accepted["result"]["delivered"] is False
    world.product.advance(timedelta(seconds=5))
    world.twilio_says(MessageSid=sid, MessageStatus="delivered")
    result = world.product.status(task_id)["result"]
    assert result["delivered"] is True
    assert result["delivery_time"] == world.product.clock.now().isoformat().replace("+00:00", "Z")


def test_twilio_is_told_where_to_report_and_about_what(world: World, user: int) -> None:
    task_id, _ = world.sent(user, "sms")
    callback = world.twilio.journal.received[-1].content["StatusCallback"]
    assert callback == f"{HOOKS}/twilio?headwater_reference={task_id}"


@pytest.mark.parametrize("query", ["", "?tenant=a&x=%20y", "?a=1&a=2"])
def test_a_form_is_signed_for_the_public_address_with_its_query(world: World, user: int, query: str) -> None:
    task_id, sid = world.sent(user, "sms")
    form = [("MessageSid", sid), ("MessageStatus", "delivered"), ("Body", "grüße & ünïcode + plus"), ("Empty", "")]
    assert world.post("twilio", twilio_form(f"{HOOKS}/twilio{query}", form), query).status_code == 200
    assert world.product.status(task_id)["result"]["delivered"] is True
    assert world.post("twilio", twilio_form(f"{HOOKS}/twilio", form), "?other=1").status_code == 401
    inside = f"{world.product.root}/communication/api/communication/webhooks/twilio"
    assert world.post("twilio", twilio_form(inside, form)).status_code == 401


def test_json_is_taken_as_the_document_and_as_twilio_sign_it(world: World, user: int) -> None:
    for number, status in enumerate(("sent", "delivered")):
        task_id, sid = world.sent(user, "sms")
        body = {"MessageSid": sid, "MessageStatus": status, "ErrorCode": None, "ErrorMessage": None}
        if number == 0:
            assert world.post("twilio", twilio_json(f"{HOOKS}/twilio", body)).status_code == 200
        else:
            query, report = twilio_json_by_hash(f"{HOOKS}/twilio", body)
            assert world.post("twilio", report, f"?{query}").status_code == 200
            assert world.post("twilio", report._replace(content=report.content + b" "), f"?{query}").status_code == 401
        assert world.product.status(task_id)["result"]["delivered"] is (status == "delivered")


def test_a_repeated_report_is_recorded_once(world: World, user: int) -> None:
    _, sid = world.sent(user, "sms")
    world.twilio_says(MessageSid=sid, MessageStatus="delivered")
    before = world.product.recorded()
    for _ in range(3):
        world.twilio_says(MessageSid=sid, MessageStatus="delivered")
    assert world.product.recorded() == before


def test_reports_may_come_in_any_order(world: World, user: int) -> None:
    task_id, sid = world.sent(user, "sms")
    for status in ("delivered", "sent", "queued", "undelivered", "failed"):
        world.twilio_says(MessageSid=sid, MessageStatus=status)
    answer = world.product.status(task_id)
    assert (answer["status"], answer["result"]["delivered"]) == ("SUCCESS", True)


def test_a_text_that_did_not_arrive_is_a_failure_with_its_reason(world: World, user: int) -> None:
    task_id, sid = world.sent(user, "sms")
    world.twilio_says(MessageSid=sid, MessageStatus="undelivered", ErrorCode="30003", ErrorMessage="Unreachable")
    answer = world.product.status(task_id)
    assert (answer["status"], answer["result"]["error"]) == ("FAILURE", "Unreachable")
    assert answer["result"]["unconfirmed"] is False
    world.twilio_says(MessageSid=sid, MessageStatus="delivered")
    assert world.product.status(task_id)["status"] == "SUCCESS"


def test_a_message_whose_fate_is_unknown_is_settled_by_its_report(world: World) -> None:
    user_id, number = world.person()
    world.twilio.behave(hanging(to=number))
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
    world.twilio.behave(hanging(to=number))
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
    (code,) = [received.content["StatusCallback"] for received in world.twilio.journal.received
               if received.to == number and received.content["StatusCallback"] != callback]  # fmt: skip
    report_to(world, code, number)
    assert world.product.status(task_id)["result"]["unconfirmed"] is True
    report_to(world, callback, number)
    assert world.product.status(task_id)["status"] == "SUCCESS"


def test_a_report_settles_its_own_one_of_several_messages_to_a_number(world: World) -> None:
    first, number, callback = unanswered(world)
    (user_id,) = world.product.ask(
        "select user_id from read_models.communication_recipients where phone = %s", number
    )[0]  # fmt: skip
    world.twilio.behave(hanging(to=number))
    second = world.product.send(user_id, channel="sms", priority="critical")["task_id"]
    world.product.settle()
    report_to(world, callback, number)
    assert [world.product.status(task)["status"] for task in (first, second)] == ["SUCCESS", "FAILURE"]


def test_an_email_s_report_is_matched_by_its_tag_before_its_address(world: World, user: int) -> None:
    earlier, _ = world.sent(user, "email")
    assert world.resend.journal.received[-1].content["tags"] == [{"name": "headwater_reference", "value": earlier}]
    world.resend.behave(throttling("60", to=f"user{user}@example.com"))
    task_id = world.product.send(user, channel="email", priority="critical")["task_id"]
    world.product.settle()
    to = [f"user{user}@example.com"]
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


def test_a_report_of_a_kind_not_known_here_is_kept_and_changes_nothing(world: World, user: int) -> None:
    task_id, sid = world.sent(user, "sms")
    before = world.product.status(task_id)
    world.twilio_says(MessageSid=sid, MessageStatus="teleported")
    assert world.product.status(task_id) == before
    assert world.product.events(f"message/{task_id}")[-1] == "communication.message.receipt_noted.v1"
    task_id, email_id = world.sent(user, "email")
    world.resend_says("email.levitated", email_id)
    assert world.product.events(f"message/{task_id}")[-1] == "communication.message.receipt_noted.v1"


@pytest.mark.parametrize("word", ["STOP", "stop", " Stop. ", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"])
def test_stop_and_its_synonyms_end_texts_at_once(world: World, word: str) -> None:
    user_id, number = world.person()
    waiting = world.product.send(user_id, channel="sms", scheduled_time=tomorrow(world))["task_id"]
    world.text_from(number, word)
    assert world.may_write(user_id, "sms") == "opted_out"
    assert world.may_write(user_id, "email") == "explicit_consent"
    texts = world.twilio.journal.counts[number]
    world.product.advance(timedelta(days=1))
    assert world.product.status(waiting)["result"]["channel"] == "email"
    assert world.twilio.journal.counts[number] == texts


def tomorrow(world: World) -> str:
    """A day from now."""
    return (world.product.clock.now() + timedelta(days=1)).isoformat()


def test_start_brings_texts_back_and_help_changes_nothing(world: World) -> None:
    user_id, number = world.person()
    world.text_from(number, "STOP")
    world.text_from(number, "help")
    world.text_from(number, "What do you mean?")
    assert world.may_write(user_id, "sms") == "opted_out"
    world.text_from(number, "Start")
    assert world.may_write(user_id, "sms") == "explicit_consent"
    world.text_from(number, "HELP")
    assert world.may_write(user_id, "sms") == "explicit_consent"
    names = world.product.events(f"recipient/{user_id}")
    assert names.count("communication.recipient.inbound_sms_received.v1") == 3


def test_stop_ends_texts_for_everybody_who_has_the_number(world: World) -> None:
    one, number = world.person()
    other = world.product.new_user()
    world.product.agree(other, number)
    world.text_from(number, "STOP")
    assert [world.may_write(user, "sms") for user in (one, other)] == ["opted_out", "opted_out"]


def test_a_picture_without_a_word_is_recorded_and_changes_nothing(world: World) -> None:
    user_id, number = world.person()
    world.text_from(number, "")
    assert world.may_write(user_id, "sms") == "explicit_consent"
    assert world.product.events(f"recipient/{user_id}")[-1] == "communication.recipient.inbound_sms_received.v1"
    without = twilio_form(f"{HOOKS}/sms-opt-out", [("From", number), ("MessageSid", f"SM{uuid4().hex}")])
    assert world.post("sms-opt-out", without).json()["error"] == "Missing required field: Body"


def test_a_strangers_text_is_kept_without_their_number(world: World) -> None:
    stranger = "+15559999999"
    report = twilio_form(f"{HOOKS}/sms-opt-out", [("From", stranger), ("Body", "STOP")])
    assert world.post("sms-opt-out", report).status_code == 200
    (name, data), *_ = world.product.ask(
        "select name, convert_from(data, 'UTF8') from headwater.journal where name like '%%unmatched%%' "
        "order by at desc, partition, sequence desc"
    )
    assert name == "communication.receipt.unmatched.v1"
    assert stranger not in data


def test_an_email_is_delivered_opened_and_clicked(world: World, user: int) -> None:
    task_id, email_id = world.sent(user, "email")
    for type_ in ("email.sent", "email.delivery_delayed", "email.delivered", "email.opened", "email.clicked"):
        world.resend_says(type_, email_id)
    assert world.product.status(task_id)["result"]["delivered"] is True
    metrics = world.product.ok("GET", f"/analytics/user/{user}")["engagement_metrics"]
    assert (metrics["delivery_rate"], metrics["open_rate"], metrics["click_rate"]) == (1.0, 1.0, 1.0)
    assert metrics["recent_communications"][0]["status"] == "clicked"


def test_a_click_says_that_it_was_opened_and_had_arrived(world: World, user: int) -> None:
    _, email_id = world.sent(user, "email")
    world.resend_says("email.clicked", email_id)
    metrics = world.product.ok("GET", f"/analytics/user/{user}")["engagement_metrics"]
    assert (metrics["delivery_rate"], metrics["open_rate"], metrics["click_rate"]) == (1.0, 1.0, 1.0)


def test_a_permanent_bounce_suppresses_the_address_until_there_is_another(world: World, user: int) -> None:
    task_id, email_id = world.sent(user, "email")
    world.resend_says("email.bounced", email_id, bounce={"type": "Permanent", "message": "no such mailbox"})
    assert world.product.status(task_id)["status"] == "FAILURE"
    assert world.may_write(user, "email") == "suppressed"
    redirected = world.product.send(user, channel="email", priority="critical")
    assert redirected["fallback_used"] is True
    world.product.ok("POST", "/consent/email", {"user_id": user, "email": "another@example.com"})
    assert world.may_write(user, "email") == "explicit_consent"


def test_a_bounce_of_an_address_that_was_replaced_meanwhile_leaves_the_new_one_alone(world: World, user: int) -> None:
    task_id, email_id = world.sent(user, "email")
    world.product.ok("POST", "/consent/email", {"user_id": user, "email": "moved@example.com"})
    world.resend_says("email.bounced", email_id, bounce={"type": "Permanent", "message": "no such mailbox"})
    assert world.product.status(task_id)["status"] == "FAILURE"
    assert world.may_write(user, "email") == "explicit_consent"


def test_a_passing_bounce_suppresses_nothing(world: World, user: int) -> None:
    _, email_id = world.sent(user, "email")
    world.resend_says("email.bounced", email_id, bounce={"type": "Transient", "message": "mailbox full"})
    assert world.may_write(user, "email") == "explicit_consent"


def test_a_complaint_opts_out(world: World, user: int) -> None:
    _, email_id = world.sent(user, "email")
    world.resend_says("email.complained", email_id)
    assert world.may_write(user, "email") == "opted_out"


def test_the_documents_own_header_is_taken_with_and_without_its_prefix(world: World, user: int) -> None:
    for prefix in ("", "sha256="):
        task_id, email_id = world.sent(user, "email")
        report = resend_hmac({"type": "email.delivered", "id": email_id}, prefix)
        assert world.post("resend", report).json() == {"success": True}
        assert world.product.status(task_id)["result"]["delivered"] is True


def test_a_repeated_svix_message_is_recorded_once_and_an_old_one_refused(world: World, user: int) -> None:
    _, email_id = world.sent(user, "email")
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


def link_in_mail(world: World, user_id: int) -> str:
    """Where the latest e-mail to somebody lets them unsubscribe; the page's and the header's are one."""
    world.sent(user_id, "email")
    content = world.resend.journal.received[-1].content
    headers = content["headers"]
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = headers["List-Unsubscribe"].strip("<>")
    assert link in content["html"].replace("&amp;", "&")
    assert link in content["text"]
    assert isinstance(link, str)
    return link


def test_the_unsubscribe_link_shows_first_and_acts_on_the_button(world: World, user: int) -> None:
    link = link_in_mail(world, user)
    before = world.product.recorded()
    shown = httpx2.get(link)
    assert shown.headers["content-type"].startswith("text/html")
    assert re.search(r'<form method="post">.*<button', shown.text)
    assert world.product.recorded() == before
    assert world.may_write(user, "email") == "explicit_consent"
    assert "will not receive" in httpx2.post(link).text
    assert world.may_write(user, "email") == "opted_out"
    others = {"user_id": user, "message_type": "career_insight", "channel": "email"}
    assert world.product.ok("POST", "/consent/check", others)["can_send"] is True


def test_a_mail_program_unsubscribes_with_one_click(world: World, user: int) -> None:
    link = link_in_mail(world, user)
    answer = httpx2.post(link, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert world.may_write(user, "email") == "opted_out"


def test_a_browser_is_shown_a_page_for_a_link_that_is_not_valid(world: World, user: int) -> None:
    link, browser = f"{link_in_mail(world, user)}0", {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
    shown = httpx2.get(link, headers=browser)
    assert (shown.status_code, shown.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "This link is not valid" in shown.text
    assert "<form" not in shown.text
    for answer in (httpx2.get(link), httpx2.post(link, headers=browser)):
        assert answer.status_code == 404
        assert answer.json()["error"] == "This link is not valid"


def test_a_changed_unsubscribe_link_is_nobodys(world: World, user: int) -> None:
    link = link_in_mail(world, user)
    start, _, token = link.rpartition("/")
    last = "0" if token[-1] != "0" else "1"
    wrong = [token[:-1] + last, token.replace(str(user), str(user + 1)), "x", "..", "a.b.c", token.upper(), f"é{token}"]
    before = world.product.recorded()
    for changed in wrong:
        assert httpx2.get(f"{start}/{changed}").status_code == 404
        assert httpx2.post(f"{start}/{changed}").status_code == 404
    assert world.product.recorded() == before

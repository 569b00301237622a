"""What recipients say themselves: texts that come in, and the unsubscribe link of an e-mail."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

import httpx2
import pytest

from commands.communication.number import COOL_DOWN
from tests.api.communication.product import can_send
from tests.api.communication.reports import twilio_form
from tests.api.communication.world import HOOKS, World


@pytest.mark.parametrize("word", ["STOP", " Stop. ", "“STOP”…", "Opt out", "please unsubscribe me"])
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
    world.product.advance(COOL_DOWN)
    world.product.agree(other, number)
    world.text_from(number, "STOP")
    assert [world.may_write(user, "sms") for user in (one, other)] == ["opted_out", "opted_out"]


def test_the_providers_verdict_on_a_text_counts_whatever_the_word(world: World) -> None:
    user_id, number = world.person()
    world.text_from(number, "ARRET", OptOutType="STOP")
    assert world.may_write(user_id, "sms") == "opted_out"
    world.text_from(number, "ENCORE", OptOutType="START")
    assert world.may_write(user_id, "sms") == "explicit_consent"


def test_start_leaves_an_opt_out_by_type_as_it_is(world: World) -> None:
    user_id, number = world.person()
    body = {"user_id": user_id, "channel": "sms", "message_type": "monthly_report"}
    world.product.ok("POST", "/opt-out", body)
    world.text_from(number, "STOP")
    world.text_from(number, "START")
    assert world.may_write(user_id, "sms") == "opted_out"
    assert can_send(world.product, user_id, channel="sms", message_type="career_insight")["can_send"] is True


def test_a_mexican_number_is_one_in_both_its_forms(world: World) -> None:
    user_id = world.product.new_user()
    number = f"+5255{user_id:08}"
    world.product.agree(user_id, number)
    world.text_from(number.replace("+52", "+521"), "STOP")
    assert world.may_write(user_id, "sms") == "opted_out"


def test_a_picture_without_a_word_is_recorded_and_changes_nothing(world: World) -> None:
    user_id, number = world.person()
    world.product.settle()  # or the code's receipt may follow
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


def test_the_unsubscribe_link_shows_first_and_acts_on_the_button(world: World, recipient: int) -> None:
    link = link_in_mail(world, recipient)
    before = world.product.recorded()
    shown = httpx2.get(link, timeout=60)
    assert shown.headers["content-type"].startswith("text/html")
    assert re.search(r'<form method="post">.*<button', shown.text)
    assert world.product.recorded() == before
    assert world.may_write(recipient, "email") == "explicit_consent"
    assert "will not receive" in httpx2.post(link, timeout=60).text
    assert world.may_write(recipient, "email") == "opted_out"
    others = {"user_id": recipient, "message_type": "career_insight", "channel": "email"}
    assert world.product.ok("POST", "/consent/check", others)["can_send"] is True


def test_a_mail_program_unsubscribes_with_one_click(world: World, recipient: int) -> None:
    link = link_in_mail(world, recipient)
    answer = httpx2.post(link, data={"List-Unsubscribe": "One-Click"}, timeout=60)
    assert answer.status_code == 200
    assert world.may_write(recipient, "email") == "opted_out"


def test_a_browser_is_shown_a_page_for_a_link_that_is_not_valid(world: World, recipient: int) -> None:
    link, browser = f"{link_in_mail(world, recipient)}0", {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
    shown = httpx2.get(link, headers=browser, timeout=60)
    assert (shown.status_code, shown.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "This link is not valid" in shown.text
    assert "<form" not in shown.text
    for answer in (httpx2.get(link, timeout=60), httpx2.post(link, headers=browser, timeout=60)):
        assert answer.status_code == 404
        assert answer.json()["error"] == "This link is not valid"


def test_a_changed_unsubscribe_link_is_nobodys(world: World, recipient: int) -> None:
    link = link_in_mail(world, recipient)
    start, _, token = link.rpartition("/")
    last = "0" if token[-1] != "0" else "1"
    wrong = [
        token[:-1] + last,
        token.replace(str(recipient), str(recipient + 1)),
        "x",
        "..",
        "a.b.c",
        token.upper(),
        f"é{token}",
    ]
    before = world.product.recorded()
    for changed in wrong:
        assert httpx2.get(f"{start}/{changed}", timeout=60).status_code == 404
        assert httpx2.post(f"{start}/{changed}", timeout=60).status_code == 404
    assert world.product.recorded() == before

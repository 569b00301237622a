"""What providers report about addresses holds for everybody who has them, however the report comes."""

from __future__ import annotations

import pytest

from commands.communication.number import COOL_DOWN
from tests.api.communication.product import can_send
from tests.api.communication.reports import twilio_form
from tests.api.communication.world import HOOKS, World
from tests.imitations import failing

LANDLINE, STOPPED, UNREACHABLE = "30006", "21610", "30003"
PERMANENT = {"type": "Permanent", "message": "no such mailbox"}


def two_at_one_number(world: World) -> tuple[list[int], str]:
    """Two people with one number, the first of whom is written to."""
    users = [world.product.new_user() for _ in range(2)]
    number = f"+1555{users[0]:07}"
    for user in users:
        world.product.agree(user, number)
        world.product.advance(COOL_DOWN)
    world.product.settle()
    return users, number


def reasons(world: World, users: list[int], channel: str) -> list[str]:
    return [world.may_write(user, channel) for user in users]


@pytest.mark.parametrize(
    ("code", "reason"), [(STOPPED, "opted_out"), (LANDLINE, "suppressed"), (UNREACHABLE, "explicit_consent")]
)
def test_a_permanent_code_in_a_status_callback_acts_for_all_who_have_the_number(
    world: World, code: str, reason: str
) -> None:
    users, _ = two_at_one_number(world)
    _, sid = world.sent(users[0], "sms")
    world.twilio_says(MessageSid=sid, MessageStatus="failed", ErrorCode=code)
    world.product.settle()
    assert reasons(world, users, "sms") == [reason, reason]


@pytest.mark.parametrize(("code", "reason"), [(STOPPED, "opted_out"), (LANDLINE, "suppressed")])
def test_the_same_code_in_the_answer_to_the_call_acts_likewise(world: World, code: str, reason: str) -> None:
    users, number = two_at_one_number(world)
    world.twilio.behave(failing(400, code, to=number))
    world.product.send(users[0], channel="sms", priority="critical")
    world.product.settle()
    assert reasons(world, users, "sms") == [reason, reason]
    charged = world.twilio.journal.counts[number]
    world.product.send(users[1], channel="sms", priority="critical")
    world.product.settle()
    assert world.twilio.journal.counts[number] == charged


def test_start_gives_back_what_a_stop_at_the_provider_took(world: World) -> None:
    users, number = two_at_one_number(world)
    _, sid = world.sent(users[0], "sms")
    world.twilio_says(MessageSid=sid, MessageStatus="undelivered", ErrorCode=STOPPED)
    world.product.settle()
    world.text_from(number, "START")
    assert reasons(world, users, "sms") == ["explicit_consent", "explicit_consent"]


def test_a_report_that_the_text_with_a_code_did_not_arrive_acts_by_its_code(world: World) -> None:
    users, number = two_at_one_number(world)
    world.product.ok("POST", "/consent/revoke", {"user_id": users[0], "channel": "sms"})
    world.product.ok("POST", "/consent/sms", {"user_id": users[0], "phone_number": number})
    world.product.settle()
    text = world.twilio.journal.received[-1].content
    query = text["StatusCallback"].partition("?")[2]
    form = [("MessageSid", "SMofacode"), ("MessageStatus", "undelivered"), ("ErrorCode", LANDLINE)]
    assert world.post("twilio", twilio_form(f"{HOOKS}/twilio?{query}", form), f"?{query}").status_code == 200
    world.product.settle()
    assert world.product.events(f"recipient/{users[0]}")[-3:] == [
        "communication.recipient.verification_code_failed.v1",
        "communication.recipient.address_suppressed.v1",
        "communication.recipient.address_reported.v1",
    ]
    assert reasons(world, users[1:], "sms") == ["suppressed"]


def test_a_dead_mailbox_is_dead_for_everybody_however_it_is_written(world: World) -> None:
    users = [world.product.new_user() for _ in range(3)]
    name = f"Fam{users[0]}"
    for user, address in zip(users, (f"{name}@bücher.example", f"{name.lower()}@xn--bcher-kva.example"), strict=False):
        world.product.ok("POST", "/consent/email", {"user_id": user, "email": address})
    _, email_id = world.sent(users[0], "email")
    world.resend_says("email.bounced", email_id, bounce=PERMANENT)
    world.product.settle()
    assert reasons(world, users[:2], "email") == ["suppressed", "suppressed"]
    again = {"user_id": users[0], "email": f"{name.upper()}@bücher.example"}
    world.product.ok("POST", "/consent/email", again)
    world.product.ok("POST", "/consent/email", again | {"user_id": users[2]})
    assert reasons(world, users, "email") == ["suppressed"] * 3
    world.product.ok("POST", "/consent/email", {"user_id": users[0], "email": f"{name}@example.org"})
    assert world.may_write(users[0], "email") == "explicit_consent"


def test_a_complaint_from_a_shared_mailbox_is_everybodys_until_they_agree_again(world: World) -> None:
    users = [world.product.new_user() for _ in range(2)]
    shared = f"family{users[0]}@example.com"
    for user in users:
        world.product.ok("POST", "/consent/email", {"user_id": user, "email": shared})
    _, email_id = world.sent(users[0], "email")
    world.resend_says("email.complained", email_id)
    world.product.settle()
    assert reasons(world, users, "email") == ["opted_out", "opted_out"]
    world.product.ok("POST", "/consent/email", {"user_id": users[1], "email": shared})
    assert reasons(world, users, "email") == ["opted_out", "explicit_consent"]


def test_messages_that_the_provider_refused_leave_the_frequency_cap_as_it_was(world: World) -> None:
    user_id, number = world.person()
    world.product.ok("POST", "/opt-out", {"user_id": user_id, "channel": "email"})
    world.twilio.behave(failing(400, "30007", to=number))
    for _ in range(6):
        world.product.send(user_id, channel="sms", priority="low")
        world.product.settle()
    assert can_send(world.product, user_id)["can_send"] is True

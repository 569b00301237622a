"""Consent given, proven, taken back and asked about, now and as it was."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from commands.communication.number import COOL_DOWN
from tests.api.communication.product import Served, can_send, refused, serving


def test_sms_consent_counts_once_the_number_is_verified(product: Served) -> None:
    user_id, number = product.new_user(), "+15557654321"
    product.ok("POST", "/consent/sms", {"user_id": user_id, "phone_number": number})
    product.settle()
    assert can_send(product, user_id)["reason"] == "pending_verification"
    assert can_send(product, user_id)["consent_status"] == "pending"
    code = product.outbox(user_id, "sms")[0]["body"]
    assert product.code(number) in code
    wrong = product.api.post("/consent/sms/verify", json={"phone_number": number, "verification_code": "000000"})
    assert (wrong.status_code, wrong.json()["error"]) == (400, "Invalid verification code")
    product.ok("POST", "/consent/sms/verify", {"phone_number": number, "verification_code": product.code(number)})
    checked = can_send(product, user_id)
    assert (checked["can_send"], checked["reason"], checked["consent_status"]) == (True, "explicit_consent", "granted")


def test_consent_is_not_pending_any_more_once_the_code_has_expired(product: Served) -> None:
    user_id = product.new_user()
    product.ok("POST", "/consent/sms", {"user_id": user_id, "phone_number": "+15557654322"})
    asked_at = product.clock.now()
    product.advance(timedelta(minutes=9))
    assert can_send(product, user_id)["consent_status"] == "pending"
    product.advance(timedelta(minutes=1))
    now = can_send(product, user_id)
    assert (now["can_send"], now["reason"], now["consent_status"]) == (False, "no_consent", "none")
    assert refused(product, user_id)["details"]["reason"] == "no_consent"
    for minutes, status in ((0, "pending"), (9, "pending"), (10, "none")):
        then = (asked_at + timedelta(minutes=minutes)).isoformat()
        assert can_send(product, user_id, as_of=then)["consent_status"] == status


def test_a_code_lives_ten_minutes_and_five_tries(product: Served) -> None:
    user_id, number = product.new_user(), "+15551112222"

    def verify(code: str) -> tuple[int, str]:
        body = {"phone_number": number, "verification_code": code}
        answer = product.api.post("/consent/sms/verify", json=body)
        return answer.status_code, answer.json().get("error", "")

    product.ok("POST", "/consent/sms", {"user_id": user_id, "phone_number": number})
    right = product.code(number)
    wrong = "000000" if right != "000000" else "000001"
    assert [verify(wrong)[0] for _ in range(5)] == [400] * 5
    assert verify(right) == (400, "too many wrong codes; ask for a new one")
    product.advance(COOL_DOWN)
    product.ok("POST", "/consent/sms", {"user_id": user_id, "phone_number": number})
    right = product.code(number)
    product.advance(timedelta(minutes=10))
    assert verify(right) == (400, "the verification code has expired")
    assert can_send(product, user_id)["can_send"] is False


def test_only_so_many_codes_are_sent_within_an_hour(product: Served) -> None:
    body = {"user_id": product.new_user(), "phone_number": "+15553334444"}
    for _ in range(5):
        product.ok("POST", "/consent/sms", body)
        product.advance(COOL_DOWN)
    assert product.api.post("/consent/sms", json=body | {"phone_number": "+15553334445"}).status_code == 400
    product.advance(timedelta(hours=1))
    product.ok("POST", "/consent/sms", body)


def test_a_number_gets_five_codes_an_hour_whoever_asks_and_none_right_after_another(product: Served) -> None:
    number = "+15553334446"

    def ask(number: str = number) -> tuple[int, str]:
        answer = product.api.post("/consent/sms", json={"user_id": product.new_user(), "phone_number": number})
        return answer.status_code, answer.json().get("error", "")

    assert ask()[0] == 200
    assert ask() == (400, "a code was sent to this number less than 30 seconds ago; try again in a moment")
    for _ in range(4):
        product.advance(COOL_DOWN)
        assert ask()[0] == 200
    product.advance(COOL_DOWN)
    assert ask() == (400, "5 codes were sent to this number within the hour; try again later")
    assert ask("+15553334447")[0] == 200
    product.advance(timedelta(hours=1))
    assert ask()[0] == 200


def test_a_wrong_code_counts_against_everybody_who_waits_at_the_number(product: Served) -> None:
    users, number = [product.new_user() for _ in range(2)], "+15559876544"
    codes = []
    for user_id in users:
        product.ok("POST", "/consent/sms", {"user_id": user_id, "phone_number": number})
        codes.append(product.code_of(user_id))
        product.advance(COOL_DOWN)
    wrong = next(code for code in ("000000", "000001", "000002") if code not in codes)
    for _ in range(5):
        body = {"phone_number": number, "verification_code": wrong}
        assert product.api.post("/consent/sms/verify", json=body).status_code == 400
    for code in codes:
        answer = product.api.post("/consent/sms/verify", json={"phone_number": number, "verification_code": code})
        assert answer.json()["error"] == "too many wrong codes; ask for a new one"


def test_a_repeated_wrong_code_counts_once_for_everybody(product: Served) -> None:
    users, number = [product.new_user() for _ in range(2)], "+15559876545"
    for user_id in users:
        product.ok("POST", "/consent/sms", {"user_id": user_id, "phone_number": number})
        product.advance(COOL_DOWN)
    codes = [product.code_of(user_id) for user_id in users]
    wrong = next(code for code in ("000000", "000001", "000002") if code not in codes)
    body, key = {"phone_number": number, "verification_code": wrong}, {"Idempotency-Key": "wrong once"}
    for _ in range(6):
        assert product.api.post("/consent/sms/verify", json=body, headers=key).json()["details"] == "4 tries left"
    for code in codes:
        product.ok("POST", "/consent/sms/verify", {"phone_number": number, "verification_code": code})


def test_a_consent_repeated_with_its_key_asks_for_no_second_code(product: Served) -> None:
    body, key = {"user_id": product.new_user(), "phone_number": "+15559876546"}, {"Idempotency-Key": "one code"}
    answers = [product.ok("POST", "/consent/sms", body, **key) for _ in range(3)]
    assert answers == [answers[0]] * 3


def test_codes_are_sent_to_the_countries_that_are_set_only() -> None:
    with serving(COMMUNICATION_ALLOWED_COUNTRIES="us, at") as product:
        for number, status in (
            ("+12125551234", 200),
            ("+436641234567", 200),
            ("+18765551234", 400),
            ("+4915112345", 400),
        ):
            answer = product.api.post("/consent/sms", json={"user_id": product.new_user(), "phone_number": number})
            assert answer.status_code == status, number
            if status == 400:
                assert answer.json()["error"] == "Invalid phone_number: no codes are sent to this country"


def test_a_code_costs_like_any_text_and_is_refused_once_the_budget_is_used_up() -> None:
    with serving(HEADWATER_DAILY_BUDGET="0.07") as product:
        asked = [{"user_id": product.new_user(), "phone_number": f"+1555123456{n}"} for n in range(2)]
        product.ok("POST", "/consent/sms", asked[0])
        product.settle()
        assert product.ok("GET", "/analytics/cost-tracking")["cost_analysis"]["daily_budget_usage"] == 71.43
        product.advance(timedelta(seconds=2))
        refused = product.api.post("/consent/sms", json=asked[1])
        assert (refused.status_code, refused.json()["error"]) == (
            400,
            "no code can be sent: the daily budget is used up",
        )


def test_each_of_two_people_at_one_number_has_a_code_of_their_own(product: Served) -> None:
    users, number = [product.new_user() for _ in range(3)], "+15559876543"
    for user_id in users:
        product.ok("POST", "/consent/sms", {"user_id": user_id, "phone_number": number})
        product.advance(COOL_DOWN)
    for user_id in users:
        (text,) = product.outbox(user_id, "sms")
        code = next(word for word in text["body"].replace(".", " ").split() if word.isdigit() and len(word) == 6)
        assert can_send(product, user_id)["consent_status"] == "pending"
        product.ok("POST", "/consent/sms/verify", {"phone_number": number, "verification_code": code})
        assert can_send(product, user_id)["consent_status"] == "granted"


def test_a_verified_number_needs_no_second_verification(product: Served, user: int) -> None:
    body = {"user_id": user, "phone_number": f"+1555{user:07}"}
    assert product.ok("POST", "/consent/sms", body)["verification_required"] is False


def test_opting_out_of_one_kind_leaves_the_others(product: Served, user: int) -> None:
    product.ok("POST", "/opt-out", {"user_id": user, "channel": "sms", "message_type": "monthly_report"})
    assert can_send(product, user)["reason"] == "opted_out"
    assert can_send(product, user)["consent_status"] == "opted_out"
    assert can_send(product, user, message_type="career_insight")["can_send"] is True
    product.ok("POST", "/opt-out", {"user_id": user})
    assert can_send(product, user, message_type="career_insight", channel="email")["reason"] == "opted_out"


def test_consent_can_be_asked_about_as_it_was(product: Served) -> None:
    user_id = product.new_user()
    moments = [product.clock.now()]
    for step in ("grant", "revoke", "grant"):
        product.advance(timedelta(hours=1))
        if step == "grant":
            product.ok("POST", "/consent/email", {"user_id": user_id, "email": f"{len(moments)}@example.com"})
        else:
            product.ok("POST", "/consent/revoke", {"user_id": user_id, "channel": "email"})
        moments.append(product.clock.now())
    then = [can_send(product, user_id, channel="email", as_of=moment.isoformat()) for moment in moments]
    assert [answer["reason"] for answer in then] == ["no_consent", "explicit_consent", "revoked", "explicit_consent"]
    assert [answer["consent_event"] for answer in then] == [0, 1, 2, 3]
    before = product.recorded()
    can_send(product, user_id)
    assert product.recorded() == before


def test_the_moment_asked_about_may_stand_in_the_query_string(product: Served) -> None:
    user_id = product.new_user()
    before = product.clock.now()
    product.advance(timedelta(hours=1))
    product.ok("POST", "/consent/email", {"user_id": user_id, "email": "then@example.com"})
    body = {"user_id": user_id, "message_type": "monthly_report", "channel": "email"}

    def asked(**more: str) -> Any:
        return product.api.post("/consent/check", json=body | more, params={"as_of": before.isoformat()})

    assert asked().json()["reason"] == "no_consent"
    assert datetime.fromisoformat(asked().json()["as_of"]) == before
    assert asked(as_of=before.isoformat()).json()["reason"] == "no_consent"
    two = asked(as_of=product.clock.now().isoformat())
    assert (two.status_code, two.json()["context"]) == (400, "check_consent")
    assert two.json()["error"] == "Invalid as_of: the body and the query string name different times"
    nonsense = product.api.post("/consent/check", json=body, params={"as_of": "yesterday"})
    assert (nonsense.status_code, nonsense.json()["error"]) == (
        400,
        "Invalid as_of: must be a date and time (RFC 3339), as 2025-01-27T10:00:00Z",
    )


@pytest.mark.parametrize("where", ["json", "params"])
def test_nobody_can_say_what_consent_will_be(product: Served, user: int, where: str) -> None:
    now = product.clock.now()
    body: dict[str, Any] = {"user_id": user, "message_type": "monthly_report", "channel": "sms"}

    def asked(as_of: datetime) -> Any:
        given = {"as_of": as_of.isoformat()}
        return product.api.post(
            "/consent/check", json=body | (given if where == "json" else {}), params=given if where == "params" else {}
        )

    assert asked(now).json()["can_send"] is True
    answer = asked(now + timedelta(microseconds=1))
    assert (answer.status_code, answer.json()["success"], answer.json()["context"]) == (400, False, "check_consent")
    assert answer.json()["error"] == f"Invalid as_of: must not be in the future, and it is {now.isoformat()} now"

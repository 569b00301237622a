"""From a request to a message, or to the reason why there is none: schedules, hours, caps, fallback, explanations."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.communication.kinds import TRIGGERS, TriggerType
from tests.api.communication.product import Served, can_send, refused

ALICE_ZONE = "America/New_York"


def prefer(product: Served, user_id: int, **preferences: Any) -> None:
    product.ok("PUT", f"/preferences/{user_id}", preferences)


def explanation(product: Served, task_id: str) -> dict[str, Any]:
    return product.ok("GET", f"/status/{task_id}/explanation")


def later(product: Served, **by: float) -> str:
    return (product.clock.now() + timedelta(**by)).isoformat()


def to_clock(product: Served, hour: int) -> None:
    """Moves on to the next time that it is this hour, UTC."""
    now = product.clock.now()
    then = now.replace(hour=hour, minute=0, second=0)
    product.advance((then if then > now else then + timedelta(days=1)) - now)


def test_a_message_goes_out_at_once_with_the_defaults_of_its_type(product: Served, user: int) -> None:
    sent = product.send(user, "financial_alert")
    assert sent["cost"] == 0.05
    product.settle()
    assert [text["to"] for text in product.outbox(user, "sms") if text["reference"] == sent["task_id"]] != []
    assert product.status(sent["task_id"])["result"]["channel"] == "sms"


@pytest.mark.parametrize("type_", TRIGGERS)
def test_what_is_not_said_is_as_the_list_of_types_says(product: Served, user: int, type_: TriggerType) -> None:
    listed = product.ok("GET", "/trigger-types")["trigger_types"]
    defaults = next(one for one in listed if one["value"] == type_)
    task_id = product.send(user, type_)["task_id"]
    product.settle()
    assert product.status(task_id)["result"]["channel"] == defaults["default_channel"]
    asked = f"by {defaults['default_channel']} with {defaults['default_priority']} priority"
    assert asked in explanation(product, task_id)["history"][0]["sentence"]


def test_both_channels_are_used_and_paid_when_both_are_asked_for(product: Served, user: int) -> None:
    sent = product.send(user, channel="both")
    assert sent["cost"] == 0.051
    product.settle()
    assert len([m for m in product.outbox(user, "sms") if m["reference"] == sent["task_id"]]) == 1
    assert len(product.outbox(user, "email")) == 1


def test_a_long_text_costs_each_of_its_segments(product: Served, user: int) -> None:
    long = {"message": "A word to the wise. " * 20}
    sent = product.send(user, "financial_alert", data=long, channel="sms")
    segments = product.ask(
        "select segments from read_models.communication_deliveries where message_id = %s", sent["task_id"]
    )[0][0]
    assert segments > 1
    assert sent["cost"] == pytest.approx(0.05 * segments)


@pytest.mark.parametrize("when", ["2025-01-27T10:00:00Z", "2025-01-27T10:00:00", "2025-01-27T12:00:00+02:00"])
def test_a_past_time_means_now(product: Served, user: int, when: str) -> None:
    task_id = product.send(user, scheduled_time=when)["task_id"]
    product.settle()
    assert product.status(task_id)["status"] == "SUCCESS"


def test_a_scheduled_message_waits_for_its_time(product: Served, user: int) -> None:
    task_id = product.send(user, scheduled_time=later(product, hours=2), priority="critical")["task_id"]
    assert product.status(task_id) == {
        "task_id": task_id,
        "status": "PENDING",
        "result": None,
        "started": None,
        "succeeded": None,
        "created": product.status(task_id)["created"],
    }
    product.advance(timedelta(hours=1, minutes=59))
    assert product.status(task_id)["status"] == "PENDING"
    product.advance(timedelta(minutes=1))
    assert product.status(task_id)["status"] == "SUCCESS"


def test_a_cancelled_message_never_goes_out(product: Served, user: int) -> None:
    task_id = product.send(user, scheduled_time=later(product, hours=2))["task_id"]
    assert product.ok("POST", f"/cancel/{task_id}")["message"] == "Communication cancelled successfully"
    product.advance(timedelta(hours=3))
    assert product.status(task_id)["status"] == "REVOKED"
    assert product.outbox(user, "email") == []
    assert explanation(product, task_id)["sentence"] == "Not sent: it was cancelled."


def test_consent_that_is_withdrawn_meanwhile_stops_a_scheduled_message(product: Served, user: int) -> None:
    task_id = product.send(user, scheduled_time=later(product, hours=2))["task_id"]
    product.ok("POST", "/opt-out", {"user_id": user, "channel": "both"})
    product.advance(timedelta(hours=3))
    assert product.status(task_id)["status"] == "REVOKED"
    told = explanation(product, task_id)
    assert told["sentence"].startswith("Not sent: ")
    assert "opted out" in told["sentence"]
    rule = next(rule for rule in told["history"][-1]["rules"] if rule["verdict"] == "refuse")
    assert rule["evidence"]["consent"]["name"] == "communication.recipient.opted_out.v1"
    assert rule["evidence"]["consent"]["stream"] == f"recipient/{user}"


def test_without_consent_nothing_is_sent_and_the_refusal_says_why(product: Served) -> None:
    body = refused(product, product.new_user())
    assert body["fallback_used"] is False
    assert body["details"]["reason"] == "no_consent"
    assert {step["rule"] for step in body["details"]["decision"]["trail"]} >= {"suppression", "consent", "channel"}


def test_the_other_channel_is_used_when_the_one_asked_for_is_closed(product: Served, user: int) -> None:
    product.ok("POST", "/consent/revoke", {"user_id": user, "channel": "sms", "message_types": ["monthly_report"]})
    sent = product.send(user, channel="sms")
    assert (sent["fallback_used"], sent["cost"]) == (True, 0.001)
    product.settle()
    told = explanation(product, sent["task_id"])
    assert "instead of SMS, because consent for it was revoked" in told["sentence"]
    assert product.send(user, "career_insight", channel="sms")["fallback_used"] is False


def test_a_switch_that_is_off_closes_a_type_on_a_channel(product: Served, user: int) -> None:
    prefer(product, user, alert_types_email={"monthly_report": False})
    assert product.send(user, channel="email")["fallback_used"] is True
    prefer(product, user, sms_enabled=False)
    assert refused(product, user)["details"]["reason"] == "preference_disabled"
    assert can_send(product, user)["reason"] == "preference_disabled"
    assert refused(product, user, priority="critical")["details"]["reason"] == "preference_disabled"


def test_switches_are_merged_key_by_key_and_reset_goes_back(product: Served, user: int) -> None:
    prefer(product, user, alert_types_sms={"financial_alert": True, "payment_reminder": False})
    prefer(product, user, alert_types_sms={"payment_reminder": True}, frequency_preference="daily", sms_enabled=None)
    found = product.ok("GET", f"/preferences/{user}")["preferences"]
    assert found["alert_types_sms"] == {"financial_alert": True, "payment_reminder": True}
    assert (found["frequency_preference"], found["sms_enabled"]) == ("daily", True)
    reset = product.ok("POST", f"/preferences/{user}/reset")["preferences"]
    stranger = product.ok("GET", f"/preferences/{product.new_user()}")["preferences"]
    assert {**reset, "user_id": 0} == {**stranger, "user_id": 0}


def test_no_more_than_five_messages_a_week_unless_they_are_critical(product: Served, user: int) -> None:
    for _ in range(5):
        product.send(user)
    capped = refused(product, user)
    assert capped["details"]["reason"] == "frequency_cap"
    product.send(user, priority="critical")
    product.advance(timedelta(days=7))
    product.send(user)


@pytest.mark.parametrize(("frequency", "days"), [("daily", 1), ("monthly", 30)])
def test_the_window_of_the_cap_follows_the_preference(product: Served, user: int, frequency: str, days: int) -> None:
    prefer(product, user, frequency_preference=frequency)
    for _ in range(5):
        product.send(user)
    product.advance(timedelta(days=days, seconds=-1))
    refused(product, user)
    product.advance(timedelta(seconds=1))
    product.send(user)


def test_quiet_hours_hold_a_message_until_they_end_where_the_recipient_lives(product: Served, user: int) -> None:
    prefer(product, user, time_zone=ALICE_ZONE, frequency_preference="daily")
    to_clock(product, 6)  # one in the morning in New York
    held = product.send(user)["task_id"]
    urgent = product.send(user, priority="critical")["task_id"]
    product.settle()
    assert product.status(urgent)["status"] == "SUCCESS"
    assert product.status(held)["status"] == "PENDING"
    told = explanation(product, held)
    assert "Held until" in told["sentence"]
    assert "outside the hours" in told["sentence"]
    rule = next(rule for rule in told["history"][-1]["rules"] if rule["rule"] == "quiet_hours")
    assert (rule["verdict"], rule["inputs"]["time_zone"]) == ("hold", ALICE_ZONE)
    product.advance(datetime.fromisoformat(rule["inputs"]["opens"]) - product.clock.now() - timedelta(seconds=1))
    assert product.status(held)["status"] == "PENDING"
    product.advance(timedelta(seconds=1))
    assert product.status(held)["status"] == "SUCCESS"
    assert "08:00:00" in rule["inputs"]["opens"] or "13:00:00" in rule["inputs"]["opens"]


def test_own_quiet_hours_take_the_place_of_the_night(product: Served, user: int) -> None:
    prefer(product, user, quiet_hours={"start": "08:00", "end": "18:30"}, frequency_preference="daily")
    to_clock(product, 12)
    held = product.send(user)["task_id"]
    product.settle()
    assert product.status(held)["status"] == "PENDING"
    to_clock(product, 19)
    assert product.status(held)["status"] == "SUCCESS"
    shown = product.ok("GET", f"/preferences/{user}")["preferences"]["quiet_hours"]
    assert shown == {"start": "08:00:00", "end": "18:30:00"}


def test_a_preferred_time_that_was_chosen_is_waited_for(product: Served, user: int) -> None:
    to_clock(product, 9)
    prefer(product, user, preferred_sms_time="15:00:00", frequency_preference="daily")
    held = product.send(user, channel="sms")["task_id"]
    email = product.send(user, channel="email")["task_id"]
    product.settle()
    assert (product.status(held)["status"], product.status(email)["status"]) == ("PENDING", "SUCCESS")
    to_clock(product, 15)
    assert product.status(held)["status"] == "SUCCESS"


def test_a_held_message_can_be_cancelled(product: Served, user: int) -> None:
    prefer(product, user, time_zone="UTC", frequency_preference="daily")
    to_clock(product, 22)
    held = product.send(user)["task_id"]
    product.ok("POST", f"/cancel/{held}")
    to_clock(product, 12)
    assert product.status(held)["status"] == "REVOKED"


def test_an_unknown_time_zone_is_400(product: Served, user: int) -> None:
    for name in ("Mars/Olympus", "../../etc/passwd", "utc+1"):
        assert product.api.put(f"/preferences/{user}", json={"time_zone": name}).status_code == 400


def test_the_explanation_names_every_rule_with_its_version(product: Served, user: int) -> None:
    task_id = product.send(user)["task_id"]
    product.settle()
    told = explanation(product, task_id)
    decided = next(happening for happening in told["history"] if happening["rules"])
    assert [rule["rule"] for rule in decided["rules"]] == [
        "suppression",
        "consent",
        "preferences",
        "frequency_cap",
        "quiet_hours",
        "channel",
        "budget",
    ]
    assert [rule["version"] for rule in decided["rules"]] == [1, 1, 1, 2, 1, 1, 1]
    consent = decided["rules"][1]["evidence"]["consent"]
    assert consent["name"] == "communication.recipient.consent_granted.v1"
    assert product.events(consent["stream"])[consent["version"] - 1] == consent["name"]


def test_the_explanation_links_every_message_that_counts_against_the_cap(product: Served, user: int) -> None:
    for _ in range(2):
        product.send(user, "career_insight")
    task_id = product.send(user, "career_insight")["task_id"]
    decided = next(happening for happening in explanation(product, task_id)["history"] if happening["rules"])
    cap = next(rule for rule in decided["rules"] if rule["rule"] == "frequency_cap")
    assert cap["inputs"]["sent_in_window"] == len(cap["evidence"]["contacts"]) == 2
    for contact in cap["evidence"]["contacts"]:
        assert product.events(contact["stream"])[contact["version"] - 1] == "communication.recipient.contacted.v1"
    budget = next(rule for rule in decided["rules"] if rule["rule"] == "budget")
    assert budget["sources"]["daily_used"] == "counters"
    assert sum(budget["inputs"]["counted_to"].values()) > 0


def test_the_best_time_to_write_is_the_preferred_one_until_there_is_a_history(product: Served, user: int) -> None:
    prefer(product, user, preferred_sms_time="17:00", preferred_email_day=4)
    found = {}
    for channel in ("sms", "email"):
        answer = product.ok("GET", f"/optimal-send-time?user_id={user}&channel={channel}")
        assert answer["optimal_time"].endswith("+00:00")
        found[channel] = datetime.fromisoformat(answer["optimal_time"])
    assert (found["sms"].hour, found["sms"] >= product.clock.now()) == (17, True)
    assert (found["email"].weekday(), found["email"].hour) == (4, 9)
    assert product.ok("GET", f"/optimal-send-time?user_id={user}")["channel"] == "sms"


def test_a_fault_in_one_of_a_batch_is_said_in_a_sentence(product: Served) -> None:
    items: list[object] = [
        None,
        {"user_id": None, "trigger_type": "monthly_report", "data": {}},
        {"user_id": 5, "data": {}},
    ]
    found = product.ok("POST", "/batch", {"communications": items})["results"]
    assert [one["error"] for one in found] == [
        "Invalid body: must be a JSON object",
        "Missing required field: user_id",
        "Missing required field: trigger_type",
    ]


def test_a_switch_that_is_null_is_as_good_as_missing(product: Served) -> None:
    answer = product.ok("PUT", "/preferences/77123", {"alert_types_sms": {"weekly_checkin": None}})
    assert answer["preferences"]["alert_types_sms"] == {}


def test_a_web_address_is_sent_whole_or_the_message_refused(product: Served, user: int) -> None:
    url = "https://example.com/".ljust(900, "x")
    task_id = product.send(user, "educational_content", channel="email", data={"url": url})["task_id"]
    product.settle()
    assert product.status(task_id)["status"] == "SUCCESS"
    assert any(url in message["text"] and url in message["html"] for message in product.outbox(user, "email"))
    body = {"user_id": user, "trigger_type": "educational_content", "data": {"url": url + "x"}}
    answer = product.api.post("/send", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"] == (
        "Invalid data.url: holds a web address that would be cut: an address alone may have 900 characters, "
        "other text 300 with the addresses in it"
    )
    [failed] = product.ok("POST", "/batch", {"communications": [body]})["results"]
    assert failed["error"] == answer.json()["error"]


def test_a_time_may_be_written_in_lower_case(product: Served, user: int) -> None:
    task_id = product.send(user, scheduled_time="2027-01-27t10:00:00z")["task_id"]
    assert product.status(task_id)["status"] == "PENDING"


def test_quiet_hours_and_time_zone_are_unset_by_null(product: Served, user: int) -> None:
    def change(**fields: Any) -> tuple[str, Any]:
        shown = product.ok("PUT", f"/preferences/{user}", fields)["preferences"]
        return shown["time_zone"], shown["quiet_hours"]

    night = {"start": "22:00:00", "end": "06:00:00"}
    default = {"start": "21:00:00", "end": "08:00:00"}
    assert change(time_zone="Europe/Vienna", quiet_hours=night) == ("Europe/Vienna", night)
    assert change(sms_enabled=None) == ("Europe/Vienna", night)
    assert change(quiet_hours=None) == ("Europe/Vienna", default)
    assert change(quiet_hours=night) == ("Europe/Vienna", night)
    assert change(quiet_hours=None, time_zone=None) == ("UTC", None)
    assert change(quiet_hours=night, time_zone=None) == ("UTC", night)

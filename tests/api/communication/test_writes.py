"""What every write promises: the same key is the same write, what was written is read at once, changes do not cross."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from api import actions
from tests.api.communication.product import Served


def _send(product: Served, user_id: int) -> tuple[str, str, Any, Any]:
    product.agree(user_id)
    body = {"user_id": user_id, "trigger_type": "monthly_report", "data": {}}
    return "POST", "/send", body, body | {"data": {"month": "May"}}


def _batch(product: Served, user_id: int) -> tuple[str, str, Any, Any]:
    _, _, one, other = _send(product, user_id)
    return "POST", "/batch", {"communications": [one, {}, one]}, {"communications": [{}, other, other, other]}


def _verify(product: Served, user_id: int) -> tuple[str, str, Any, Any]:
    number = f"+1555{user_id:07}"
    product.ok("POST", "/consent/sms", {"user_id": user_id, "phone_number": number})
    body = {"phone_number": number, "verification_code": product.code(number)}
    return "POST", "/consent/sms/verify", body, body | {"verification_code": "000000"}


def ask(product: Served, method: str, path: str, body: Any, **headers: str) -> httpx2.Response:
    return product.api.request(method, path, headers=headers, **({} if body is None else {"json": body}))


def test_a_batch_with_faults_in_it_is_answered_as_it_was_and_another_size_is_a_conflict(product: Served) -> None:
    method, path, body, other = _batch(product, product.new_user())
    key = {"Idempotency-Key": str(uuid4())}
    first = ask(product, method, path, body, **key)
    product.settle()
    before = product.recorded()
    again = ask(product, method, path, body, **key)
    assert (again.status_code, again.json()) == (first.status_code, first.json()) == (200, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert ask(product, method, path, other, **key).status_code == 409
    product.settle()
    assert product.recorded() == before


def test_the_same_body_for_somebody_else_is_another_request(product: Served) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    one, other = (f"/preferences/{product.new_user()}" for _ in range(2))
    assert ask(product, "PUT", one, {"sms_enabled": False}, **key).status_code == 200
    assert ask(product, "PUT", other, {"sms_enabled": False}, **key).status_code == 409
    assert product.ok("GET", other)["preferences"]["sms_enabled"] is True


def test_a_repeated_change_gets_the_answer_it_got_then(product: Served) -> None:
    path = f"/preferences/{product.new_user()}"
    key = {"Idempotency-Key": str(uuid4())}
    then = product.ok("PUT", path, {"user_segment": "then"}, **key)
    product.ok("PUT", path, {"user_segment": "now"})
    assert product.ok("PUT", path, {"user_segment": "then"}, **key) == then
    assert product.ok("GET", path)["preferences"]["user_segment"] == "now"


def test_a_refusal_is_repeated_under_its_key_too(product: Served) -> None:
    user_id = product.new_user()
    body = {"user_id": user_id, "trigger_type": "monthly_report", "data": {}}
    key = {"Idempotency-Key": str(uuid4())}
    first = ask(product, "POST", "/send", body, **key)
    product.agree(user_id)
    again = ask(product, "POST", "/send", body, **key)
    assert (first.status_code, again.status_code) == (400, 400)
    assert again.json() == first.json()


def test_a_wrong_code_is_told_again_under_its_key_and_costs_one_try(product: Served) -> None:
    method, path, _, wrong = _verify(product, product.new_user())
    key = {"Idempotency-Key": str(uuid4())}
    answers = [ask(product, method, path, wrong, **key).json() for _ in range(3)]
    assert answers[0]["details"] == "4 tries left"
    assert answers[1:] == answers[:1] * 2


def test_a_request_that_was_never_decided_leaves_its_key_free(product: Served) -> None:
    method, path, body, _ = _send(product, product.new_user())
    key = {"Idempotency-Key": str(uuid4())}
    assert ask(product, method, path, body | {"channel": "pigeon"}, **key).status_code == 400
    assert ask(product, method, path, body, **key).status_code == 200


def test_many_at_once_with_one_key_send_one_message(product: Served) -> None:
    user_id = product.new_user()
    method, path, body, _ = _send(product, user_id)
    key = {"Idempotency-Key": str(uuid4())}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(product, method, path, body, **key), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["task_id"] for answer in answers}) == 1
    product.settle()
    assert len(product.outbox(user_id, "email")) == 1


def test_an_unchanged_preference_gets_its_answer_again(product: Served) -> None:
    path = f"/preferences/{product.new_user()}"
    product.ok("PUT", path, {"sms_enabled": False})
    key = {"Idempotency-Key": str(uuid4())}
    first = product.ok("PUT", path, {"sms_enabled": False}, **key)
    assert product.ok("PUT", path, {"sms_enabled": False}, **key) == first


def test_what_was_written_is_read_at_once_by_its_position(product: Served) -> None:
    path = f"/preferences/{product.new_user()}"
    for number in range(20):
        wanted = f"segment {number}"
        written = ask(product, "PUT", path, {"user_segment": wanted})
        position = written.headers["headwater-position"]
        read = product.ok("GET", path, **{"Headwater-Position": position})
        assert read["preferences"]["user_segment"] == wanted


def test_a_position_that_is_not_reached_is_503_and_not_an_old_answer(
    product: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "DEADLINE_SECONDS", 0.5)
    answer = product.api.get("/preferences/5", headers={"Headwater-Position": "communication/0/999999999"})
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["success"] is False


@pytest.mark.parametrize("position", ["communication/99/1", "nowhere/0/1", "communication/0/x"])
def test_a_position_that_nothing_can_have_is_a_bad_request_at_once(product: Served, position: str) -> None:
    answer = product.api.get("/preferences/5", headers={"Headwater-Position": position})
    assert answer.status_code == 400
    assert "Headwater-Position" in answer.json()["error"]


def test_a_change_that_is_based_on_what_has_changed_since_is_412(product: Served) -> None:
    path = f"/preferences/{product.new_user()}"
    seen = product.api.get(path).headers["etag"]
    assert ask(product, "PUT", path, {"sms_enabled": False}, **{"If-Match": seen}).status_code == 200
    late = ask(product, "PUT", path, {"sms_enabled": True}, **{"If-Match": seen})
    assert late.status_code == 412
    assert product.ok("GET", path)["preferences"]["sms_enabled"] is False
    now = product.api.get(path).headers["etag"]
    assert ask(product, "POST", f"{path}/reset", None, **{"If-Match": f"W/{now}"}).status_code == 200
    assert ask(product, "PUT", path, {}, **{"If-Match": "*"}).status_code == 200
    assert ask(product, "PUT", path, {}, **{"If-Match": "x"}).status_code == 400


def test_the_etag_counts_what_is_recorded_of_a_person_besides(product: Served) -> None:
    user_id = product.new_user()
    product.agree(user_id)
    product.send(user_id)
    product.settle()
    seen = product.api.get(f"/preferences/{user_id}").headers["etag"]
    assert ask(product, "PUT", f"/preferences/{user_id}", {"sms_enabled": False}, **{"If-Match": seen}).is_success


def test_the_outcome_of_a_write_can_be_looked_up(product: Served) -> None:
    user_id = product.new_user()
    product.agree(user_id)
    product.send(user_id)
    name = "communication.message.request.v1"
    found = "select command_id from headwater.journal where convert_from(data, 'UTF8')::jsonb->>'command' = %s"
    command_id = product.ask(found, name)[-1][0]
    url = f"{product.root}/communication/outcomes"
    known = product.api.get(f"{url}/{command_id}").json()
    assert (known["command_id"], known["status"]) == (str(command_id), "accepted")
    assert product.api.get(f"{url}/{uuid4()}").status_code == 404
    assert product.api.get(f"{url}/x").status_code == 400
    assert httpx2.get(f"{url}/{command_id}", timeout=60).status_code == 401


def test_one_bad_item_does_not_fail_the_others_of_a_batch(product: Served) -> None:
    user_id = product.new_user()
    product.agree(user_id)
    good = {"user_id": user_id, "trigger_type": "monthly_report", "data": {}}
    stranger = product.new_user()
    items: list[Any] = [
        good,
        good | {"trigger_type": "x"},
        None,
        [],
        {},
        good | {"user_id": "1"},
        good | {"user_id": stranger},
        good | {"channel": "sms"},
        good | {"data": {"x": float(2**70)}},
    ]
    answer = product.ok("POST", "/batch", {"communications": items})
    results = answer["results"]
    assert [result["success"] for result in results] == [True, False, False, False, False, False, False, True, True]
    assert [result["user_id"] for result in results] == [
        user_id,
        user_id,
        None,
        None,
        None,
        None,
        stranger,
        user_id,
        user_id,
    ]
    assert results[1]["error"] == "Invalid trigger type: x"
    assert results[4]["error"] == "Missing required field: user_id"
    assert "consent" in results[6]["error"]
    costs = [result["cost"] for result in results if result["success"]]
    assert answer["summary"] == {"total": 9, "successful": 3, "failed": 6, "total_cost": round(sum(costs), 6)}
    assert results[2]["error"] == "Invalid body: must be a JSON object"
    sent, failed = {"task_id", "cost"}, {"error"}
    assert [result.keys() - {"user_id", "success", "fallback_used"} for result in results] == [
        sent if result["success"] else failed for result in results
    ]


def test_a_batch_holds_a_hundred_and_no_more(product: Served) -> None:
    item = {"user_id": product.new_user(), "trigger_type": "monthly_report", "data": {}}
    assert product.ok("POST", "/batch", {"communications": [item] * 100})["summary"]["total"] == 100
    assert product.api.post("/batch", json={"communications": [item] * 101}).status_code == 400

"""Every request of the document verbatim, every key and type of its answers, every status it states."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.api.communication.exchanges import WEBHOOKS, Exchange, exchange
from tests.api.communication.serving import SCOPES, UNLIMITED, Served, contract, endpoint, serving
from tests.api.communication.shapes import departures, values_at
from tests.api.communication.signing import SECRETS

ENDPOINTS = [one["id"] for one in contract()["endpoints"]]
GUARDED = [id_ for id_ in ENDPOINTS if id_ not in WEBHOOKS and id_ != "health"]
WITH_BODY = [id_ for id_ in GUARDED if endpoint(id_)["request_example"] is not None]
WITH_TASK = ("status", "cancel")
WITH_QUERY = [
    id_
    for id_ in GUARDED
    if any(status["status"] == 400 for status in endpoint(id_)["errors"]) and endpoint(id_)["query"]
]
RECENT = "engagement_metrics.recent_communications[]"
NULLABLE = frozenset(f"{RECENT}.{name}" for name in ("sent_at", "delivered_at", "opened_at", "action_taken"))


@pytest.fixture(scope="module")
def product() -> Iterator[Served]:
    """The product, able to check signatures."""
    with serving(**SECRETS) as served:
        yield served


def error_of(answer: httpx2.Response, status: int) -> dict[str, Any]:
    """The body of an error, which has the document's shape whatever went wrong."""
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert body["success"] is False
    assert isinstance(body["error"], str)
    assert {"success", "error", "details", "context"} <= body.keys()
    return body


@pytest.mark.parametrize("id_", ENDPOINTS)
def test_the_documented_request_gets_the_documented_answer(product: Served, id_: str) -> None:
    documented = endpoint(id_)
    answer = exchange(product, id_).send(product)
    assert answer.status_code in documented["success_status_accept"], answer.text
    assert answer.headers["content-type"] == "application/json"
    example = documented["response_example"] or documented["proposed_response"]["body"]
    optional = NULLABLE | frozenset(documented.get("response_fields_conditional", {}).get("paths", ()))
    assert list(departures(example, answer.json(), optional=optional)) == []
    for path in documented["response_fields_required"]:
        assert values_at(answer.json(), path) or "[]" in path, path
    for path, allowed in documented["response_enums"].items():
        assert set(values_at(answer.json(), path)) <= set(allowed), path


@pytest.mark.parametrize("id_", ENDPOINTS)
def test_each_endpoint_is_reached_under_its_own_host_too(product: Served, id_: str) -> None:
    host = {"Host": f"communication.localhost:{product.port}"}
    path = endpoint(id_)["path"].format(user_id=123, task_id=uuid4())
    answer = httpx2.request(endpoint(id_)["method"], product.root + path, headers=host, timeout=60)
    expected = 200 if id_ == "health" else 401
    assert answer.status_code == expected, answer.text


@pytest.mark.parametrize("id_", GUARDED)
def test_without_a_token_nobody_gets_in(product: Served, id_: str) -> None:
    for wrong in ("", "Bearer", "Bearer x.y.z", "Basic dXNlcjpwYXNz", "Bearer " + "a" * 5000):
        answer = exchange(product, id_).send(product, Authorization=wrong)
        error_of(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"


def scopes_of(id_: str) -> set[str]:
    """What the contract says of an endpoint's scopes, with what it proposes in its notes."""
    stated = {scope for scope in SCOPES if scope in endpoint(id_)["permission_or_scope"]}
    return stated | ({"communication:read"} if id_ == "preferences-get" else set())


@pytest.mark.parametrize("id_", GUARDED)
def test_a_token_opens_what_its_scope_says_and_nothing_else(product: Served, id_: str) -> None:
    asked = exchange(product, id_)
    for scope in SCOPES:
        answer = asked.send(product, **product.bearer(scope))
        if scope not in scopes_of(id_):
            assert scope not in error_of(answer, 403)["error"]
        else:
            assert answer.status_code not in (401, 403), answer.text


@pytest.mark.parametrize("id_", GUARDED)
def test_every_answer_says_where_the_caller_stands_and_one_request_too_many_is_429(product: Served, id_: str) -> None:
    limits = endpoint(id_)["rate_limit"]["class"]
    assert endpoint(id_)["rate_limit"]["limit"].startswith(f"{documented_limit(limits)}/min")
    bearer = product.bearer(subject=f"limited {id_}", limits=UNLIMITED | {limits: "1/minute"})
    first, second = (exchange(product, id_).send(product, **bearer) for _ in range(2))
    assert first.headers["x-ratelimit-limit"] == "1"
    assert first.headers["x-ratelimit-remaining"] == "0"
    error_of(second, 429)
    assert 1 <= int(second.headers["retry-after"]) <= 61
    assert int(second.headers["x-ratelimit-reset"]) >= int(first.headers["x-ratelimit-reset"])


def test_nobody_uses_up_what_others_may_do(product: Served) -> None:
    one, other = (product.bearer(subject=subject, limits={"general": "1/minute"}) for subject in ("one", "other"))
    answers = [product.api.get("/trigger-types", headers=caller) for caller in (one, other, one, other)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]


def documented_limit(class_: str) -> int:
    """Requests a minute of a class."""
    found: int = contract()["rate_limits"]["classes"][class_]["requests"]
    return found


@pytest.mark.parametrize(
    ("class_", "id_"),
    [
        ("general", "trigger-types"),
        ("communication_sending", "send"),
        ("batch_operations", "batch"),
        ("analytics_queries", "analytics-summary"),
    ],
)
def test_without_a_claim_the_documented_limits_hold(product: Served, class_: str, id_: str) -> None:
    bearer = product.bearer(subject=f"ordinary {class_}", limits={})
    asked = Exchange(endpoint(id_)["method"], endpoint(id_)["path"].removeprefix("/api/communication"))
    answers = [asked.send(product, **bearer) for _ in range(documented_limit(class_) + 1)]
    left = [int(answer.headers["x-ratelimit-remaining"]) for answer in answers]
    assert left == [*range(documented_limit(class_) - 1, -1, -1), 0]
    assert [answer.status_code for answer in answers].count(429) == 1
    error_of(answers[-1], 429)


@pytest.mark.parametrize("id_", WITH_BODY)
def test_a_missing_field_is_named(product: Served, id_: str) -> None:
    documented = endpoint(id_)
    for field, about in documented["request_fields"].items():
        if about["required"] and "[]" not in field:
            body = {name: value for name, value in documented["request_example"].items() if name != field}
            path = documented["path"].removeprefix("/api/communication").format(user_id=123)
            error = error_of(product.api.request(documented["method"], path, json=body), 400)
            assert error["error"] == f"Missing required field: {field}"
            assert ("fallback_used" in error) == (id_ == "send")


@pytest.mark.parametrize("id_", WITH_QUERY)
def test_a_query_that_does_not_fit_is_400(product: Served, id_: str) -> None:
    path = endpoint(id_)["path"].removeprefix("/api/communication")
    for name in endpoint(id_)["query"]:
        for wrong in ("", "x", "2025-02-30", "2025-W05-1", "-1", "1e3", "٣", "9" * 30, "\0", "1_0"):
            query = {"user_id": 123} | {name: wrong}
            error = error_of(product.api.get(path, params=query), 400)
            assert error["error"].startswith(f"Invalid {name}"), error


def test_what_does_not_exist_is_404_in_the_documents_shape(product: Served) -> None:
    for task_id in (str(uuid4()), "abc123-def456-ghi789", "a" * 2000, "💥"):
        error_of(product.api.get(f"/status/{task_id}"), 404)
        error_of(product.api.get(f"/status/{task_id}/explanation"), 404)
        error_of(product.api.post(f"/cancel/{task_id}"), 404)
    error_of(product.api.get("/no-such-thing"), 404)
    error_of(product.api.get("/health/"), 404)
    assert error_of(product.api.delete("/send"), 405)
    assert product.api.delete("/send").headers["allow"] == "POST"


def test_an_unknown_trigger_type_gets_the_documents_words(product: Served) -> None:
    body = endpoint("send")["request_example"] | {"trigger_type": "unknown_trigger"}
    error = error_of(product.api.post("/send", json=body), 400)
    assert error["error"] == "Invalid trigger type: unknown_trigger"
    assert error["context"] == "send_communication"
    assert error["fallback_used"] is False


def test_a_message_that_is_out_or_cancelled_cannot_be_cancelled(product: Served) -> None:
    sent = exchange(product, "status").path.removeprefix("/status/")
    error_of(product.api.post(f"/cancel/{sent}"), 400)
    scheduled = exchange(product, "cancel")
    assert scheduled.send(product).status_code == 200
    error_of(scheduled.send(product), 400)


@pytest.mark.parametrize("id_", WEBHOOKS)
def test_a_webhook_without_a_fitting_signature_is_401_and_leaves_no_trace(product: Served, id_: str) -> None:
    asked = exchange(product, id_)
    assert asked.report is not None
    before = product.recorded()
    header = "X-Resend-Signature" if id_ == "webhook-resend" else "X-Twilio-Signature"
    for signature in ("", "x", asked.report.headers[header][:-2] + "=="):
        assert error_of(asked.send(product, **{header: signature}), 401)["error"] == "Invalid signature"
    for position in range(len(asked.report.content)):
        changed = bytearray(asked.report.content)
        changed[position] ^= 1
        report = asked.report._replace(content=bytes(changed))
        error_of(asked._replace(report=report).send(product), 401)
    assert product.recorded() == before

"""What goes wrong is said in the document's words, and a report that nobody signed leaves no trace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.api.communication.product import BASE, NAME, Served, contract, endpoint, serving
from tests.api.communication.reports import SECRETS
from tests.api.communication.surface import SURFACE
from tests.api.conformance import Operation, Request, operations

ENDPOINTS = [one["id"] for one in contract()["endpoints"]]
GUARDED = [id_ for id_ in ENDPOINTS if endpoint(id_)["auth"].startswith("Authorization")]
WITH_BODY = [id_ for id_ in GUARDED if endpoint(id_)["request_example"] is not None]
WITH_QUERY = [
    id_
    for id_ in GUARDED
    if any(status["status"] == 400 for status in endpoint(id_)["errors"]) and endpoint(id_)["query"]
]
SIGNED = operations(lambda one: one.surface is SURFACE and one.path.startswith(f"{BASE}/webhooks"))


@pytest.fixture(scope="module")
def product() -> Iterator[Served]:
    """The product, able to check signatures."""
    with serving(**SECRETS) as served:
        yield served


def error_of(answer: httpx2.Response, status: int) -> dict[str, Any]:
    """The body of an error, which has the document's shape whatever went wrong."""
    return SURFACE.error(answer, status)


def prepared(product: Served, key: str) -> Request:
    """The documented request of an operation, everything it needs having happened."""
    operation = next(one for one in SURFACE.operations if one.key == key)
    return SURFACE.request(operation, product, "tester")


@pytest.mark.parametrize("id_", WITH_BODY)
def test_a_missing_field_is_named(product: Served, id_: str) -> None:
    documented = endpoint(id_)
    for field, about in documented["request_fields"].items():
        if about["required"] and "[]" not in field:
            body = {name: value for name, value in documented["request_example"].items() if name != field}
            path = documented["path"].removeprefix(BASE).format(user_id=123)
            error = error_of(product.api.request(documented["method"], path, json=body), 400)
            assert error["error"] == f"Missing required field: {field}"
            assert ("fallback_used" in error) == (id_ == "send")


@pytest.mark.parametrize("id_", WITH_QUERY)
def test_a_query_that_does_not_fit_is_400(product: Served, id_: str) -> None:
    path = endpoint(id_)["path"].removeprefix(BASE)
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
    sent = prepared(product, f"GET {BASE}/status/{{task_id}}").path.rpartition("/")[2]
    error_of(product.api.post(f"/cancel/{sent}"), 400)
    scheduled = prepared(product, f"POST {BASE}/cancel/{{task_id}}")
    caller = product.authorization(NAME)
    assert SURFACE.send(product, scheduled, caller).status_code == 200
    error_of(SURFACE.send(product, scheduled, caller), 400)


@pytest.mark.parametrize("operation", SIGNED)
def test_a_webhook_without_a_fitting_signature_is_401_and_leaves_no_trace(
    product: Served, operation: Operation
) -> None:
    asked = prepared(product, operation.key)
    assert asked.sign is not None
    content, signed = asked.sign(f"{product.root}/{NAME}{asked.path}", asked.body)
    before = product.recorded()
    header = "X-Resend-Signature" if operation.path.endswith("/resend") else "X-Twilio-Signature"
    for signature in ("", "x", signed[header][:-2] + "=="):
        answer = SURFACE.send(product, asked, {header: signature})
        assert error_of(answer, 401)["error"] == "Invalid signature"
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 1
        forged = asked._replace(sign=lambda *_, forgery=bytes(changed): (forgery, signed))
        error_of(SURFACE.send(product, forged, {}), 401)
    assert product.recorded() == before

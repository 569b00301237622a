"""Each field wrong in every way: the documented 400 (or 413) in the document's envelope, and nothing on record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.api.communication.product import Served, endpoint
from tests.api.conformance import LIBRARY

EXAMPLES: dict[str, tuple[str, str]] = {
    "send": ("POST", "/send"),
    "batch": ("POST", "/batch"),
    "preferences-update": ("PUT", "/preferences/123"),
    "consent-sms-grant": ("POST", "/consent/sms"),
    "consent-sms-verify": ("POST", "/consent/sms/verify"),
    "consent-email-grant": ("POST", "/consent/email"),
    "consent-revoke": ("POST", "/consent/revoke"),
    "opt-out": ("POST", "/opt-out"),
    "consent-check": ("POST", "/consent/check"),
}
HOSTILE = [
    "",
    " ",
    "\0",
    "a\0b",
    "x" * 300,
    "'; drop table x; --",
    "<script>alert(1)</script>",
    "💥" * 100,
    "\u202e",
    "{{7*7}}",
    "../../etc/passwd",
    "%s%n",
    "1e3",
    "NaN",
    "null",
    "true",
]
NUMBERS = [0, -1, 1.5, 2**63, 2**64, -(2**63) - 1, 10**400, 1e308]
SHAPES: list[Any] = [None, True, False, [], {}, [[]], [None], {"a": 1}]
WRONG: dict[str, list[Any]] = {
    "integer": [*SHAPES, *NUMBERS, *HOSTILE, "123"],
    "string": [*SHAPES, *NUMBERS, *HOSTILE],
    "date-time": [
        *SHAPES[1:],
        *NUMBERS,
        *HOSTILE,
        "2025-13-01T00:00:00Z",
        "2025-02-30T10:00:00Z",
        "now",
        "10:00",
        "0000-00-00T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2025-01-27T10:00:00+99:00",
        "٣",
    ],
    "object": [None, True, [], [[]], *NUMBERS, *HOSTILE],
    "boolean": [*SHAPES[3:], *NUMBERS, 1, *HOSTILE],
    "time": [*SHAPES[1:], *NUMBERS, *HOSTILE, "25:00:00", "09:60", "09:00:00+02:00"],
    "day": [*SHAPES[1:], 7, *NUMBERS[1:], *HOSTILE],
    "switches": [
        True,
        [],
        *NUMBERS,
        *HOSTILE,
        {"bogus": True},
        {"financial_alert": "yes"},
        {"financial_alert": 1},
    ],
    "phone": [
        *SHAPES,
        *NUMBERS,
        *HOSTILE,
        "1234567890",
        "+0123456789",
        "+12345678901234567",
        "+12 34567890",
        "+٣٤٥٦٧٨٣٤",
        "+12345",
    ],
    "code": [*SHAPES, *NUMBERS, *HOSTILE, 123456, "12345", "1234567", "٣٤٥٦٧٨", "-12345"],
    "email": [
        *SHAPES,
        *NUMBERS,
        *HOSTILE,
        "user",
        "@example.com",
        "user@",
        "a@b@c.example",
        "user@exa mple.com",
        "u" * 300 + "@example.com",
        "user@example.com\r\nBcc: all@example.com",
    ],
    "types": [
        True,
        [],
        [None],
        [""],
        ["all"],
        [1],
        {"a": 1},
        "monthly_report",
        *NUMBERS,
        ["monthly_report", "x"],
        ["monthly_report"] * 50,
    ],
    "words": [*SHAPES[1:], *NUMBERS, "x" * 201, "a\0b"],
    "choice": [*SHAPES[1:], *NUMBERS, *HOSTILE, "SMS", "sms "],
    "items": [None, True, {}, [], *NUMBERS, *HOSTILE, [{}] * 101],
}
"""By kind of field, what does not fit. None is left out where a field may be null."""

FIELDS: dict[str, dict[str, str]] = {
    "send": {
        "user_id": "integer",
        "trigger_type": "string",
        "data": "object",
        "channel": "choice",
        "priority": "choice",
        "scheduled_time": "date-time",
    },
    "batch": {"communications": "items"},
    "preferences-update": {
        "sms_enabled": "boolean",
        "email_enabled": "boolean",
        "preferred_sms_time": "time",
        "preferred_email_day": "day",
        "alert_types_sms": "switches",
        "alert_types_email": "switches",
        "frequency_preference": "choice",
    },
    "consent-sms-grant": {"user_id": "integer", "phone_number": "phone", "consent_source": "words"},
    "consent-sms-verify": {"phone_number": "phone", "verification_code": "code"},
    "consent-email-grant": {
        "user_id": "integer",
        "email": "email",
        "message_types": "types",
        "consent_source": "words",
    },
    "consent-revoke": {"user_id": "integer", "channel": "choice", "message_types": "types", "reason": "words"},
    "opt-out": {"user_id": "integer", "channel": "choice", "message_type": "choice", "reason": "words"},
    "consent-check": {"user_id": "integer", "message_type": "string", "channel": "choice", "as_of": "date-time"},
}

CASES = [(id_, field) for id_, fields in FIELDS.items() for field in fields]


@pytest.fixture(autouse=True)
def nothing_is_recorded(product: Served) -> Iterator[None]:
    """Whatever a test here sends leaves no record, but for refusals."""
    facts = "select count(*) from headwater.journal where name <> 'headwater.command.decided.v2'"
    before = product.ask(facts)
    yield
    assert product.ask(facts) == before


def refused(answer: httpx2.Response, status: int = 400) -> dict[str, Any]:
    """The error's body, which has the document's keys and keeps within bounds."""
    assert answer.status_code == status, (answer.status_code, answer.text[:500])
    body: dict[str, Any] = answer.json()
    assert body["success"] is False
    assert {"success", "error", "details", "context"} <= body.keys()
    assert len(answer.content) < 10_000
    assert LIBRARY.search(answer.text) is None, answer.text
    return body


def post(product: Served, id_: str, body: Any) -> httpx2.Response:
    """Posts whatever JSON that Python can be made to write, huge and odd numbers among it."""
    method, path = EXAMPLES[id_]
    content = json.dumps(body).encode()
    return product.api.request(method, path, content=content, headers={"Content-Type": "application/json"})


@pytest.mark.parametrize(("id_", "field"), CASES)
def test_a_field_that_does_not_fit_is_named(product: Served, id_: str, field: str) -> None:
    for wrong in WRONG[FIELDS[id_][field]]:
        error = refused(post(product, id_, endpoint(id_)["request_example"] | {field: wrong}))
        what = "trigger type" if error["error"].startswith("Invalid trigger type: ") else field
        starts = (f"Missing required field: {field}",) if wrong is None else (f"Invalid {what}", "Invalid body")
        assert error["error"].startswith(starts), (wrong, error)


SAID: list[tuple[str, dict[str, Any], str]] = [
    ("send", {"user_id": None}, "Missing required field: user_id"),
    ("send", {"user_id": "123"}, "Invalid user_id: must be a whole number"),
    ("send", {"user_id": 0}, "Invalid user_id: must be 1 or more"),
    ("send", {"data": None}, "Missing required field: data"),
    ("send", {"data": []}, "Invalid data: must be a JSON object"),
    ("send", {"channel": "fax"}, "Invalid channel: must be 'sms', 'email' or 'both'"),
    (
        "send",
        {"scheduled_time": "now"},
        "Invalid scheduled_time: must be a date and time (RFC 3339), as 2025-01-27T10:00:00Z",
    ),
    ("batch", {"communications": []}, "Invalid communications: must have 1 item or more"),
    ("batch", {"communications": [{}] * 101}, "Invalid communications: must have 100 items or fewer"),
    (
        "consent-sms-grant",
        {"phone_number": "0151 23456"},
        "Invalid phone_number: must be a phone number in international form, as +15551234567",
    ),
    ("consent-sms-verify", {"verification_code": "12"}, "Invalid verification_code: must be six digits"),
    ("consent-email-grant", {"email": "a@b"}, "Invalid email: must be an e-mail address, as name@example.com"),
    ("consent-email-grant", {"message_types": []}, "Invalid message_types: must have 1 item or more"),
    ("consent-email-grant", {"message_types": [None]}, "Invalid message_types.0: must not be null"),
    ("consent-email-grant", {"consent_source": "x" * 201}, "Invalid consent_source: must have 200 characters or fewer"),
    ("preferences-update", {"sms_enabled": "yes"}, "Invalid sms_enabled: must be true or false"),
    ("preferences-update", {"preferred_email_day": 7}, "Invalid preferred_email_day: must be 6 or less"),
    ("preferences-update", {"alert_types_sms": {"weekly_checkin": 1}}, "must be true or false"),
    (
        "preferences-update",
        {"quiet_hours": {"start": None, "end": "08:00"}},
        "Missing required field: quiet_hours.start",
    ),
]


@pytest.mark.parametrize(("id_", "fields", "said"), SAID)
def test_a_fault_is_said_in_a_sentence(product: Served, id_: str, fields: dict[str, Any], said: str) -> None:
    example = {} if id_ == "preferences-update" else endpoint(id_)["request_example"]
    assert refused(post(product, id_, example | fields))["error"].endswith(said)


def test_a_body_that_is_no_json_is_said_with_its_place(product: Served) -> None:
    answer = product.api.post("/send", content=b'{"user_id": 123,\n "data": }')
    assert refused(answer)["error"] == "Invalid body: is not valid JSON (line 2, column 10)"


def test_a_type_where_a_list_of_types_belongs_is_not_called_unknown(product: Served) -> None:
    body = {"user_id": 1, "email": "a@example.com", "message_types": "monthly_report"}
    error = refused(product.api.post("/consent/email", json=body))
    assert error["error"].startswith("Invalid message_types: ")
    error = refused(product.api.post("/consent/email", json=body | {"message_types": ["monthly"]}))
    assert error["error"] == "Invalid trigger type: monthly"


@pytest.mark.parametrize(
    "data",
    [
        {"x": float("nan")},
        {"x": [float("inf")]},
        {"x": 2**64},
        {"x": "\0"},
        {"\0": 1},
        {"x": "y" * 16_384},
        {"x": "\ud800"},
        {"\udfff": 1},
    ],
)
def test_data_that_cannot_be_kept_is_refused(product: Served, data: dict[str, Any]) -> None:
    refused(post(product, "send", endpoint("send")["request_example"] | {"data": data}))


def test_data_nested_beyond_sense_is_refused(product: Served) -> None:
    nested: Any = 1
    for _ in range(17):
        nested = {"x": nested}
    refused(post(product, "send", endpoint("send")["request_example"] | {"data": nested}))


def test_thousands_of_faults_are_told_in_few_words(product: Served) -> None:
    switches = {f"type {number} {'x' * 50}": True for number in range(5000)}
    refused(post(product, "preferences-update", {"alert_types_sms": switches}))
    refused(post(product, "preferences-update", {"alert_types_sms": {"x" * 500_000: True}}))


@pytest.mark.parametrize("user_id", ["0", "-5", "abc", "1.0", "1e3", "1_0", "+1", "%20123", "9223372036854775808", "٣"])
def test_a_user_id_in_the_path_is_a_whole_number(product: Served, user_id: str) -> None:
    for method, path in (("GET", ""), ("PUT", ""), ("POST", "/reset")):
        refused(product.api.request(method, f"/preferences/{user_id}{path}", json={}))
    refused(product.api.get(f"/analytics/user/{user_id}"))


@pytest.mark.parametrize("name", ["time_zone", "user_segment", "quiet_hours"])
def test_our_own_preferences_are_checked_as_the_documents_are(product: Served, name: str) -> None:
    wrong = [True, 5, [], "", "\0", "x" * 200]
    more = [{}, {"start": "22:00"}, {"start": "x", "end": "y"}, {"start": None, "end": None}]
    for value in wrong + (more if name == "quiet_hours" else [{}]):
        refused(post(product, "preferences-update", {name: value}))


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50)
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5), max_leaves=15
)


@pytest.mark.parametrize("id_", EXAMPLES)
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_json_comes_is_answered_in_the_documents_shape(product: Served, id_: str, data: st.DataObject) -> None:
    fields = endpoint(id_)["request_example"]
    name = data.draw(st.sampled_from(sorted(fields)))
    value = data.draw(ANYTHING)
    # nobody consents here, so that even what fits is refused; elsewhere the other fields are left out
    body = fields | {name: value} if id_ in ("send", "consent-sms-verify", "consent-check") else {name: value}
    if id_ == "preferences-update":
        body = {"sms_enabled": data.draw(ANYTHING.filter(lambda one: one is not None and not isinstance(one, bool)))}
    if id_ == "batch":
        body = {"communications": value}
        assume(not isinstance(value, list) or not value)
    answer = post(product, id_, body)
    assert answer.status_code in ((200, 400) if id_ == "consent-check" else (400,)), answer.text

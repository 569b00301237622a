"""Bad requests to every operation: each gets an answer in the surface's envelope, never a 500, and leaves no record."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from api.routing import MAX_BODY_BYTES
from tests.api.conformance import JSON, NONE, Operation, operations
from tests.api.product import Served
from tests.api.schemas import faults


def queries(operation: Operation) -> dict[str, dict[str, Any]]:
    """The schemas of its query's parameters, by their names."""
    return {one["name"]: one["schema"] for one in operation.described.get("parameters", ()) if one["in"] == "query"}


def takes(operation: Operation, schema: dict[str, Any], text: str) -> bool:
    """Whether a parameter is a free text that may be this one."""
    kinds = [kind for kind in schema.get("anyOf", (schema,)) if kind.get("type") != "null"]
    free = all(kind.get("type") == "string" and not kind.keys() & {"enum", "const", "format"} for kind in kinds)
    return free and faults(operation.surface.document, schema, text) == []


WITH_BODY = operations(lambda one: one.guarded and one.schema)
READS = operations(lambda one: one.guarded and one.method == "GET" and one.key not in one.surface.static)
WRITES = operations(lambda one: one.writes)
WITH_PATH = operations(lambda one: one.guarded and "{" in one.path)
WITH_QUERY = operations(lambda one: one.guarded and queries(one))

NO_OBJECT = [b"[]", b'"text"', b"null", b"5", b"true"]
NO_JSON = [
    b"not json",
    b"{",
    b"{'topic': 'x'}",
    b'{"user_id": 123,}',
    b'{"topic": NaN',
    b"\xff\xfe",
    b'{"a": "\xff"}',
    b'{"a": "\x00"}',
    b'{"a": "\\ud800"}',
    b'{"topic": "\\ud800"}',
    b'{"user_id": "\\ud800"}',
    b'{"user_id": NaN}',
    b"[" * 100_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    b'{"a":' * 50_000,
]
OTHER_TYPES = [
    (b"user_id=123&trigger_type=financial_alert", "application/x-www-form-urlencoded"),
    (b"a=b&c=d", JSON),
    (b"<user_id>123</user_id>", "application/xml"),
    (
        b'--x\r\nContent-Disposition: form-data; name="user_id"\r\n\r\n123\r\n--x--\r\n',
        "multipart/form-data; boundary=x",
    ),
]
BODIES = [*((content, JSON) for content in (b"", *NO_OBJECT, *NO_JSON)), *OTHER_TYPES]
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
    "٣",
]
NUMBERS = [0, -1, 1.5, 2**63, 2**64, -(2**63) - 1, 10**400, 1e308]
SHAPES: list[Any] = [True, False, [], {}, [[]], [None], {"a": 1}]
VALUES: list[Any] = [*SHAPES, *NUMBERS, *HOSTILE]
NO_IDS = ["0", "-5", "abc", "1.0", "1e3", "1_0", "+1", "%20123", "9223372036854775808", "٣", "💥"]
POSITIONS = ["", "x", "{0}", "{0}/1", "{0}/x/1", "{0}/-1/1", "/0/1", "{0}/0/1/2", "{0}/99/1", "nowhere/0/1"]
VERSIONS = ["", "x", "-1", '"-1"', '"1_0"', '"1.0"', f'"{2**63}"', '"' + "9" * 5000]


class Sender:
    """A caller of one operation who has done nothing yet, and who is to leave no trace but refusals."""

    def __init__(self, product: Served, operation: Operation) -> None:
        self.operation, self.subject = operation, str(uuid4())
        self._product = product
        self._headers = product.authorization(operation.surface.name, subject=self.subject)

    def send(
        self,
        content: bytes | Iterator[bytes] | None = None,
        path: Mapping[str, object] = NONE,
        query: Mapping[str, str] = NONE,
        headers: Mapping[str, str] = NONE,
    ) -> httpx2.Response:
        """The answer to a request about nothing that exists."""
        values = self.operation.path_values() | dict(path)
        url = f"/{self.operation.surface.mount}{self.operation.path}".format(**values)
        return self._product.http.request(
            self.operation.method, url, content=content, params=dict(query), headers={**self._headers, **headers}
        )

    def recorded(self) -> list[tuple[Any, ...]]:
        """What this caller did, but for refusals."""
        facts = "select name from headwater.journal where actor = %s and name <> 'headwater.command.decided.v2'"
        return self._product.ask(facts, f"client:{self.subject}")


@pytest.fixture
def sender(product: Served, operation: Operation) -> Iterator[Sender]:
    """A sender of whom nothing is on record when the test is over."""
    made = Sender(product, operation)
    yield made
    assert made.recorded() == []


@pytest.mark.parametrize("operation", WITH_BODY)
@pytest.mark.parametrize("number", range(len(BODIES)))
def test_a_body_that_is_no_fitting_json_is_refused(sender: Sender, operation: Operation, number: int) -> None:
    content, content_type = BODIES[number]
    if not content and not operation.described["requestBody"].get("required"):
        return
    operation.surface.check_refusal(operation, sender.send(content, headers={"Content-Type": content_type}))


@pytest.mark.parametrize("operation", WITH_BODY)
def test_a_body_without_end_is_413(sender: Sender, operation: Operation) -> None:
    most = operation.surface.largest.get(operation.key, MAX_BODY_BYTES)
    whole = b'{"data": "' + b"x" * most + b'"}'
    operation.surface.error(sender.send(whole), 413)
    operation.surface.error(sender.send(whole[at : at + 65536] for at in range(0, len(whole), 65536)), 413)


@pytest.mark.parametrize("operation", WITH_BODY)
def test_a_field_that_does_not_fit_is_refused(sender: Sender, operation: Operation) -> None:
    surface, example = operation.surface, operation.example or {}
    assert operation.schema is not None
    properties = surface.resolved(operation.schema)["properties"]
    sent = 0
    for field, value in ((field, value) for field in properties for value in VALUES):
        if value not in surface.blank and faults(surface.document, operation.schema, {**example, field: value}):
            sent += 1
            answer = sender.send(json.dumps({**example, field: value}).encode())
            assert (field, value, answer.status_code) == (field, value, surface.invalid), answer.text
            surface.check_refusal(operation, answer)
    assert sent


def nested(operation: Operation) -> Iterator[tuple[str, str]]:
    """The fields one level down, with the field that holds them."""
    surface = operation.surface
    assert operation.schema is not None
    for field, schema in surface.resolved(operation.schema)["properties"].items():
        for kind in (schema, *schema.get("anyOf", ())):
            yield from ((field, name) for name in surface.resolved(kind).get("properties", ()))


@pytest.mark.parametrize("operation", WITH_BODY)
def test_a_field_one_level_down_that_does_not_fit_is_refused(sender: Sender, operation: Operation) -> None:
    surface, example = operation.surface, operation.example or {}
    assert operation.schema is not None
    for (field, name), value in ((pair, value) for pair in nested(operation) for value in VALUES):
        inner: dict[str, Any] = example[field] if isinstance(example.get(field), dict) else {}
        body = {**example, field: {**inner, name: value}}
        if value not in surface.blank and faults(surface.document, operation.schema, body):
            surface.check_refusal(operation, sender.send(json.dumps(body).encode()))


@pytest.mark.parametrize("operation", WITH_BODY)
def test_null_in_place_of_a_required_field_is_as_good_as_none(sender: Sender, operation: Operation) -> None:
    surface, example = operation.surface, operation.example or {}
    assert operation.schema is not None
    for field in surface.resolved(operation.schema).get("required", ()):
        without = {name: value for name, value in example.items() if name != field}
        answers = [sender.send(json.dumps(body).encode()) for body in (without, {**example, field: None})]
        told = [surface.check_refusal(operation, answer) for answer in answers]
        assert surface.sentence(told[0]) == surface.sentence(told[1])
        assert "issing required field" in surface.sentence(told[0])
        assert field in surface.sentence(told[0])


@pytest.mark.parametrize("operation", WITH_PATH)
@pytest.mark.parametrize("value", NO_IDS)
def test_a_path_that_names_nothing_is_refused(sender: Sender, operation: Operation, value: str) -> None:
    path = dict.fromkeys(operation.path_values(), value)
    operation.surface.error(sender.send(b"{}", path=path), operation.surface.invalid, 404)


@pytest.mark.parametrize("operation", WITH_QUERY)
def test_a_query_that_does_not_fit_is_refused(sender: Sender, operation: Operation) -> None:
    content = json.dumps(operation.example).encode() if operation.schema else None
    surface, wrongs = operation.surface, ("", "x", "2025-02-30", "-1", "1e3", "9" * 30, "\0")
    for name, schema in queries(operation).items():
        for wrong in (one for one in wrongs if not takes(operation, schema, one)):
            answer = sender.send(content, query={"user_id": "123", name: wrong})
            assert name in surface.sentence(surface.check_refusal(operation, answer))


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize("position", POSITIONS)
def test_a_position_that_nothing_can_have_is_refused(sender: Sender, operation: Operation, position: str) -> None:
    header = {"Headwater-Position": position.format(operation.surface.name)}
    answer = sender.send(headers=header)
    surface = operation.surface
    assert "Headwater-Position" in surface.sentence(surface.check_refusal(operation, answer))


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_version_that_is_none_is_refused(product: Served, operation: Operation, version: str) -> None:
    surface, subject = operation.surface, str(uuid4())
    request = surface.request(operation, product, subject)
    headers = product.authorization(surface.name, subject=subject)
    surface.check_refusal(operation, surface.send(product, request, headers | {"If-Match": version}))

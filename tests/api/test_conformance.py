"""Every request of every document verbatim, its answer in the document's form, its limits, and who may ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx2
import pytest

import bootstrap
from tests.api.conformance import Operation, Request, Surface, operations, surfaces
from tests.api.product import Served, unlimited
from tests.api.schemas import Leeway, departures, values_at


def required(operation: Operation) -> list[str]:
    """The fields that the document requires, but those within others."""
    fields = operation.contract["request_fields"].items()
    return [name for name, about in fields if about["required"] and "[]" not in name]


def without(body: Mapping[str, Any], name: str, *within: str) -> dict[str, Any]:
    """A body without the field at a path."""
    inner = {name: without(body[name], *within)} if within else {}
    return {key: value for key, value in body.items() if key != name} | inner


def nullable(operation: Operation) -> list[str]:
    """The fields that the contract says may be null, but those within lists, and those that an object needs."""
    fields = operation.contract["request_fields"].items()
    needed = operation.surface.needed_by_others
    named = [name for name, about in fields if about.get("nullable") and "[]" not in name and name not in needed]
    return [name for name in named if "." not in name or name.rpartition(".")[2] not in needed_within(operation, name)]


def needed_within(operation: Operation, name: str) -> list[str]:
    """The fields that the object needs in which a field is."""
    surface, schema = operation.surface, operation.schema or {}
    inner = surface.resolved(schema)["properties"][name.partition(".")[0]]
    kinds = [surface.resolved(kind) for kind in (inner, *inner.get("anyOf", ()))]
    return [needed for kind in kinds for needed in kind.get("required", ())]


def nulled(body: Mapping[str, Any], name: str, *within: str) -> dict[str, Any]:
    """A body with null at a path."""
    return {**body, name: nulled(body.get(name) or {}, *within) if within else None}


DOCUMENTED = operations(lambda one: one.documented)
GUARDED = operations(lambda one: one.guarded)
LIMITED = operations(lambda one: one.documented and one.contract["rate_limit"])
WITH_FIELDS = operations(lambda one: one.guarded and one.documented and required(one))
WITH_NULLABLE = operations(lambda one: one.guarded and one.documented and nullable(one))
SURFACES = [pytest.param(surface, id=surface.name) for surface in surfaces()]
UNITS = {60: "min", 3600: "hour", 86400: "day"}
WRONG_TOKENS = ("", "Bearer", "Bearer x.y.z", "Basic dXNlcjpwYXNz", "Bearer " + "a" * 5000)


def check_documented(operation: Operation, answer: httpx2.Response) -> None:
    """Status, type, every key and type of the example, every required field, every value of an enumeration."""
    documented, surface = operation.contract, operation.surface
    assert answer.status_code in documented["success_status_accept"], answer.text
    assert answer.headers["content-type"].partition(";")[0] == documented["response_content_type"]
    example = operation.documented_answer
    if example is not None:
        conditional = documented.get("response_fields_conditional", {}).get("paths", ())
        maps = surface.leeway.maps | set(documented.get("response_maps", ()))
        leeway = Leeway(surface.leeway.optional | set(conditional), maps, surface.leeway.fractions)
        assert list(departures(example, answer.json(), leeway)) == []
    for path in documented["response_fields_required"]:
        assert values_at(answer.json(), path) or (surface.may_be_empty and "[]" in path), path
    for path, allowed in documented["response_enums"].items():
        assert set(values_at(answer.json(), path)) <= set(allowed), path


@pytest.mark.parametrize("operation", DOCUMENTED)
def test_the_documented_request_gets_the_documented_answer(product: Served, operation: Operation) -> None:
    surface, subject = operation.surface, str(uuid4())
    request = surface.request(operation, product, subject, verbatim=True)
    check_documented(operation, surface.send(product, request, product.authorization(surface.name, subject=subject)))


@pytest.mark.parametrize("operation", DOCUMENTED)
def test_each_endpoint_is_reached_under_its_own_host_too(product: Served, operation: Operation) -> None:
    surface, subject = operation.surface, str(uuid4())
    request = surface.request(operation, product, subject)
    headers = product.authorization(surface.name, subject=subject)
    answer = surface.send(product, request, headers, own_host=True)
    assert answer.status_code in operation.contract["success_status_accept"], answer.text


VARYING = frozenset({"date", "x-correlation-id", "x-ratelimit-remaining", "x-ratelimit-reset", "transfer-encoding"})


def fixed(answer: httpx2.Response) -> dict[str, str]:
    """The headers that do not change from one answer to the next."""
    return {name: value for name, value in answer.headers.items() if name not in VARYING}


@pytest.mark.parametrize("operation", operations(lambda one: one.method == "GET"))
def test_head_is_answered_as_get_without_a_body(product: Served, operation: Operation) -> None:
    surface, subject = operation.surface, str(uuid4())
    request = surface.request(operation, product, subject)
    for headers in (product.authorization(surface.name, subject=subject), {}):
        got, head = (surface.send(product, request._replace(method=method), headers) for method in ("GET", "HEAD"))
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert fixed(head).keys() == fixed(got).keys()
        assert fixed(head)["content-type"] == fixed(got)["content-type"]


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/redoc/redoc.standalone.js"])
def test_head_is_answered_for_the_pages_too(product: Served, surface: Surface, path: str) -> None:
    got, head = (product.http.request(method, f"/{surface.mount}{path}") for method in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (200, b"")
    assert fixed(head) == fixed(got)


@pytest.mark.parametrize("path", ["/", "/health", "/ready", "/metrics"])
def test_head_is_answered_for_the_state_of_the_process(product: Served, path: str) -> None:
    head = product.http.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) > 0


@pytest.mark.parametrize("operation", operations(lambda one: one.method == "POST"))
def test_head_is_no_way_to_write(product: Served, operation: Operation) -> None:
    if any(one.path == operation.path and one.method == "GET" for one in operation.surface.operations):
        return
    path = operation.path.format(**operation.path_values())
    answer = product.http.head(f"/{operation.surface.mount}{path}")
    assert (answer.status_code, answer.content) == (405, b"")
    assert "HEAD" not in answer.headers["allow"]


@pytest.mark.parametrize("operation", operations(lambda one: one.method == "GET"))
def test_what_a_path_allows_names_head_beside_get(product: Served, operation: Operation) -> None:
    path = operation.path.format(**operation.path_values())
    answer = product.http.patch(f"/{operation.surface.mount}{path}")
    assert answer.status_code == 405
    assert {"GET", "HEAD"} <= set(answer.headers["allow"].split(", "))


@pytest.mark.parametrize("operation", GUARDED)
def test_without_a_token_nobody_gets_in(product: Served, operation: Operation) -> None:
    surface = operation.surface
    request = surface.request(operation, product, str(uuid4()))
    credential = product.surface(surface.name).credential
    for wrong in WRONG_TOKENS:
        answer = surface.send(product, request, {credential.header: wrong})
        surface.error(answer, 401)
        assert answer.headers["www-authenticate"] == credential.challenge


@pytest.mark.parametrize("operation", operations(lambda one: one.guarded and one.documented))
def test_a_token_opens_what_its_scope_says_and_nothing_else(product: Served, operation: Operation) -> None:
    surface, subject = operation.surface, str(uuid4())
    request = surface.request(operation, product, subject)
    for scope in (*bootstrap.SURFACES[surface.name].credential.scopes, "something:else"):
        answer = surface.send(product, request, product.authorization(surface.name, scope, subject=subject))
        if scope not in surface.scopes_of(operation):
            assert scope not in surface.sentence(surface.error(answer, 403))
        else:
            assert answer.status_code not in (401, 403), answer.text


@pytest.mark.parametrize("operation", GUARDED)
def test_one_request_too_many_is_429(product: Served, operation: Operation) -> None:
    surface, subject = operation.surface, str(uuid4())
    once = dict.fromkeys(unlimited(surface.name), "1/minute")
    request = surface.request(operation, product, subject)
    headers = product.authorization(surface.name, subject=subject, limits=once)
    first, second = (surface.send(product, request, headers) for _ in range(2))
    assert first.headers["x-ratelimit-limit"] == "1"
    assert first.headers["x-ratelimit-remaining"] == "0"
    surface.error(second, 429)
    assert 1 <= int(second.headers["retry-after"]) <= 61
    assert int(second.headers["x-ratelimit-reset"]) >= int(first.headers["x-ratelimit-reset"])


@pytest.mark.parametrize("operation", LIMITED)
def test_every_answer_says_how_much_of_the_documented_limit_is_left(product: Served, operation: Operation) -> None:
    surface, subject = operation.surface, str(uuid4())
    request = surface.request(operation, product, subject)
    answer = surface.send(product, request, product.authorization(surface.name, subject=subject, limits={}))
    most, window = surface.documented_limit(operation), surface.documented_window(operation)
    stated = operation.contract["rate_limit"]
    assert (stated.get("limit") or stated["basic"]).startswith(f"{most}/{UNITS[window]}")
    assert int(answer.headers["X-RateLimit-Limit"]) == most
    assert int(answer.headers["X-RateLimit-Remaining"]) == most - 1
    assert 0 < int(answer.headers["X-RateLimit-Reset"]) - product.clock.now().timestamp() <= window + 1


def one_of_each_class() -> list[object]:
    """The first operation of every limit that the documents state."""
    found = {(one.surface.name, one.surface.counted_as(one)): one for (one,) in (p.values for p in LIMITED[::-1])}
    return [pytest.param(one, id=str(one)) for one in found.values()]


@pytest.mark.parametrize("operation", one_of_each_class())
def test_without_a_claim_the_documented_limits_hold(product: Served, operation: Operation) -> None:
    surface, most, subject = operation.surface, operation.surface.documented_limit(operation), str(uuid4())
    headers = product.authorization(surface.name, subject=subject, limits={})
    request = surface.request(operation, product, subject)._replace(body=None)
    answers = [surface.send(product, request, headers) for _ in range(most + 1)]
    assert [int(one.headers["x-ratelimit-remaining"]) for one in answers] == [*range(most - 1, -1, -1), 0]
    assert [answer.status_code for answer in answers].count(429) == 1
    surface.error(answers[-1], 429)


@pytest.mark.parametrize("surface", SURFACES)
def test_nobody_uses_up_what_others_may_do(product: Served, surface: Surface) -> None:
    operation = next(one for one in surface.operations if one.guarded and one.method == "GET" and "{" not in one.path)
    once = dict.fromkeys(unlimited(surface.name), "1/minute")
    one, other = (product.authorization(surface.name, subject=str(uuid4()), limits=once) for _ in range(2))
    request = surface.request(operation, product, str(uuid4()))
    answers = [surface.send(product, request, caller) for caller in (one, other, one, other)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]


@pytest.mark.parametrize("operation", WITH_FIELDS)
def test_a_missing_field_is_named(product: Served, operation: Operation) -> None:
    surface, subject = operation.surface, str(uuid4())
    headers = product.authorization(surface.name, subject=subject)
    request = surface.request(operation, product, subject)
    for field in required(operation):
        body = without(request.body or {}, *field.split("."))
        error = surface.error(surface.send(product, request._replace(body=body), headers), surface.invalid)
        assert field in surface.sentence(error)


@pytest.mark.parametrize("operation", WITH_NULLABLE)
def test_null_in_place_of_an_optional_field_is_as_good_as_none(product: Served, operation: Operation) -> None:
    surface, subject = operation.surface, str(uuid4())
    headers = product.authorization(surface.name, subject=subject)
    for field in nullable(operation):
        request = surface.request(operation, product, subject)
        answer = surface.send(product, request._replace(body=nulled(request.body or {}, *field.split("."))), headers)
        assert str(answer.status_code) in operation.successes, (field, answer.text)


@pytest.mark.parametrize("surface", SURFACES)
def test_what_does_not_exist_is_404_in_the_documents_shape(product: Served, surface: Surface) -> None:
    headers = product.authorization(surface.name)
    for path in ("/no-such-thing", "/api/no-such-thing", "/a/b/c/d/e", "/"):
        surface.error(product.http.get(f"/{surface.mount}{path}", headers=headers), 404)


@pytest.mark.parametrize("operation", operations())
def test_a_method_that_is_not_there_is_405_in_the_documents_shape(product: Served, operation: Operation) -> None:
    surface, path = operation.surface, operation.path.format(**operation.path_values())
    answer = surface.send(product, Request("PATCH", path), product.authorization(surface.name))
    surface.error(answer, 405)
    there = {one.method for one in surface.operations if one.path == operation.path}
    there |= {"HEAD"} if "GET" in there else set()
    assert set(answer.headers["allow"].split(", ")) <= there

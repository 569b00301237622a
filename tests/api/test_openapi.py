"""Every OpenAPI tells the truth: it has every documented endpoint and example, and no answer departs from it."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from jsonschema import Draft202012Validator
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conformance import Operation, Surface, operations, surfaces
from tests.api.product import Served
from tests.api.schemas import faults

pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # schemathesis does, for patterns
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]
REQUESTS = 8


def shows(example: Any, documented: Any) -> bool:
    """Whether an example is the documented one, with anything in place of what the document elides."""
    if isinstance(documented, dict) and isinstance(example, dict):
        return documented.keys() == example.keys() and all(shows(example[key], documented[key]) for key in documented)
    if isinstance(documented, list) and isinstance(example, list):
        return len(documented) == len(example) and all(map(shows, example, documented))
    return documented is None or bool(example == documented)


SURFACES = [pytest.param(surface, id=surface.name) for surface in surfaces()]
DOCUMENTED = operations(lambda one: one.documented)


@pytest.mark.parametrize("surface", SURFACES)
def test_it_is_served_as_it_is(product: Served, surface: Surface) -> None:
    assert product.http.get(f"/{surface.mount}/openapi.json").json() == surface.document


@pytest.mark.parametrize("surface", SURFACES)
def test_it_has_every_endpoint_of_the_document_our_own_and_no_other(surface: Surface) -> None:
    described = {one.key for one in surface.operations}
    assert described == surface.endpoints.keys() | surface.own
    assert surface.endpoints.keys() & surface.own == set()


@pytest.mark.parametrize("operation", operations(lambda one: one.documented and one.contract["request_example"]))
def test_the_documents_request_is_there_and_fits_its_schema(operation: Operation) -> None:
    example = operation.contract["request_example"]
    assert example in operation.examples("requestBody")
    assert operation.schema is not None
    assert faults(operation.surface.document, operation.schema, example) == []


@pytest.mark.parametrize("operation", operations(lambda one: one.documented and one.documented_answer))
def test_the_documents_answer_is_there_and_fits_its_schema(operation: Operation) -> None:
    """Where the document leaves out what is always there, and what is our own, only that may be wrong."""
    surface, success = operation.surface, operation.successes[0]
    media = operation.media(success)
    example = next(one for one in operation.examples(success) if shows(one, operation.documented_answer))
    whole = media["schema"] | {"components": surface.document["components"]}
    errors = Draft202012Validator(whole).iter_errors(example)
    wrong = [leaf for error in errors for leaf in error.context or [error]]
    elided = [leaf for leaf in wrong if leaf.validator == "required" or leaf.validator_value == "null"]
    assert wrong == (elided if surface.elides else [])


@pytest.mark.parametrize("operation", DOCUMENTED)
def test_it_says_which_statuses_are_answered(operation: Operation) -> None:
    stated = {str(error["status"]) for error in operation.contract["errors"]} | {*operation.successes}
    responses = operation.described["responses"].keys()
    assert stated - operation.surface.undescribed <= responses
    assert not ({"400", "422"} - {str(operation.surface.invalid)}) & responses


@pytest.mark.parametrize("operation", DOCUMENTED)
def test_an_answer_is_described_as_the_type_that_it_has(operation: Operation) -> None:
    for success in operation.successes:
        found = operation.described["responses"][success]["content"].keys()
        assert found == {operation.contract["response_content_type"]}


@pytest.mark.parametrize("surface", SURFACES)
def test_what_needs_a_token_says_so(surface: Surface) -> None:
    assert {one.key for one in surface.operations if not one.guarded} == surface.open
    headers = ("Authorization", "X-API-Key")
    stated = {key for key, one in surface.endpoints.items() if not one["auth"].startswith(headers)}
    assert surface.open - surface.own == stated


@pytest.mark.parametrize("operation", operations(lambda one: one.writes))
def test_a_write_may_conflict_with_itself_and_be_answered_later(operation: Operation) -> None:
    assert {"202", "409", "413"} <= operation.described["responses"].keys()


@pytest.mark.parametrize("operation", operations())
@pytest.mark.parametrize("mode", GenerationMode)
def test_no_answer_departs_from_it(product: Served, operation: Operation, mode: GenerationMode) -> None:
    surface = operation.surface
    described = schemathesis.openapi.from_dict(surface.document)[operation.path][operation.method]
    headers = product.authorization(surface.name)

    @settings(
        max_examples=REQUESTS,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=described.as_strategy(generation_mode=mode))
    def answers_as_described(case: Case[Any]) -> None:
        answer = case.call(base_url=f"{product.root}/{surface.mount}", headers=headers)
        streamed = answer.headers["content-type"][0].startswith("text/event-stream")  # described as text, not by event
        case.validate_response(answer, checks=[*CHECKS, *([] if streamed else [response_schema_conformance])])

    try:
        answers_as_described()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # where nothing can be sent that would be wrong

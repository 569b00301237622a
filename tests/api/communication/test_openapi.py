"""The OpenAPI tells the truth: it has every documented endpoint and example, and no answer departs from it."""

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

from tests.api.communication.serving import Served, contract

pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # schemathesis does, for patterns
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
REQUESTS = 8
DOCUMENTED = [(one["method"], one["path"]) for one in contract()["endpoints"]]
OUR_OWN = [
    ("GET", "/api/communication/status/{task_id}/explanation"),
    ("POST", "/api/communication/status/{task_id}/action"),
    ("GET", "/outcomes/{command_id}"),
    ("GET", "/unsubscribe/{token}"),
    ("POST", "/unsubscribe/{token}"),
]


@pytest.fixture(scope="module")
def document(product: Served) -> dict[str, Any]:
    """The OpenAPI as it is served."""
    found: dict[str, Any] = product.api.get(f"{product.root}/communication/openapi.json").json()
    return found


def test_it_has_every_endpoint_of_the_document_our_own_and_no_other(document: dict[str, Any]) -> None:
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {*DOCUMENTED, *OUR_OWN}


def test_the_documents_examples_fit_the_schemas_they_stand_beside(document: dict[str, Any]) -> None:
    checked = 0
    for method, path in DOCUMENTED:
        operation = document["paths"][path][method.lower()]
        for content in (operation.get("requestBody", {}), operation["responses"]["200"]):
            media = content.get("content", {}).get("application/json")
            if media is not None and "example" in media:
                about = media["schema"] | {"components": document["components"]}
                found = Draft202012Validator(about).iter_errors(media["example"])
                # some examples leave out what is always there, and none has what is our own
                wrong = [leaf for error in found for leaf in error.context or [error]]
                assert all(leaf.validator == "required" or leaf.validator_value == "null" for leaf in wrong), wrong
                checked += 1
    assert checked == 26 + 12  # an answer of each, and every request that has a body


def test_it_says_which_statuses_are_answered(document: dict[str, Any]) -> None:
    for one in contract()["endpoints"]:
        operation = document["paths"][one["path"]][one["method"].lower()]
        stated = {str(error["status"]) for error in one["errors"]}
        assert stated - set(operation["responses"]) <= {"404"}, one["id"]  # nobody is unknown: see the decisions


@pytest.mark.parametrize(("method", "path"), [*DOCUMENTED, *OUR_OWN])
@pytest.mark.parametrize("mode", GenerationMode)
def test_no_answer_departs_from_it(
    product: Served, document: dict[str, Any], method: str, path: str, mode: GenerationMode
) -> None:
    operation = schemathesis.openapi.from_dict(document)[path][method]

    @settings(
        max_examples=REQUESTS,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def answers_as_described(case: Case[Any]) -> None:
        answer = case.call(base_url=f"{product.root}/communication", headers=product.bearer())
        case.validate_response(answer, checks=CHECKS)

    try:
        answers_as_described()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # where nothing can be sent that would be wrong

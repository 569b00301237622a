"""The OpenAPI says what the document says, and is valid itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.api.gccp.conftest import Shared

CONTRACT: dict[str, Any] = json.loads((Path(__file__).parent / "contract.json").read_text())
ENDPOINTS: dict[str, dict[str, Any]] = {one["id"]: one for one in CONTRACT["endpoints"]}


@pytest.fixture(scope="module")
def schema(shared: Shared) -> dict[str, Any]:
    answer = shared.client.get("/gccp/openapi.json")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def operation(schema: dict[str, Any], id_: str) -> dict[str, Any]:
    one = ENDPOINTS[id_]
    found: dict[str, Any] = schema["paths"][one["path"]][one["method"].lower()]
    return found


def resolved(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    name = part["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    found: dict[str, Any] = schema["components"]["schemas"][name]
    return found


@pytest.mark.parametrize("id_", ENDPOINTS)
def test_the_documents_examples_are_there_and_fit_their_schemas(schema: dict[str, Any], id_: str) -> None:
    documented, described = ENDPOINTS[id_], operation(schema, id_)
    parts = [("request_example", described.get("requestBody")), ("response_example", described["responses"]["200"])]
    for name, part in parts:
        if documented[name] is not None:
            model = resolved(schema, part)
            assert documented[name] in model["examples"]
            Draft202012Validator({**model, "components": schema["components"]}).validate(documented[name])


@pytest.mark.parametrize("id_", ENDPOINTS)
def test_every_documented_status_is_described(schema: dict[str, Any], id_: str) -> None:
    stated = {str(error["status"]) for error in ENDPOINTS[id_]["errors"]}
    assert stated | {"200"} <= operation(schema, id_)["responses"].keys()
    assert "422" not in operation(schema, id_)["responses"]


def test_what_needs_a_token_says_so(schema: dict[str, Any]) -> None:
    open_to_all = {
        path for path, methods in schema["paths"].items() for one in methods.values() if "security" not in one
    }
    assert open_to_all == {"/api/export/pdf"}


def test_streams_and_files_are_described_as_what_they_are(schema: dict[str, Any]) -> None:
    assert operation(schema, "stream")["responses"]["200"]["content"].keys() == {"text/event-stream"}
    assert operation(schema, "export-pdf")["responses"]["200"]["content"].keys() == {"application/pdf"}


def test_the_browsable_documentation_is_served(shared: Shared) -> None:
    assert shared.client.get("/gccp/docs").status_code == 200

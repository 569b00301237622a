"""The document's Python example, verbatim, against the running product."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.api.communication.product import Served

EXAMPLE = (Path(__file__).parent / "sdk_example.txt").read_text()


def sdk(base_url: str, token: str, http: object) -> Any:
    """The example's client. `http` stands for the library that it imports: it calls `post` and `get`."""
    names: dict[str, Any] = {"__builtins__": __builtins__, "requests": http}
    exec(EXAMPLE.replace("import requests\n", ""), names)
    return names["CommunicationAPI"](base_url, token)


@pytest.fixture(params=["under its prefix", "under its own host"])
def client(request: pytest.FixtureRequest, product: Served) -> Iterator[Any]:
    """The example's client, both ways to reach the surface."""
    if request.param == "under its prefix":
        yield sdk(f"{product.root}/communication", product.token("communication"), httpx2)
        return
    with httpx2.Client(headers={"Host": f"communication.localhost:{product.port}"}, timeout=60) as named:
        yield sdk(product.root, product.token("communication"), named)


def test_the_example_sends_and_reads_preferences(client: Any, product: Served) -> None:
    user_id = product.new_user()
    product.agree(user_id)
    sent = client.send_communication(user_id, "financial_alert", {"amount": 100.50})
    assert sent["success"] is True
    assert sent["cost"] == 0.05
    product.settle()
    assert product.status(sent["task_id"])["status"] == "SUCCESS"
    assert client.get_user_preferences(user_id)["preferences"]["user_id"] == user_id


def test_the_example_gets_a_refusal_as_json_too(client: Any, product: Served) -> None:
    refused = client.send_communication(product.new_user(), "financial_alert", {})
    assert refused["success"] is False
    assert "consent" in refused["error"]
    assert refused["fallback_used"] is False

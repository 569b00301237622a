"""The fingerprint of a request with an idempotency key: of what is asked, not of how it is written."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request

from api.actions import Actions, Fingerprints
from api.routing import BODY
from streams.core.secrets import Secrets
from tests.api.refusals import Replay

BODY_TEXT = b'{"user_id": 1, "data": {"a": 1, "b": [1, 2]}}'


def fingerprints(body: bytes, path: str = "/api/send", root: str = "", secret: int = 0) -> Fingerprints:
    """Those of a POST; `root` is where the surface is mounted."""
    actions = Actions("gccp", Replay("", b""), {}, Secrets(bytes([secret]) * 32))
    headers = [(b"idempotency-key", b"k")]
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": root + path, "root_path": root}
    action = actions.action(Request(scope | {"headers": headers, BODY: body}), "caller", "actor")
    return action._fingerprints


def test_members_may_stand_in_another_order_and_with_other_spaces() -> None:
    same = b'{"data":{"b":[1,2],"a":1},   "user_id":1}'
    assert fingerprints(BODY_TEXT).current == fingerprints(same).current


def test_it_is_the_same_by_whatever_mount_the_surface_is_reached() -> None:
    assert fingerprints(BODY_TEXT).current == fingerprints(BODY_TEXT, root="/gccp").current


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"user_id": 2, "data": {"a": 1, "b": [1, 2]}}', "/api/send"),
        (b'{"user_id": 1, "data": {"a": 1, "b": [2, 1]}}', "/api/send"),
        (b'{"user_id": "1", "data": {"a": 1, "b": [1, 2]}}', "/api/send"),
        (b"not json", "/api/send"),
        (b"", "/api/send"),
        (BODY_TEXT, "/api/retry"),
    ],
)
def test_another_request_has_another_fingerprint(body: bytes, path: str) -> None:
    assert fingerprints(body, path).current != fingerprints(BODY_TEXT).current


def test_it_cannot_be_made_without_the_installations_secret() -> None:
    assert fingerprints(BODY_TEXT, secret=1).current != fingerprints(BODY_TEXT).current

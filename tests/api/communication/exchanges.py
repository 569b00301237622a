"""How each documented request comes about: what must have happened before, and the request itself, verbatim."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from tests.api.communication.serving import Served, endpoint
from tests.api.communication.signing import Report, resend_hmac, twilio_json

BASE = "/api/communication"
CODE_OF_THE_DOCUMENT = "key 9212"
"""The idempotency key under which the verification code comes out as the document's own, 123456."""


class Exchange(NamedTuple):
    """A request to be made: the path below /api/communication, JSON or a signed report, the query."""

    method: str
    path: str
    body: Any = None
    query: dict[str, Any] | None = None
    report: Report | None = None

    def send(self, product: Served, **headers: str) -> Any:
        """The answer."""
        if self.report is not None:
            content, signed = self.report
            return product.api.post(self.path, content=content, headers=signed | headers)
        more = {} if self.body is None else {"json": self.body}
        return product.api.request(self.method, self.path, params=self.query, headers=headers, **more)


def exchange(product: Served, id_: str) -> Exchange:
    """The documented request of an endpoint, everything it needs having happened."""
    documented = endpoint(id_)
    path = documented["path"].removeprefix(BASE)
    body = documented["request_example"]
    if id_ in WEBHOOKS:
        return Exchange("POST", path, report=WEBHOOKS[id_](f"{product.root}/communication{BASE}{path}", body))
    values = PREPARED[id_](product) if id_ in PREPARED else {}
    query = {"user_id": 123} if id_ == "optimal-send-time" else None
    return Exchange(documented["method"], path.format(**{"user_id": 123} | values), body, query)


def _consenting(product: Served) -> dict[str, Any]:
    product.advance(timedelta(hours=1))  # only so many codes are sent within one
    product.agree(123, "+15550000123")
    product.agree(124, "+15550000124")
    return {}


def _sent(product: Served) -> dict[str, Any]:
    _consenting(product)
    task_id = product.send(123, priority="critical")["task_id"]
    product.settle()
    return {"task_id": task_id}


def _scheduled(product: Served) -> dict[str, Any]:
    _consenting(product)
    due = product.clock.now() + timedelta(days=1)
    return {"task_id": product.send(123, scheduled_time=due.isoformat())["task_id"]}


def _code_sent(product: Served) -> dict[str, Any]:
    product.advance(timedelta(hours=1))
    body = endpoint("consent-sms-grant")["request_example"]
    product.ok("POST", "/consent/sms", body, **{"Idempotency-Key": CODE_OF_THE_DOCUMENT})
    return {}


PREPARED: dict[str, Callable[[Served], dict[str, Any]]] = {
    "send": _consenting,
    "batch": _consenting,
    "status": _sent,
    "cancel": _scheduled,
    "consent-sms-verify": _code_sent,
    "analytics-summary": _sent,
    "analytics-user": _sent,
}

WEBHOOKS: dict[str, Callable[[str, Any], Report]] = {
    "webhook-twilio": twilio_json,
    "webhook-resend": lambda _, body: resend_hmac(body),
    "webhook-sms-opt-out": twilio_json,
}

"""What every write promises, by every OpenAPI: the same key is the same write, and another body under it a conflict."""

from __future__ import annotations

from uuid import uuid4

import httpx2
import pytest

from tests.api.conformance import Operation, Request, operations
from tests.api.product import Served

WRITES = operations(lambda one: one.writes)
REPEATED = operations(lambda one: one.writes and one.key not in one.surface.once)
ONCE = operations(lambda one: one.key in one.surface.once)
READS = operations(lambda one: one.key in one.surface.reads)


class Asker:
    """A caller who asks for one write, again and again, under one key."""

    def __init__(self, product: Served, operation: Operation) -> None:
        self.subject = str(uuid4())
        self._product = product
        self._surface = operation.surface
        self._key = {"Idempotency-Key": str(uuid4())}
        self._request = operation.surface.request(operation, product, self.subject)

    def ask(self, subject: str | None = None) -> httpx2.Response:
        """The answer to the request, made by another caller if one is named."""
        return self._send(self._request, subject or self.subject)

    def ask_otherwise(self) -> httpx2.Response:
        """The answer to a request that differs by its body alone."""
        return self._send(self._request._replace(body={**(self._request.body or {}), "why": "another body"}))

    def _send(self, request: Request, subject: str | None = None) -> httpx2.Response:
        caller = self._product.authorization(self._surface.name, subject=subject or self.subject)
        return self._surface.send(self._product, request, self._key | caller)


def said(answer: httpx2.Response) -> object:
    """What an answer says: JSON, or that it is a document of a kind."""
    kind = answer.headers["content-type"]
    return answer.json() if kind == "application/json" else kind


def settled(product: Served) -> int:
    """How many records there are once nothing is due any more."""
    product.settle()
    return product.recorded()


@pytest.mark.parametrize("operation", REPEATED)
def test_the_same_key_gets_the_stored_answer_and_another_body_409(product: Served, operation: Operation) -> None:
    asker = Asker(product, operation)
    before = settled(product)
    first = asker.ask()
    assert str(first.status_code) in operation.successes, first.text
    assert "idempotency-replayed" not in first.headers
    after = settled(product)
    assert after > before
    again = asker.ask()
    assert (again.status_code, said(again)) == (first.status_code, said(first))
    assert again.headers["idempotency-replayed"] == "true"
    operation.surface.error(asker.ask_otherwise(), 409)
    assert settled(product) == after


@pytest.mark.parametrize("operation", ONCE)
def test_what_is_not_kept_is_not_done_again_under_its_key(product: Served, operation: Operation) -> None:
    asker = Asker(product, operation)
    before = settled(product)
    assert str(asker.ask().status_code) in operation.successes
    after = settled(product)
    assert after > before
    operation.surface.error(asker.ask(), 409)
    operation.surface.error(asker.ask_otherwise(), 409)
    assert settled(product) == after


@pytest.mark.parametrize("operation", WRITES)
def test_a_key_belongs_to_its_caller(product: Served, operation: Operation) -> None:
    asker = Asker(product, operation)
    assert str(asker.ask().status_code) in operation.successes
    stranger = asker.ask(str(uuid4()))
    assert "idempotency-replayed" not in stranger.headers
    assert stranger.status_code != 409


@pytest.mark.parametrize("operation", READS)
def test_what_is_called_a_read_records_nothing(product: Served, operation: Operation) -> None:
    asker = Asker(product, operation)
    before = settled(product)
    assert [asker.ask().status_code, asker.ask_otherwise().status_code] == [200, 200]
    assert settled(product) == before


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("key", ["", '""', "x" * 256])
def test_a_key_that_does_not_fit_is_refused(product: Served, operation: Operation, key: str) -> None:
    surface, subject = operation.surface, str(uuid4())
    request = surface.request(operation, product, subject)
    before = settled(product)
    headers = product.authorization(surface.name, subject=subject) | {"Idempotency-Key": key}
    surface.check_refusal(operation, surface.send(product, request, headers))
    assert settled(product) == before

"""The product as tests of this surface use it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import httpx2

import bootstrap
import installation_secrets
from tests.api import product as kit
from tests.api.product import unlimited

NAME = "communication"
BASE = "/api/communication"
SCOPES = bootstrap.SURFACES[NAME].credential.scopes
UNLIMITED = unlimited(NAME)


class Client:
    """Asks this surface of a product, with a token that may do everything, as often as it likes."""

    product: kit.Served
    api: httpx2.Client

    def outbox(self, user_id: int, channel: str) -> list[dict[str, Any]]:
        """Messages to a user that went out through the sandbox, in no order."""
        found = [json.loads(path.read_text()) for path in (self.product.data / "outbox").glob(f"{channel}-*.json")]
        return [message for message in found if message["recipient_id"] == str(user_id)]

    def agree(self, user_id: int, number: str | None = None) -> str:
        """The person agrees to everything on both channels; gives their number."""
        number = number or f"+1555{user_id:07}"
        if self.ok("POST", "/consent/sms", {"user_id": user_id, "phone_number": number})["verification_required"]:
            self.ok("POST", "/consent/sms/verify", {"phone_number": number, "verification_code": self.code(number)})
        self.ok("POST", "/consent/email", {"user_id": user_id, "email": f"user{user_id}@example.com"})
        return number

    def code(self, number: str) -> str:
        """The code that waits for this number; what the text message says."""
        sql = "select verification_id from read_models.communication_recipients where pending_phone = %s"
        ids = self.product.ask(sql, number)
        return installation_secrets.secrets(self.product.settings).code(UUID(str(ids[0][0])))

    def code_of(self, user_id: int) -> str:
        """The code that waits for this person."""
        sql = "select verification_id from read_models.communication_recipients where user_id = %s"
        ((id_,),) = self.product.ask(sql, user_id)
        return installation_secrets.secrets(self.product.settings).code(UUID(str(id_)))

    def send(self, user_id: int, type_: str = "monthly_report", **more: Any) -> dict[str, Any]:
        """Asks for a message that is expected to be taken."""
        return self.ok("POST", "/send", {"user_id": user_id, "trigger_type": type_, "data": {}} | more)

    def status(self, task_id: str) -> dict[str, Any]:
        return self.ok("GET", f"/status/{task_id}")

    def ok(self, method: str, path: str, body: object = None, **headers: str) -> dict[str, Any]:
        """The answer to a request that must succeed."""
        answer = (
            self.api.request(method, path, json=body, headers=headers)
            if body is not None
            else self.api.request(method, path, headers=headers)
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


class Served(kit.Served, Client):
    """A running product that is asked as this surface."""

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Serves until the block is left."""
        self.product = self
        with super().running(), self.client(NAME, BASE) as self.api:
            yield self

    def bearer(self, *scopes: str, subject: str = "tester", limits: Mapping[str, str] = UNLIMITED) -> dict[str, str]:
        """The header that carries a token with these scopes, or with all."""
        return self.authorization(NAME, *scopes, subject=subject, limits=limits)


@contextmanager
def client(served: kit.Served) -> Iterator[Client]:
    """A client of this surface of a product that serves others too."""
    made = Client()
    with served.client(NAME, BASE) as made.api:
        made.product = served
        yield made


@contextmanager
def serving(**variables: str) -> Iterator[Served]:
    """A product on a fresh database and directory, with these environment variables."""
    with kit.serving(Served, variables) as served:
        yield served


@lru_cache
def contract() -> dict[str, Any]:
    """The machine-readable reading of the document."""
    found: dict[str, Any] = json.loads((Path(__file__).parent / "contract.json").read_text())
    return found


def endpoint(id_: str) -> dict[str, Any]:
    """One endpoint of the contract."""
    found: dict[str, Any] = next(one for one in contract()["endpoints"] if one["id"] == id_)
    return found


def refused(product: Served, user_id: int, **more: Any) -> dict[str, Any]:
    """The body of a send that is refused."""
    body = {"user_id": user_id, "trigger_type": "monthly_report", "data": {}} | more
    answer = product.api.post("/send", json=body)
    assert answer.status_code == 400, answer.text
    found: dict[str, Any] = answer.json()
    return found


def can_send(product: Served, user_id: int, **more: Any) -> dict[str, Any]:
    """What a consent check answers."""
    body = {"user_id": user_id, "message_type": "monthly_report", "channel": "sms"} | more
    return product.ok("POST", "/consent/check", body)

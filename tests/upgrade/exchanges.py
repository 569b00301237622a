"""Requests and what was answered, as they are kept, and asked once more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx2

KEY, POSITION, REPLAYED = "Idempotency-Key", "Headwater-Position", "Idempotency-Replayed"


@dataclass(frozen=True)
class Exchange:
    """A request, to the byte, and its answer. `by` names the token it came with, `answer` is null for what is no JSON.

    `again` is what the same request is answered when it comes once more, if that is something else.
    """

    by: str
    method: str
    path: str
    status: int
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    answer: Any = None
    position: str | None = None
    again: int | None = None

    @property
    def keyed(self) -> bool:
        """Whether it is a write under an Idempotency-Key."""
        return KEY in self.headers

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass
class Asking:
    """Asks with one of the tokens, under the base address of a client."""

    client: httpx2.Client
    tokens: Mapping[str, str]

    def ask(self, by: str, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> httpx2.Response:
        bearer = {"Authorization": f"Bearer {self.tokens[by]}"} if by else {}
        json_ = {"Content-Type": "application/json"} if body is not None else {}
        content = None if body is None else body.encode()
        return self.client.request(method, path, content=content, headers={**bearer, **json_, **headers})

    def again(self, one: Exchange) -> httpx2.Response:
        return self.ask(one.by, one.method, one.path, one.body, one.headers)


@dataclass
class Recorder:
    """Asks, and keeps every write and read for an upgrade test; each write gets a key of its own."""

    asking: Asking
    prefix: str
    writes: list[Exchange] = field(default_factory=list)
    reads: list[Exchange] = field(default_factory=list)

    def write(
        self, by: str, method: str, path: str, body: object = None, *, again: int | None = None,
        expect: int | None = 200, **headers: str,
    ) -> Any:  # fmt: skip
        """The answer to a write under a new Idempotency-Key; raises where the status is not the expected one."""
        own = {name.replace("_", "-"): value for name, value in headers.items()}
        given = own | {KEY: f"{self.prefix}-{len(self.writes)}"}
        text = None if body is None else json.dumps(body)
        return self._kept(self.writes, by, method, path, text, given, again, expect)

    def report(self, path: str, body: str, **headers: str) -> None:
        """A signed report of a provider, which carries no key."""
        own = {name.replace("_", "-"): value for name, value in headers.items()}
        self._kept(self.writes, "", "POST", path, body, own, None, 200)

    def read(self, by: str, path: str, body: object = None) -> Any:
        """What is to be read, unchanged, for ever."""
        text = None if body is None else json.dumps(body)
        return self._kept(self.reads, by, "GET" if body is None else "POST", path, text, {}, None, None)

    def _kept(
        self, into: list[Exchange], by: str, method: str, path: str, body: str | None, headers: Mapping[str, str],
        again: int | None, expect: int | None,
    ) -> Any:  # fmt: skip
        found = self.asking.ask(by, method, path, body, headers)
        assert expect in (None, found.status_code), f"{method} {path} {body}: {found.status_code} {found.text}"
        position = found.headers.get(POSITION)
        kept = Exchange(by, method, path, found.status_code, body, headers, answer_of(found), position, again)
        into.append(kept)
        return kept.answer


def answer_of(response: httpx2.Response) -> Any:
    """The JSON that was answered; None for anything else."""
    return response.json() if response.headers.get("content-type", "").startswith("application/json") else None


def differences(asking: Asking, kept: list[Exchange]) -> list[str]:
    """What is answered otherwise today than it was, a line each."""
    return [line for one in kept if (line := _difference(one, asking.again(one)))]


def _difference(one: Exchange, today: httpx2.Response) -> str:
    expected = [one.again or one.status, *([] if one.again else [one.answer])]
    found = [today.status_code, *([] if one.again else [answer_of(today)])]
    if one.keyed and not one.again:
        expected += [one.position, "true" if one.position else None]
        found += [today.headers.get(POSITION), today.headers.get(REPLAYED)]
    return "" if expected == found else f"{one.method} {one.path} {one.body}:\n  was {expected}\n  is  {found}"

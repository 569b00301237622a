"""What the tests of every surface go by: its contract file, its OpenAPI, and how its requests come about.

`tests/api/<surface>/surface.py` gives them as one `Surface`, SURFACE; `contract.json` beside it is the document's
machine-readable reading.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI

import bootstrap
from api.auth import widened
from api.mounts import mount_of
from api.routing import LeanApp
from api.sentences import UNFIT
from tests.api.product import Installation, Served
from tests.api.schemas import EXACT, Leeway, faults

JSON = "application/json"
LIBRARY = re.compile(
    r"Value error|Input should|should (be|have|match)|Unable to|[Pp]ydantic|Invalid JSON|\bctx\b|\[key\]|function-"
    r"|after validation|greater than or equal|less than or equal|\\\\|\(\?|\{[0-9]+,|" + UNFIT
)
"""Words of pydantic and its parser, patterns, and the sentence for an error without one of its own."""

NONE: Mapping[str, Any] = MappingProxyType({})
Query = Mapping[str, str | int]
Sign = Callable[[str, object], tuple[bytes, dict[str, str]]]
"""Makes a signed report of a body for the address that it is sent to: its content and its headers."""


class Fill(NamedTuple):
    """What a request needs beside the documented example: values for its path, fields, a query, a signature."""

    path: Mapping[str, object] = NONE
    fields: Mapping[str, object] = NONE
    query: Query = NONE
    sign: Sign | None = None


Filler = Callable[[Served, str], Fill]
"""Brings about what a request presupposes, for a caller (the subject of a token)."""


class Request(NamedTuple):
    """A request to be made: the path below the surface's root, and JSON or a signed report."""

    method: str
    path: str
    body: Mapping[str, object] | None = None
    query: Query = NONE
    sign: Sign | None = None


@dataclass(frozen=True)
class Operation:
    """One operation of a surface's OpenAPI. `documented` is its endpoint in the contract, None if it is our own."""

    surface: Surface
    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.surface.name} {self.key}"

    @property
    def key(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def described(self) -> dict[str, Any]:
        found: dict[str, Any] = self.surface.document["paths"][self.path][self.method.lower()]
        return found

    @property
    def documented(self) -> dict[str, Any] | None:
        return self.surface.endpoints.get(self.key)

    @property
    def contract(self) -> dict[str, Any]:
        """The documented endpoint; raises AssertionError where there is none."""
        assert self.documented is not None, self.key
        return self.documented

    @property
    def documented_answer(self) -> dict[str, Any] | None:
        """The documented answer, or the one that the contract proposes where the document is silent."""
        found: dict[str, Any] | None = self.contract["response_example"]
        proposed = self.contract.get("proposed_response", {})
        if found is None and isinstance(proposed.get("body"), str):
            alike = (one for one in self.surface.endpoints.values() if one["summary"] == proposed["like"])
            found = next(alike)["response_example"]
        return found or proposed.get("body")

    @property
    def successes(self) -> list[str]:
        """The statuses of its answers when it succeeds. A 202 is one where there is no other."""
        found = [status for status in ("200", "201") if status in self.described["responses"]]
        return found or ["202"]

    @property
    def guarded(self) -> bool:
        return "security" in self.described

    @property
    def writes(self) -> bool:
        """Whether a caller does something by it, and so may name it by an Idempotency-Key."""
        return self.guarded and self.method != "GET" and self.key not in self.surface.reads

    @property
    def schema(self) -> dict[str, Any] | None:
        """The schema of its JSON body."""
        found: dict[str, Any] | None = self.media("requestBody").get("schema")
        return found

    @property
    def example(self) -> dict[str, Any] | None:
        """The documented body, else the OpenAPI's."""
        if self.documented is not None:
            found: dict[str, Any] | None = self.documented["request_example"]
            return found
        return next(iter(self.examples("requestBody")), None)

    def media(self, part: str) -> dict[str, Any]:
        """The JSON of `requestBody`, or of the answer with this status."""
        found: dict[str, Any] = self.described["responses"].get(part) or self.described.get(part) or {}
        media: dict[str, Any] = found.get("content", {}).get(JSON, {})
        return media

    def examples(self, part: str) -> list[dict[str, Any]]:
        """The examples in the OpenAPI: beside the schema or in it."""
        media = self.media(part)
        name = media.get("schema", {}).get("$ref", "").rpartition("/")[2]
        named = self.surface.document["components"]["schemas"].get(name, {})
        return [*([media["example"]] if "example" in media else []), *named.get("examples", [])]

    def path_values(self) -> dict[str, object]:
        """A value that fits each parameter of the path, of nothing that exists."""
        schemas = {one["name"]: one["schema"] for one in self.described.get("parameters", ()) if one["in"] == "path"}
        return {name: 123 if schema.get("type") == "integer" else uuid4() for name, schema in schemas.items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class Surface:
    """A surface to be tested. Operations are named as in `POST /api/send`.

    `fillers` are by operation, `verbatim` those of requests that come about as documented only once. `own` are the
    operations that the document lacks, `open` those that want no token, `reads` those that write nothing though they
    post, `once` those that are never repeated under their key. `surroundings` is what stands around the product while
    it is tested, and the environment variables that lead there.

    The rest is where the document and the surface differ: `scopes` by operation; `undescribed` statuses that it never
    gives; `static` reads, which wait for no position; `blank` values, which are as good as none; whether examples of
    answers leave out what is always there (`elides`), and whether a list that is shown filled may be empty;
    `includes` are scopes that include others, `sentence` is what the body of an error says in words, `invalid` is the
    status for input that does not fit, `needed_by_others` are optional fields that others of the example refer to.
    """

    name: str
    fillers: Mapping[str, Filler] = field(default_factory=dict)
    verbatim: Mapping[str, Filler] = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    open: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()
    once: frozenset[str] = frozenset()
    surroundings: Callable[[], AbstractContextManager[Mapping[str, str]]] = lambda: nullcontext({})
    largest: Mapping[str, int] = field(default_factory=dict)
    refusal: Callable[[Operation, Mapping[str, Any]], None] = lambda _operation, _error: None
    scopes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    undescribed: frozenset[str] = frozenset()
    static: frozenset[str] = frozenset({"GET /outcomes/{command_id}"})
    blank: tuple[object, ...] = ()
    leeway: Leeway = EXACT
    elides: bool = False
    may_be_empty: bool = False
    includes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    invalid: int = 400
    needed_by_others: frozenset[str] = frozenset()
    sentence: Callable[[Mapping[str, Any]], str] = lambda error: str(error["error"])

    @property
    def mount(self) -> str:
        return mount_of(self.name)

    @cached_property
    def contract(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((Path(__file__).parent / self.name / "contract.json").read_text())
        return found

    @cached_property
    def endpoints(self) -> dict[str, dict[str, Any]]:
        """The documented endpoints by operation; sockets have tests by themselves."""
        listed = self.contract["endpoints"]
        return {f"{one['method']} {one['path']}": one for one in listed if one["method"] != "WS"}

    @cached_property
    def document(self) -> dict[str, Any]:
        """The OpenAPI."""
        return openapis()[self.name]

    @cached_property
    def operations(self) -> list[Operation]:
        paths = self.document["paths"].items()
        return [Operation(self, method.upper(), path) for path, methods in paths for method in methods]

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """A schema itself, where it is named."""
        named = schema.get("$ref", "").rpartition("/")[2]
        found: dict[str, Any] = self.document["components"]["schemas"][named] if named else schema
        return found

    def scopes_of(self, operation: Operation) -> frozenset[str]:
        """The scopes that let a caller through: those that the contract names, every one where it names none."""
        there = bootstrap.SURFACES[self.name].credential.scopes
        stated = operation.contract["permission_or_scope"]
        found = frozenset(scope for scope in there if scope in stated) or frozenset(there)
        found = self.scopes.get(operation.key, found)
        return frozenset(scope for scope in there if widened(frozenset({scope}), self.includes) & found)

    def documented_limit(self, operation: Operation) -> int:
        """Requests in a window, as the contract states them for the endpoint or its class."""
        stated, limits = operation.contract["rate_limit"], self.contract["rate_limits"]
        found: int = stated.get("requests") or (limits.get("classes") or {}).get(stated["class"], {}).get("requests")
        return found or int(limits["tiers"]["basic"]["requests"])

    def documented_window(self, operation: Operation) -> int:
        """Seconds of that window: a minute, unless the contract states another for the class."""
        classes = self.contract["rate_limits"].get("classes") or {}
        return int(classes.get(operation.contract["rate_limit"].get("class"), {}).get("window_seconds", 60))

    def counted_as(self, operation: Operation) -> str:
        """What shares a limit with this operation."""
        stated = operation.contract["rate_limit"]
        return operation.path if "requests" in stated else str(stated["class"])

    def request(self, operation: Operation, product: Served, subject: str, *, verbatim: bool = False) -> Request:
        """The documented request of an operation, everything it needs having happened."""
        fillers = {**self.fillers, **self.verbatim} if verbatim else self.fillers
        filler = fillers.get(operation.key)
        fill = Fill() if filler is None else filler(product, subject)
        path = operation.path.format(**operation.path_values() | dict(fill.path))
        body = {**(operation.example or {}), **fill.fields}
        return Request(operation.method, path, body or operation.example, fill.query, fill.sign)

    def send(
        self, product: Served, request: Request, headers: Mapping[str, str], *, own_host: bool = False
    ) -> httpx2.Response:
        """The answer to a request under the surface's prefix, or at the root of its own host."""
        host = {"Host": f"{self.mount}.localhost:{product.port}"} if own_host else {}
        url = request.path if own_host else f"/{self.mount}{request.path}"
        if request.sign is not None:
            address = f"http://{host['Host']}{url}" if own_host else f"{product.root}{url}"
            content, signed = request.sign(address, request.body)
            return product.http.request(request.method, url, content=content, headers={**host, **signed, **headers})
        return product.http.request(
            request.method, url, params=dict(request.query), json=request.body, headers={**host, **headers}
        )

    def check_refusal(self, operation: Operation, answer: httpx2.Response) -> dict[str, Any]:
        """The body of the answer to a request that makes no sense."""
        error = self.error(answer, self.invalid)
        self.refusal(operation, error)
        return error

    def error(self, answer: httpx2.Response, *statuses: int) -> dict[str, Any]:
        """The body of an error with one of these statuses, which has the surface's envelope and keeps within bounds."""
        assert answer.status_code in statuses, (answer.status_code, answer.text[:500])
        assert answer.headers["content-type"] == JSON
        assert len(answer.content) < 10_000
        assert LIBRARY.search(answer.text) is None, f"that is how a library talks, not a person: {answer.text[:500]}"
        body: dict[str, Any] = answer.json()
        assert faults(self.document, self.document["components"]["schemas"]["Error"], body) == []
        return body


@cache
def surfaces() -> tuple[Surface, ...]:
    """Every surface that is served."""
    return tuple(import_module(f"tests.api.{name}.surface").SURFACE for name in bootstrap.SURFACES)


@cache
def openapis() -> Mapping[str, dict[str, Any]]:
    """The OpenAPI of every surface, by an installation that never runs."""
    with tempfile.TemporaryDirectory() as data:
        apps = Installation("dbname=none", Path(data), 1, {}).edge._surfaces
    found = {}
    for name, app in apps.items():
        whole = app.app if isinstance(app, LeanApp) else app
        assert isinstance(whole, FastAPI)
        found[name] = whole.openapi()
    return found


def operations(fits: Callable[[Operation], object] = lambda _: True) -> list[Any]:
    """Parameters of a test: every operation of every surface that fits."""
    return [pytest.param(one, id=str(one)) for one in _every_operation() if fits(one)]


def _every_operation() -> Iterator[Operation]:
    for surface in surfaces():
        yield from surface.operations

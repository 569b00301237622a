"""Callers with API keys: where a key may stand, what its scopes include, its tenant; and names of surfaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import jwt
import pytest
from fastapi import FastAPI
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket

import bootstrap
from api.auth import API_KEY, BEARER, refresh_audience, widened
from api.errors import ApiError
from api.routing import LeanApp
from api.surface import caller_if_known, caller_of
from commandline import Stop
from commandline.tokens import Wanted, describe, issue_token, list_tokens
from commandline.webhooks import add_webhook
from tests.api.book_club import MOUNT, club
from tests.api.book_club_context import NAME
from tests.api.product import TOKEN_SECRET, Served


@pytest.fixture(scope="module")
def product() -> Iterator[Served]:
    with club() as served:
        yield served


def key(product: Served, *scopes: str, tenant: str = "", subject: str = "tester") -> dict[str, str]:
    """The header with a key of these scopes."""
    token = bootstrap.tokens(product.settings, NAME).issue(
        subject, scopes, datetime.now(UTC), timedelta(hours=1), {}, tenant, "premium"
    )
    return {"X-API-Key": token}


def asked(product: Served, path: str, headers: Mapping[str, str], method: str = "GET") -> httpx2.Response:
    body = {"title": "Emma"} if method == "POST" else None
    return product.http.request(method, f"/{MOUNT}{path}", headers=headers, json=body)


def test_a_key_is_presented_in_its_own_header_alone(product: Served) -> None:
    token = key(product, "read")["X-API-Key"]
    assert asked(product, "/api/caller", {"X-API-Key": token}).json()["subject"] == "tester"
    for refused in ({}, {"Authorization": f"Bearer {token}"}, {"X-API-Key": ""}):
        answer = asked(product, "/api/caller", refused)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "ApiKey")
        assert answer.json() == {"error": "Authentication required: send X-API-Key: <token>"}
    assert asked(product, f"/api/caller?api_key={token}", {}).status_code == 401


def test_a_wrong_key_is_refused_with_the_challenge_of_the_surface(product: Served) -> None:
    for wrong in ("nonsense", product.token("communication"), key(product, "read")["X-API-Key"] + "x"):
        answer = asked(product, "/api/caller", {"X-API-Key": wrong})
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "ApiKey")
    answer = product.http.get("/gccp/api/generations", headers={"Authorization": "Bearer nonsense"})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def connection(product: Served, type_: str, query: str, headers: Mapping[str, str]) -> HTTPConnection:
    """A request or a socket of the surface."""
    lean = product.edge._surfaces[NAME]
    assert isinstance(lean, LeanApp)
    assert isinstance(lean.app, FastAPI)
    scope: dict[str, Any] = {
        "type": type_,
        "app": lean.app,
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    if type_ == "http":
        return HTTPConnection(scope)

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    return WebSocket(scope, nothing, nothing)


async def test_a_socket_may_present_its_key_in_the_query(product: Served) -> None:
    token = key(product, "write", subject="ana")["X-API-Key"]
    by_query = await caller_of(connection(product, "websocket", f"role=instructor&api_key={token}", {}))
    by_header = await caller_of(connection(product, "websocket", "api_key=other", {"X-API-Key": token}))
    assert by_query == by_header
    assert (by_query.subject, sorted(by_query.scopes)) == ("ana", ["read", "write"])


async def test_a_socket_without_a_key_has_no_caller_and_one_with_a_wrong_key_is_refused(product: Served) -> None:
    assert await caller_if_known(connection(product, "websocket", "api_key=", {})) is None
    with pytest.raises(ApiError) as refused:
        await caller_if_known(connection(product, "websocket", "api_key=wrong", {}))
    assert (refused.value.status, refused.value.headers["WWW-Authenticate"]) == (401, "ApiKey")


def test_a_request_never_presents_a_token_in_its_query(product: Served) -> None:
    request = connection(product, "http", "api_key=token", {"Authorization": "Bearer one"})
    assert (API_KEY.token_in(request), BEARER.token_in(request)) == (None, "one")


@pytest.mark.parametrize(
    ("scope", "statuses"),
    [("read", [200, 403, 403]), ("write", [200, 200, 403]), ("admin", [200, 200, 200]), ("other", [403, 403, 403])],
)
def test_a_scope_grants_what_it_includes(product: Served, scope: str, statuses: list[int]) -> None:
    headers = key(product, scope)
    read = asked(product, "/api/caller", headers)
    written = asked(product, "/api/wishes", headers, "POST")
    ruled = asked(product, "/api/rules", headers)
    assert [answer.status_code for answer in (read, written, ruled)] == statuses


def test_scopes_that_include_each_other_are_all_there() -> None:
    includes = {"a": ("b",), "b": ("c", "a")}
    assert widened(frozenset({"a"}), includes) == {"a", "b", "c"}
    assert widened(frozenset({"c", "d"}), includes) == {"c", "d"}


def test_one_name_in_two_tenants_is_two_callers(product: Served) -> None:
    repeated = {"Idempotency-Key": "one"}
    here, there = key(product, "write", tenant="acme"), key(product, "write", tenant="other")
    assert asked(product, "/api/caller", here).json()["tenant"] == "acme"
    assert asked(product, "/api/caller", key(product, "read")).json()["tenant"] == "default"
    answers = [asked(product, "/api/wishes", one | repeated, "POST") for one in (here, there, here)]
    assert ["Idempotency-Replayed" in answer.headers for answer in answers] == [False, False, True]
    actors = product.ask("select distinct actor from headwater.journal where stream = 'book/Emma' or key = 'Emma'")
    assert {("client@acme:tester",), ("client@other:tester",)} <= set(actors)


def test_an_outcome_is_hidden_from_the_same_name_in_another_tenant(product: Served) -> None:
    here, there = key(product, "write", tenant="acme"), key(product, "write", tenant="other")
    body = {"title": "Persuasion"}
    assert product.http.post(f"/{MOUNT}/api/wishes", headers=here, json=body).status_code == 200
    ((found,),) = product.ask(
        "select command_id from headwater.journal where stream like 'command/%%' and key = 'Persuasion' limit 1"
    )
    assert asked(product, f"/outcomes/{found}", here).status_code == 200
    assert asked(product, f"/outcomes/{found}", there).status_code == 404


def test_hyphens_and_underscores_are_one_in_paths_and_hosts(product: Served) -> None:
    for name in ("book-club", "book_club"):
        assert product.http.get(f"/{name}/health").json() == {"status": "healthy"}
        assert product.http.get("/health", headers={"Host": f"{name}.localhost"}).json() == {"status": "healthy"}
    shown = product.http.get("/").json()["surfaces"]
    assert shown == sorted(name.replace("_", "-") for name in bootstrap.SURFACES)
    assert MOUNT in shown
    assert "/book-club" in product.http.get("/nowhere").json()["detail"]


def test_the_openapi_has_the_addresses_of_the_mount_and_the_scheme_of_the_credential(product: Served) -> None:
    found = product.http.get("/book-club/openapi.json").json()
    assert [server["url"] for server in found["servers"]] == ["/book-club", "/"]
    assert found["servers"][1]["description"].endswith("first label is book-club")
    scheme = {"api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}}
    assert found["components"]["securitySchemes"] == scheme
    assert found["paths"]["/api/caller"]["get"]["security"] == [{"api_key": []}]


def test_a_key_of_a_tenant_and_a_tier_is_issued_and_listed_under_either_name(
    product: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    issued = issue_token(product.settings, "book-club", Wanted(subject="lea", tenant="acme", tier="standard"))
    claims = jwt.decode(issued.text, TOKEN_SECRET, ["HS256"], audience=NAME, options={"verify_exp": False})
    assert {"tenant": "acme", "tier": "standard", "scope": "write"}.items() <= claims.items()
    assert "scopes: write; tier standard; tenant acme; subject lea;" in describe(issued)
    assert asked(product, "/api/caller", {"X-API-Key": issued.text}).json()["tenant"] == "acme"
    recorded = "select count(*) from read_models.book_club_tokens where holder = 'lea'"
    product.wait(lambda: product.ask(recorded) == [(1,)], "the token is not on record")
    for name in ("book-club", "book_club"):
        list_tokens(product.settings, name)
        assert "write  tier standard  tenant acme\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"tier": "gold"}, "book-club has no tier 'gold'; it has: basic, standard, premium"),
        ({"tenant": "a b"}, "a tenant has 1 to 64 letters"),
        ({"tenant": "a:b"}, "a tenant has 1 to 64 letters"),
        ({"tenant": ""}, "a tenant has 1 to 64 letters"),
        ({"tier": "basic", "limits": ["general=5/min"]}, "give either --tier or --limit"),
        ({"options": {"role": True}}, "book-club has no use for --role"),
        ({"limits": ["general=5/hour"]}, "general counts by the minute: give general=N/minute"),
    ],
)
def test_a_part_that_does_not_fit_is_refused(product: Served, wanted: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Stop, match=sentence):
        issue_token(product.settings, "book-club", Wanted(subject="lea", **wanted))


def test_a_refresh_token_is_no_key_and_a_key_made_for_it_has_its_rights(product: Served) -> None:
    wanted = Wanted(subject="ina", tenant="acme", limits=["general=9/min"], options={"refresh": True})
    issued = issue_token(product.settings, "book-club", wanted)
    assert issued.grant.expires_at - issued.grant.issued_at == timedelta(days=365)
    assert describe(issued).startswith("refresh token; scopes: write; tenant acme; subject ina;")
    assert asked(product, "/api/caller", {"X-API-Key": issued.text}).status_code == 401
    keys = bootstrap.tokens(product.settings, NAME)
    holder = bootstrap.tokens(product.settings, refresh_audience(NAME)).verify(issued.text)
    made = keys.renewed(holder, product.clock.now(), timedelta(days=400))
    answer = asked(product, "/api/caller", {"X-API-Key": made})
    assert answer.json() == {"subject": "ina", "tenant": "acme", "scopes": ["read", "write"]}
    assert answer.headers["X-RateLimit-Limit"] == "9"
    assert made != keys.renewed(holder, product.clock.now(), timedelta(days=400))
    with pytest.raises(ApiError, match="not valid"):
        bootstrap.tokens(product.settings, refresh_audience(NAME)).verify(made)


def test_names_that_the_command_line_tells_are_those_of_addresses(product: Served) -> None:
    with pytest.raises(Stop, match="there are: book-club, communication, "):
        issue_token(product.settings, "nowhere", Wanted(subject="lea"))
    with pytest.raises(Stop, match=r"nowhere sends no webhooks; choose among communication, .*, book-club$"):
        add_webhook(product.settings, "nowhere", "https://example.com/hook", [])

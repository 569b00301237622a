"""The edge of a process: headers of every answer, who may see internals, proxies in front, and odd targets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, nullcontext
from ipaddress import ip_network
from typing import Any

import httpx2
import orjson
import psycopg
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from api.app import Edge, Internals
from api.headers import SECURITY_HEADERS
from api.proxies import Proxies, public_root
from tests.api.product import OPTIONS, Served, listening, serving
from tests.imitations import listener

LOCAL = (ip_network("127.0.0.0/8"),)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """A surface that answers what it knows of its caller."""
    seen = {
        "client": scope["client"][0],
        "scheme": scope["scheme"],
        "root": public_root(scope),
        "path": scope["path"],
    }
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": orjson.dumps(seen).decode()})
        return
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"max-age=60")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": orjson.dumps(seen)})


async def nothing() -> None:
    """No measuring."""


async def figures() -> tuple[int, bytes]:
    return 200, b"{}"


def edge(proxies: Proxies | None = None, internals: Internals | None = None, **report: object) -> Edge:
    async def ready() -> dict[str, object]:
        return {"ready": True} | report

    made = Edge({"echo": echo}, nullcontext, ready, nothing, proxies, internals)
    made.live = figures
    return made


async def seen(proxies: Proxies, **headers: str) -> dict[str, Any]:
    async with listening(edge(proxies), listener()) as url, httpx2.AsyncClient(base_url=url) as client:
        found: dict[str, Any] = (await client.get("/echo/x", headers=headers)).json()
        return found


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        (None, "127.0.0.1"),
        ("203.0.113.7", "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, 127.0.0.9", "203.0.113.7"),
        ("no address, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, no address", "127.0.0.1"),
        ("127.0.0.9", "127.0.0.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("", "127.0.0.1"),
    ],
)
async def test_a_trusted_proxy_names_the_client(forwarded: str | None, client: str) -> None:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https"}
    found = await seen(Proxies(LOCAL), **headers)
    assert found["client"] == client
    assert found["scheme"] == ("http" if forwarded is None else "https")


@pytest.mark.parametrize("trusted", [(), (ip_network("10.0.0.0/8"), ip_network("::1/128"))])
async def test_nobody_else_names_the_client(trusted: Any) -> None:
    headers = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    found = await seen(Proxies(trusted), **headers)
    assert (found["client"], found["scheme"]) == ("127.0.0.1", "http")


async def test_the_last_of_several_headers_is_the_proxys_own() -> None:
    async with listening(edge(Proxies(LOCAL)), listener()) as url, httpx2.AsyncClient(base_url=url) as client:
        headers = [("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", "203.0.113.7")]
        assert (await client.get("/echo/x", headers=headers)).json()["client"] == "203.0.113.7"


async def test_a_prefix_that_a_proxy_strips_is_part_of_the_addresses_and_of_no_path() -> None:
    found = await seen(Proxies((), "/outer"))
    assert (found["root"], found["path"]) == ("/outer/echo", "/echo/x")
    assert (await seen(Proxies()))["root"] == "/echo"


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/live", "/", "/nowhere", "/echo/x"])
async def test_every_answer_has_the_security_headers_unless_it_has_its_own(path: str) -> None:
    async with listening(edge(), listener()) as url, httpx2.AsyncClient(base_url=url) as client:
        answer = await client.get(path)
    expected = {name.decode(): value.decode() for name, value in SECURITY_HEADERS}
    if path.startswith("/echo"):
        expected["cache-control"] = "max-age=60"
    assert {name: answer.headers[name] for name in expected} == expected
    assert answer.headers.get_list("cache-control") == [expected["cache-control"]]


async def test_with_a_token_internals_answer_only_who_has_it() -> None:
    token = "t" * 32
    guarded = edge(internals=Internals(token=token))
    async with listening(guarded, listener()) as url, httpx2.AsyncClient(base_url=url) as client:
        for path in ("/ready", "/metrics", "/live"):
            assert (await client.get(path)).status_code == 401
            assert (await client.get(path, headers={"Authorization": "Bearer other"})).status_code == 401
            assert (await client.get(path, headers={"Authorization": f"Bearer {token}"})).status_code == 200
        assert (await client.get("/health")).status_code == 200


@pytest.mark.parametrize(
    ("host", "path", "root", "below"),
    [
        ("127.0.0.1", "/api/x", "", "/api/x"),
        ("anything.example.com", "/health", "", "/health"),
        ("anything.example.com", "/ready", "", "/ready"),
        ("echo-one.localhost", "/api/x", "", "/api/x"),
        ("127.0.0.1", "/echo-one/api/x", "/echo-one", "/api/x"),
        ("127.0.0.1", "/echo_one/health", "/echo_one", "/health"),
    ],
)
async def test_a_surface_at_the_root_is_at_its_other_addresses_too(host: str, path: str, root: str, below: str) -> None:
    async with at_root() as client:
        answer = await client.get(path, headers={"Host": host})
    assert {name: answer.json()[name] for name in ("root", "path")} == {"root": root, "path": f"{root}{below}"}


@asynccontextmanager
async def at_root() -> AsyncIterator[httpx2.AsyncClient]:
    """An edge of two surfaces, the first of which is at the root."""

    async def ready() -> dict[str, object]:
        return {"ready": True}

    async def other(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    made = Edge({"echo_one": echo, "other": other}, nullcontext, ready, nothing, root="echo-one")
    async with listening(made, listener()) as url, httpx2.AsyncClient(base_url=url) as client:
        yield client


async def test_a_surface_at_the_root_takes_nothing_from_another() -> None:
    async with at_root() as client:
        assert (await client.get("/other/x")).status_code == 418
        assert (await client.get("/x", headers={"Host": "other.localhost"})).status_code == 418


async def test_beside_a_surface_at_the_root_the_process_still_has_its_status_and_figures() -> None:
    async with at_root() as client:
        assert (await client.get("/")).json() == {"service": "headwater", "surfaces": ["echo-one", "other"]}
        assert "python_info" in (await client.get("/metrics")).text
        assert (await client.get("/live")).status_code == 404


async def test_without_a_surface_at_the_root_a_path_that_names_none_leads_nowhere() -> None:
    async with listening(edge(), listener()) as url, httpx2.AsyncClient(base_url=url) as client:
        assert (await client.get("/api/x")).status_code == 404
        assert (await client.get("/ready")).json() == {"ready": True}


@pytest.mark.parametrize("path", ["/nowhere", "/health", "/", "/metrics"])
async def test_a_socket_that_no_surface_has_is_refused_and_its_query_is_in_no_log(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    at = listener()
    async with listening(edge(), at):
        with pytest.raises(InvalidStatus) as refusal:
            async with connect(f"ws://127.0.0.1:{at.getsockname()[1]}{path}?api_key=secret", proxy=None):
                pass
    assert refusal.value.response.status_code == 403
    ours = [one.getMessage() for one in caplog.records if one.name != "websockets.client"]
    assert [line for line in ours if "secret" in line or "Exception" in line] == []


@pytest.mark.parametrize(("forwarded", "scheme"), [("https", "wss"), ("http", "ws"), ("x", "ws")])
async def test_a_socket_that_a_proxy_decrypts_has_the_scheme_of_its_client(forwarded: str, scheme: str) -> None:
    at, headers = listener(), {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": forwarded}
    async with listening(edge(Proxies(LOCAL)), at):
        address = f"ws://127.0.0.1:{at.getsockname()[1]}/echo/x"
        async with connect(address, additional_headers=headers, proxy=None) as socket:
            found = orjson.loads(await socket.recv())
    assert (found["client"], found["scheme"], found["path"]) == ("203.0.113.7", scheme, "/echo/x")


@asynccontextmanager
async def on_two_ports() -> AsyncIterator[tuple[str, str]]:
    """An edge with a port for internals: its addresses, of surfaces and of internals."""
    sockets = [listener(), listener()]
    port, internal = (at.getsockname()[1] for at in sockets)
    server = uvicorn.Server(uvicorn.Config(edge(internals=Internals(internal)), **OPTIONS))
    server.capture_signals = nullcontext  # type: ignore[method-assign, assignment]
    running = asyncio.create_task(server.serve(sockets=sockets))
    while not server.started:
        await asyncio.sleep(0.005)
    yield f"http://127.0.0.1:{port}", f"http://127.0.0.1:{internal}"
    server.should_exit = True
    await running
    for at in sockets:
        at.close()


async def test_on_a_port_of_their_own_internals_are_nowhere_else_and_nothing_else_is_there() -> None:
    async with on_two_ports() as (public, internal), httpx2.AsyncClient() as client:
        for path in ("/ready", "/metrics", "/live"):
            assert (await client.get(public + path)).status_code == 404
            assert (await client.get(internal + path)).status_code == 200
        assert (await client.get(f"{public}/echo/x")).status_code == 200
        assert (await client.get(f"{internal}/echo/x")).status_code == 404
        assert (await client.get(f"{internal}/health")).status_code == 200


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"OPTIONS * HTTP/1.1", 200),
        (b"GET * HTTP/1.1", 404),
        (b"GET http://another/health HTTP/1.1", 200),
        (b"GET /%00 HTTP/1.1", 404),
        (b"GET // HTTP/1.1", 404),
        (b"OPTIONS /health HTTP/1.1", 200),
    ],
    ids=str,
)
async def test_an_odd_target_gets_an_answer_and_no_trace(
    line: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    at = listener()
    async with listening(edge(), at):
        reader, writer = await asyncio.open_connection(*at.getsockname())
        writer.write(line + b"\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
    assert int(answer.split()[1]) == status
    assert "Traceback" not in caplog.text


async def test_readiness_that_cannot_be_found_out_is_no_readiness() -> None:
    async def ready() -> dict[str, object]:
        raise RuntimeError("a bug")

    made = Edge({}, nullcontext, ready, nothing)
    async with listening(made, listener()) as url, httpx2.AsyncClient(base_url=url) as client:
        answer = await client.get("/ready")
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "error": "RuntimeError"})


@pytest.fixture(scope="module")
def product() -> Any:
    variables = {
        "HEADWATER_PUBLIC_URL": "https://example.com/outer/",
        "HEADWATER_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8",
    }
    with serving(Served, variables) as served:
        yield served


def test_behind_a_proxy_that_strips_a_prefix_a_page_and_its_document_lead_through_it(product: Served) -> None:
    page = product.http.get("/communication/docs").text
    assert "'/outer/communication/openapi.json'" in page
    assert '"/outer/communication/docs/swagger-ui-bundle.js"' in page
    servers = product.http.get("/communication/openapi.json").json()["servers"]
    assert [server["url"] for server in servers] == ["/outer/communication", "/outer"]


def test_the_proof_of_a_consent_is_the_address_that_the_proxy_names(product: Served) -> None:
    with product.client("communication", "/api/communication") as client:
        body = {"user_id": 1, "email": "a@example.com"}
        assert client.post("/consent/email", json=body, headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 200
    assert "203.0.113.7" in str(product.ask("select * from read_models.communication_consents"))


def test_an_outcome_is_known_to_its_own_caller_alone(product: Served) -> None:
    with product.client("communication", "/api/communication") as client:
        assert client.post("/consent/email", json={"user_id": 2, "email": "b@example.com"}).status_code == 200
    ((found,),) = product.ask(
        "select command_id from headwater.journal where stream like 'command/%%' and key = '2' limit 1"
    )
    path = f"/communication/outcomes/{found}"
    own, other = (product.authorization("communication", subject=who) for who in ("tester", "another"))
    assert product.http.get(path, headers=own).json()["status"] == "accepted"
    assert product.http.get(path, headers=other).status_code == 404


def ready(product: Served) -> tuple[int, dict[str, Any]]:
    answer = product.http.get("/ready")
    return answer.status_code, answer.json()


REFUSING = """
    create function full_disk() returns trigger language plpgsql as
        $$ begin raise exception 'no space left on device' using errcode = '53100'; end $$;
    create trigger full_disk before insert or update on headwater.{table} execute function full_disk()
"""


def test_a_process_whose_database_takes_no_write_is_not_ready(product: Served) -> None:
    assert ready(product) == (
        200,
        {"ready": True, "database": True, "log": True, "halted": [], "log_halts": [], "kept_tasks": []},
    )
    product.journal.execute(REFUSING.format(table="probe").encode())
    status, report = ready(product)
    product.journal.execute("drop function full_disk cascade")
    assert (status, report["ready"], report["database"], report["log"]) == (503, False, True, False)
    assert ready(product)[0] == 200


def test_a_process_whose_commands_wait_for_the_database_is_not_ready(product: Served) -> None:
    product.journal.execute(REFUSING.format(table="journal").encode())
    body = {"user_id": 3, "email": "c@example.com"}
    with product.client("communication", "/api/communication") as client, ThreadPoolExecutor(1) as thread:
        answer = thread.submit(client.post, "/consent/email", json=body)
        product.wait(lambda: ready(product)[0] == 503, "it is still ready")
        product.journal.execute("drop function full_disk cascade")
        assert answer.result().status_code == 200
    assert ready(product)[0] == 200


def test_a_database_that_answers_with_an_error_gives_an_answer_and_no_readiness(product: Served) -> None:
    product.journal.execute("alter table headwater.log_halts rename to away")
    status, report = ready(product)
    metrics = product.http.get("/metrics").status_code
    product.journal.execute("alter table headwater.away rename to log_halts")
    assert (status, report["ready"], metrics) == (503, False, 200)
    assert report["error"] == f"the database answered with {psycopg.errors.UndefinedTable.__name__}"


def test_a_disk_without_room_is_said(product: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.readiness.LEAST_FREE_BYTES", 2**63)
    assert ready(product)[0] == 200  # the database is another machine's
    monkeypatch.setattr(product.settings, "postgres", None)
    status, report = ready(product)
    assert (status, report["ready"], "are free on the disk" in report["error"]) == (503, False, True)

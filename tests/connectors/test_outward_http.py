"""Requests to addresses given by others: one resolution, whose addresses are checked and called."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import httpx2
import pytest

from connectors.outward import NotPublic
from connectors.outward_http import OutwardClient, Unresolvable, port_of
from tests.connectors.names import Names, names
from tests.imitations.web import PAGE, WebImitation


@pytest.fixture
async def client() -> AsyncIterator[OutwardClient]:
    outward = OutwardClient(False, 5.0)
    yield outward
    await outward.close()


async def get(client: OutwardClient, url: str) -> int:
    response = await client.send("GET", httpx2.URL(url), {})
    await response.aclose()
    return response.status_code


async def test_a_name_is_resolved_once_and_the_checked_address_is_called(
    web: WebImitation, dns: Names, client: OutwardClient
) -> None:
    web.publish("/", PAGE)
    dns.add("rebinding.test", ["127.0.0.1"], ["127.0.0.2"])
    assert await get(client, f"http://rebinding.test:{web.port}/") == 200
    assert dns.questions == {"rebinding.test": 1}
    assert web.journal.received[0].headers["host"] == f"rebinding.test:{web.port}"


async def test_a_name_with_one_private_address_among_others_is_not_called(
    web: WebImitation, dns: Names, client: OutwardClient
) -> None:
    dns.add("mixed.test", ["127.0.0.1", "127.0.0.2"])
    with pytest.raises(NotPublic):
        await get(client, f"http://mixed.test:{web.port}/")
    assert web.journal.requests == 0


async def test_the_next_address_is_called_where_one_refuses_the_connection(
    web: WebImitation, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch).add("two.test", ["127.0.0.2", "127.0.0.1"])
    client = OutwardClient(True, 5.0)
    assert await get(client, f"http://two.test:{web.port}/nothing") == 404
    await client.close()


async def test_cookies_are_not_kept(web: WebImitation, dns: Names, client: OutwardClient) -> None:
    web.publish("/", PAGE, set_cookie="session=1; Path=/")
    dns.add("cookies.test", ["127.0.0.1"])
    for _ in range(2):
        await get(client, f"http://cookies.test:{web.port}/")
    assert ["cookie" in received.headers for received in web.journal.received] == [False, False]


async def test_a_proxy_of_the_environment_is_not_used(
    web: WebImitation, dns: Names, monkeypatch: pytest.MonkeyPatch, nobody_there: int
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{nobody_there}")
    client = OutwardClient(False, 5.0)
    dns.add("direct.test", ["127.0.0.1"])
    assert await get(client, f"http://direct.test:{web.port}/nothing") == 404
    await client.close()


@pytest.mark.parametrize(("number", "passing"), [(socket.EAI_AGAIN, True), (socket.EAI_NONAME, False)])
async def test_a_resolver_in_trouble_is_told_from_a_name_that_does_not_exist(
    dns: Names, client: OutwardClient, number: int, passing: bool
) -> None:
    dns.add("absent.test", socket.gaierror(number, "no answer"))
    with pytest.raises(Unresolvable) as raised:
        await get(client, "http://absent.test/")
    assert raised.value.passing is passing


async def test_a_name_that_is_none_cannot_be_resolved(client: OutwardClient) -> None:
    with pytest.raises(Unresolvable):
        await get(client, f"http://{'a' * 70}.test/")


@pytest.mark.parametrize(("url", "port"), [("http://a/", 80), ("https://a/", 443), ("https://a:8443/", 8443)])
def test_the_port_is_the_schemes_default_where_none_is_given(url: str, port: int) -> None:
    assert port_of(httpx2.URL(url)) == port

"""HTTP requests to addresses given by others: only public ones are called, by an address that was checked.

A name is resolved once per request, its addresses are checked, and one of those is called: a second resolution could
lead elsewhere. Proxies are not used, as they would resolve the name again. No cookie is kept.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2

from connectors.outward import addresses_of

PORTS = {"http": 80, "https": 443}
"""The schemes that are called, with their default ports."""


class Unresolvable(Exception):
    """The name cannot be resolved. `passing` tells a resolver in trouble from a name that does not exist."""

    def __init__(self, kind: str, passing: bool) -> None:
        super().__init__(kind)
        self.passing = passing


class OutwardClient:
    """A client for addresses given by others. `timeout_seconds` bounds each step of a request.

    `tls` replaces the default certificates.
    """

    def __init__(self, allow_private: bool, timeout_seconds: float, tls: ssl.SSLContext | None = None) -> None:
        self._allow_private = allow_private
        self._client = httpx2.AsyncClient(
            verify=tls or True,
            trust_env=False,
            timeout=timeout_seconds,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            # A kept connection is reused by address, though its certificate was verified for another name.
            limits=httpx2.Limits(max_keepalive_connections=0),
        )

    async def send(
        self, method: str, url: httpx2.URL, headers: Mapping[str, str], content: bytes | None = None
    ) -> httpx2.Response:
        """The response, its body not read yet: the caller closes it. Redirects are not followed.

        The next address is called where one cannot be connected to. Raises NotPublic, Unresolvable and httpx2's
        RequestError.
        """
        addresses = await self._addresses(url)
        for address in addresses[:-1]:
            try:
                return await self._send(method, url, address, headers, content)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue
        return await self._send(method, url, addresses[-1], headers, content)

    async def close(self) -> None:
        await self._client.aclose()

    async def _addresses(self, url: httpx2.URL) -> list[str]:
        try:
            return await addresses_of(url.host, port_of(url), self._allow_private)
        except socket.gaierror as error:
            raise Unresolvable(type(error).__name__, error.errno == socket.EAI_AGAIN) from None
        except UnicodeError as error:
            raise Unresolvable(type(error).__name__, False) from None

    async def _send(
        self, method: str, url: httpx2.URL, address: str, headers: Mapping[str, str], content: bytes | None
    ) -> httpx2.Response:
        request = self._client.build_request(
            method,
            url.copy_with(host=address),
            content=content,
            headers={"Host": authority_of(url), **headers},
            extensions={"sni_hostname": url.host},
        )
        return await self._client.send(request, stream=True)


def port_of(url: httpx2.URL) -> int:
    """The port, where it is the scheme's default as well."""
    return url.port or PORTS[url.scheme]


def authority_of(url: httpx2.URL) -> str:
    """The Host header: the name, and the port if it is not the scheme's default."""
    return url.netloc.decode()

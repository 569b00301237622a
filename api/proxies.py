"""Proxies in front of this process: whose word about a client's address counts, and the prefix that they strip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from starlette.types import Scope

Network = IPv4Network | IPv6Network
SOCKET_SCHEMES = {"http": "ws", "https": "wss"}
PREFIX = "headwater.prefix"
"""The scope's key of the prefix that a proxy strips; it is in no path that reaches this process."""


def public_root(scope: Scope) -> str:
    """The path of a surface as its callers see it: what a proxy strips, and what leads to the surface here."""
    root: str = scope.get(PREFIX, "") + scope.get("root_path", "")
    return root.rstrip("/")


class Proxies:
    """The proxies that are trusted, by their addresses, and the prefix of every path outside.

    An `X-Forwarded-For` counts from these alone. It is read from its end: each trusted proxy appends the address that
    called it, and the first that is no proxy's is the client's. What stands before it anybody may have written.
    """

    def __init__(self, trusted: Sequence[Network] = (), prefix: str = "") -> None:
        self._trusted = trusted
        self._prefix = prefix

    def see(self, scope: Scope) -> None:
        """Note the prefix, and put the client's address and scheme in the place of the proxy's."""
        scope[PREFIX] = self._prefix
        client = scope.get("client")
        if not self._trusted or client is None or not self._trusts(client[0]):
            return
        scope["client"] = (self._client(scope, client[0]), 0)
        scheme = next(_values(scope, b"x-forwarded-proto"), "")
        if scheme in ("http", "https"):
            scope["scheme"] = SOCKET_SCHEMES[scheme] if scope["type"] == "websocket" else scheme

    def _client(self, scope: Scope, peer: str) -> str:
        found = peer
        for address in reversed([part for value in _values(scope, b"x-forwarded-for") for part in value.split(",")]):
            try:
                found = str(ip_address(address.strip()))
            except ValueError:
                return found
            if not self._trusts(found):
                return found
        return found

    def _trusts(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        mapped = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(mapped in network for network in self._trusted)


def _values(scope: Scope, name: bytes) -> Iterator[str]:
    return (value.decode("latin-1") for given, value in scope["headers"] if given == name)

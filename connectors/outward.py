"""The guard of outgoing calls to addresses given by others: only public addresses may be called."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_TRANSLATED = IPv6Network("64:ff9b::/96")
"""NAT64 (RFC 6052): the last four bytes are an IPv4 address."""


class NotPublic(Exception):
    """The name resolves to an address that is not public: loopback, private, link-local, multicast and so on."""


def is_public(address: str) -> bool:
    """Whether this is an address of the public internet, in any notation."""
    plain = ip_address(address.partition("%")[0])
    return all(_is_public(one) for one in (plain, *_embedded(plain)))


async def addresses_of(host: str, port: int, allow_private: bool) -> list[str]:
    """Resolve a name. Raises NotPublic if any address is not public, socket.gaierror if there is none, UnicodeError
    for an invalid name.

    Call one of the addresses, not the name: a second resolution might lead elsewhere.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not allow_private:
        check_public(addresses)
    return addresses


def check_public(addresses: Sequence[str]) -> None:
    """Raise NotPublic for the first that is not: a name with any inside address must not be called."""
    for address in addresses:
        if not is_public(address):
            raise NotPublic(address)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not address.is_multicast and not getattr(address, "is_site_local", False)


def _embedded(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    if isinstance(address, IPv4Address):
        return []
    translated = IPv4Address(address.packed[12:]) if address in _TRANSLATED else None
    return [one for one in (address.ipv4_mapped, address.sixtofour, translated) if one is not None]

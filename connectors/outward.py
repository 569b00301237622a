"""Which addresses on the internet may be called on a stranger's behalf: those that are public, and no other."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_TRANSLATED = IPv6Network("64:ff9b::/96")
"""NAT64 (RFC 6052): the last four bytes are an IPv4 address."""


class NotPublic(Exception):
    """The name leads to an address that is not public: loopback, a private network, link-local, multicast and so on."""


def is_public(address: str) -> bool:
    """Whether this is an address of the public internet, whichever way it is written."""
    plain = ip_address(address.partition("%")[0])
    return all(_is_public(one) for one in (plain, *_embedded(plain)))


async def addresses_of(host: str, port: int, allow_private: bool) -> list[str]:
    """Every address that the name stands for now. Raises NotPublic if any of them is not, socket.gaierror if there is
    none, UnicodeError if it is no name.

    Call one of these, not the name: asked again, the name might lead elsewhere.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not allow_private:
        check_public(addresses)
    return addresses


def check_public(addresses: Sequence[str]) -> None:
    """Raises NotPublic for the first that isn't: a name that leads inside, if only sometimes, is not to be called."""
    for address in addresses:
        if not is_public(address):
            raise NotPublic(address)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not address.is_multicast and not getattr(address, "is_site_local", False)


def _embedded(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses that an IPv6 address leads to."""
    if isinstance(address, IPv4Address):
        return []
    translated = IPv4Address(address.packed[12:]) if address in _TRANSLATED else None
    return [one for one in (address.ipv4_mapped, address.sixtofour, translated) if one is not None]

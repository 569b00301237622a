"""The guard of outgoing calls to addresses given by others: only public addresses may be called."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_UNICAST = IPv6Network("2000::/3")
"""All IPv6 addresses that IANA assigns for global unicast. Whatever else is reachable is reachable by translation."""

_RESERVED_V6 = (IPv6Network("2001::/23"), IPv6Network("2001:db8::/32"), IPv6Network("3fff::/20"))
"""Parts of _UNICAST without hosts: IETF protocols (Teredo, benchmarks, ORCHID) and documentation."""

_RESERVED_V4 = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
"""IETF protocols, and the relays of 6to4 (RFC 7526), which some versions of Python count as global."""

_NAT64 = IPv6Network("64:ff9b::/96")
"""NAT64 (RFC 6052): the last four bytes are an IPv4 address. Networks with NAT64 resolve every IPv4 host so."""

_ISATAP = frozenset({b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe"})
"""The first half of an interface identifier by RFC 5214; the other half is an IPv4 address."""


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


def inside_address(host: str, port: int) -> str | None:
    """The first address of a name that is not public, for which it would never be called; None if it has none now."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return None
    return next((str(entry[4][0]) for entry in found if not is_public(str(entry[4][0]))), None)


def check_public(addresses: Sequence[str]) -> None:
    """Raise NotPublic for the first that is not: a name with any inside address must not be called."""
    for address in addresses:
        if not is_public(address):
            raise NotPublic(address)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        reserved = any(address in network for network in _RESERVED_V4)
        return address.is_global and not address.is_multicast and not reserved
    if address.ipv4_mapped is not None or address in _NAT64:
        return True  # as far as the embedded address is
    return address in _UNICAST and address.is_global and not any(address in network for network in _RESERVED_V6)


def _embedded(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    if isinstance(address, IPv4Address):
        return []
    packed = address.packed
    last = IPv4Address(packed[12:]) if address in _NAT64 or packed[8:12] in _ISATAP else None
    return [one for one in (address.ipv4_mapped, address.sixtofour, last) if one is not None]

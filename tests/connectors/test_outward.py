"""What counts as public, in all the ways an address can be written."""

from __future__ import annotations

import socket

import pytest

from connectors.outward import NotPublic, addresses_of, check_public, is_public


@pytest.mark.parametrize(
    "address",
    [
        "93.184.216.34",
        "8.8.8.8",
        "2606:4700:4700::1111",
        "2a00:1450:4001:800::200e",
        "64:ff9b::808:808",
        "::ffff:8.8.8.8",
        "2606:4700::5efe:808:808",
    ],
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "192.0.0.1",
        "192.0.0.9",
        "192.88.99.1",
        "192.0.2.1",
        "240.0.0.1",
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:0:127.0.0.1",
        "::ffff:0:8.8.8.8",
        "64:ff9b:1::a9fe:a9fe",
        "64:ff9b:1::808:808",
        "2606:4700::5efe:10.0.0.1",
        "2606:4700::200:5efe:169.254.169.254",
        "fe80::5efe:8.8.8.8",
        "2001::1",
        "2001:2::1",
        "2001:20::1",
        "2001:db8::1",
        "3fff::1",
        "4000::1",
        "5f00::1",
        "100::1",
        "100:0:0:1::1",
        "fc00::1",
        "fe00::1",
    ],
)
def test_every_other_address_is_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f000001", "0"])
async def test_a_name_that_leads_inside_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises(NotPublic):
        await addresses_of(host, 80, allow_private=False)


@pytest.mark.parametrize("addresses", [["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"]])
def test_a_name_that_leads_inside_only_sometimes_is_refused(addresses: list[str]) -> None:
    with pytest.raises(NotPublic, match=r"127\.0\.0\.1"):
        check_public(addresses)


async def test_private_addresses_may_be_allowed() -> None:
    assert await addresses_of("127.0.0.1", 80, allow_private=True) == ["127.0.0.1"]


async def test_a_name_that_stands_for_nothing_is_an_error() -> None:
    with pytest.raises(socket.gaierror):
        await addresses_of("nothing.invalid", 80, allow_private=False)

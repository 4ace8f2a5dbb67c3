"""Addresses of ranges: which is next, what is never given, and what happens at the end."""

from __future__ import annotations

import ipaddress

import pytest

from firkin.cri.network.embedded.leases import Leases, gateway
from firkin.errors import NetworkError

SMALL = ipaddress.ip_network("10.0.0.0/29")
WIDE = ipaddress.ip_network("fd00::/64")


def taken(leases: Leases, times: int) -> list[str]:
    return [str(leases.take()[0]) for _ in range(times)]


def test_network_gateway_and_broadcast_are_not_given() -> None:
    leases = Leases([SMALL])
    assert taken(leases, 5) == [f"10.0.0.{number}/29" for number in range(2, 7)]
    assert str(gateway(SMALL)) == "10.0.0.1/29"


def test_the_last_address_of_ipv6_is_one() -> None:
    leases = Leases([ipaddress.ip_network("fd00::/126")])
    assert taken(leases, 2) == ["fd00::2/126", "fd00::3/126"]


def test_a_full_range_is_told_and_takes_nothing_of_the_others() -> None:
    leases = Leases([WIDE, ipaddress.ip_network("10.0.0.0/30")])
    leases.take()
    with pytest.raises(NetworkError, match=r"10\.0\.0\.0/30: all are in use") as caught:
        leases.take()
    assert caught.value.transient
    leases.free([ipaddress.ip_interface("10.0.0.2/30")])
    assert [str(address) for address in leases.take()] == ["fd00::3/64", "10.0.0.2/30"]


def test_a_freed_address_comes_last() -> None:
    leases = Leases([SMALL])
    first = leases.take()
    leases.free(first)
    assert taken(leases, 5) == [f"10.0.0.{number}/29" for number in (3, 4, 5, 6, 2)]


def test_addresses_that_are_held_are_not_given() -> None:
    leases = Leases([SMALL])
    leases.hold([ipaddress.ip_interface("10.0.0.4/29"), ipaddress.ip_interface("10.9.0.2/24")])
    assert taken(leases, 4) == [f"10.0.0.{number}/29" for number in (5, 6, 2, 3)]

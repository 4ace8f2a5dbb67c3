"""Netlink messages: the bytes are what pyroute2 itself reads out of them, and its import stays small."""

from __future__ import annotations

import ipaddress
import subprocess
import sys

import pytest

from firkin.cri.network.netlink import address, expressions, link, nftables
from firkin.cri.network.netlink.messages import walk

HEADER = 16


def attributes(data: bytes, offset: int) -> dict[int, bytes]:
    return dict(walk(data, offset))


def test_only_the_message_classes_of_pyroute2_are_imported() -> None:
    script = (
        "import sys, firkin.cri.network.embedded.service\n"
        "names = [name for name in sys.modules if name.partition('.')[0] == 'pyroute2']\n"
        "print(len(names), 'pyroute2.ndb' in names, 'pyroute2' in names)\n"
        "import pyroute2\n"
        "print(pyroute2.IPRoute.__name__)\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    count, *others = first.split()
    assert int(count) < 60
    assert others == ["False", "False"]
    assert second == "IPRoute"


def test_networks_of_plugins_import_no_pyroute2() -> None:
    script = "import sys, firkin.cri.network; print(any(name.startswith('pyroute2') for name in sys.modules))"
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_veth_pair_is_read_by_pyroute2_as_it_was_meant() -> None:
    from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

    message = ifinfmsg(link.new_veth("fk1", 0x10, 7, "eth0", "02:fb:0a:00:00:02", 1400).data)
    message.decode()
    assert message["header"]["flags"] == 0x001 | 0x004 | 0x400 | 0x200
    assert (message.get_attr("IFLA_IFNAME"), message.get_attr("IFLA_MTU")) == ("fk1", 1400)
    info = message.get_attr("IFLA_LINKINFO")
    assert info.get_attr("IFLA_INFO_KIND") == "veth"
    peer = info.get_attr("IFLA_INFO_DATA").get_attr("VETH_INFO_PEER")
    assert peer.get_attr("IFLA_IFNAME") == "eth0"
    assert peer.get_attr("IFLA_NET_NS_FD") == 7
    assert peer.get_attr("IFLA_ADDRESS") == "02:fb:0a:00:00:02"


@pytest.mark.parametrize(("text", "flags"), [("10.1.2.3/24", 0), ("fd00::3/64", 2)])
def test_an_ipv6_address_is_given_without_a_look_for_duplicates(text: str, flags: int) -> None:
    data = address.add_address(5, ipaddress.ip_interface(text)).data
    assert (data[HEADER + 1], data[HEADER + 2]) == (ipaddress.ip_interface(text).network.prefixlen, flags)
    found = attributes(data, HEADER + 8)
    assert found[1] == found[2] == ipaddress.ip_interface(text).packed


def test_the_type_of_a_concatenation_is_that_of_nft() -> None:
    kind = nftables.Kind(7, 4) & nftables.Kind(12, 1) & nftables.Kind(13, 2)
    assert kind == nftables.Kind(7 << 12 | 12 << 6 | 13, 12)


def test_walking_ends_at_an_attribute_that_is_too_short() -> None:
    assert list(walk(b"\x08\x00\x01\x00abcd\x03\x00\x02\x00")) == [(1, b"abcd")]
    assert list(walk(b"\x08\x00\x01\x80abcd\x00")) == [(1, b"abcd")]


def test_a_name_is_compared_with_all_its_sixteen_bytes() -> None:
    rule = nftables.add_rule("t", "c", expressions.from_interface("firkin0")).data
    value = b"firkin0".ljust(16, b"\0")
    assert (4 + len(value)).to_bytes(2, sys.byteorder) + b"\x01\x00" + value in rule

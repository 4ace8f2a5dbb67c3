"""Requests of rtnetlink for links: bridges, veth pairs, ports of bridges.

Source: rtnetlink(7), Documentation/netlink/specs/rt-link.yaml.
"""

from __future__ import annotations

import functools
import struct
import sys
from dataclasses import dataclass

from firkin.cri.network.netlink.connection import Connection
from firkin.cri.network.netlink.messages import IS_NESTED, Attribute, Message, encode, nested, netlink_classes, walk

__all__ = [
    "LINK_NOTICES",
    "Link",
    "delete_group",
    "delete_link",
    "find_link",
    "get_link",
    "list_links",
    "new_bridge",
    "new_veth",
    "retire_port",
    "set_port",
    "set_up",
]

_NEWLINK, _DELLINK, _GETLINK, _SETLINK = 16, 17, 18, 19
_BRIDGE_FAMILY = 7
_CREATE, _EXCLUSIVE, _DUMP = 0x400, 0x200, 0x300
_UP = 1
_HEADER = struct.Struct("=BxHiII")
_NAME, _MTU, _MASTER, _INFO, _ALIAS = 3, 4, 10, 18, 20
_OPERSTATE = 16
_INFO_KIND = 1
_OPERSTATE_UP = 6
_SKIP_STATISTICS = 8
_PORT_DISABLED = 0

LINK_NOTICES = 1
"""The multicast group that tells of links (RTNLGRP_LINK)."""

(_ifinfmsg,) = netlink_classes("rtnl.ifinfmsg")


@dataclass(frozen=True, slots=True)
class Link:
    """A link as the kernel lists it: `kind` is "bridge", "veth" ...; `master` the index of its bridge, 0 if none.

    It is operational once the kernel has noticed that its other end is up too (RFC 2863).
    """

    index: int
    name: str
    master: int
    mtu: int
    alias: str
    kind: str
    is_up: bool
    is_operational: bool


def new_bridge(name: str, mac: str, mtu: int) -> Message:
    """Make a bridge that forwards at once, and is up.

    Its address is given, so that it is not that of whichever port is the lowest. It does not look into IGMP and MLD,
    which decides nothing here and costs work for each port.
    """
    data = nested(("IFLA_BR_STP_STATE", 0), ("IFLA_BR_FORWARD_DELAY", 0), ("IFLA_BR_MCAST_SNOOPING", 0))
    return _request(
        f"make bridge {name}",
        _NEWLINK,
        ("IFLA_IFNAME", name),
        ("IFLA_ADDRESS", mac),
        ("IFLA_MTU", mtu),
        ("IFLA_LINKINFO", nested(("IFLA_INFO_KIND", "bridge"), ("IFLA_INFO_DATA", data))),
        flags=_CREATE | _EXCLUSIVE,
        up=True,
    )


def new_veth(name: str, group: int, namespace: int, peer: str, mac: str, mtu: int) -> Message:
    """Make a veth pair: `name` in a group here, `peer` with the address `mac` in the network namespace `namespace`.

    One queue each: more serve only XDP, and by default there is one for each processor.
    """
    queues: list[Attribute] = [("IFLA_NUM_TX_QUEUES", 1), ("IFLA_NUM_RX_QUEUES", 1)]
    far = nested(
        ("IFLA_IFNAME", peer), ("IFLA_ADDRESS", mac), ("IFLA_MTU", mtu), ("IFLA_NET_NS_FD", namespace), *queues
    )
    data = nested(("VETH_INFO_PEER", far))
    return _request(
        f"make link {name}",
        _NEWLINK,
        ("IFLA_IFNAME", name),
        ("IFLA_GROUP", group),
        ("IFLA_MTU", mtu),
        *queues,
        ("IFLA_LINKINFO", nested(("IFLA_INFO_KIND", "veth"), ("IFLA_INFO_DATA", data))),
        flags=_CREATE | _EXCLUSIVE,
    )


def set_port(name: str, bridge: int, alias: str) -> tuple[Message, Message]:
    """Make a link a port of the bridge with the index `bridge`, up, in hairpin mode, with an alias.

    Hairpin mode lets a pod reach itself through a port of the host, where netfilter sees bridged frames.
    """
    port = _request(
        f"make link {name} a port",
        _NEWLINK,
        ("IFLA_IFNAME", name),
        ("IFLA_IFALIAS", alias),
        ("IFLA_MASTER", bridge),
        up=True,
    )
    return port, _port_request(f"set hairpin mode of link {name}", name, ("IFLA_BRPORT_MODE", 1))


def retire_port(name: str, index: int, group: int) -> tuple[Message, Message]:
    """Put a link into a group, to be deleted with that, and cut it off, without waiting for anything.

    The request for the state is that of bridge(8): after any other the bridge would look at the link again, and enable
    a port whose link is up.
    """
    aside = _request(f"put link {name} aside", _NEWLINK, ("IFLA_GROUP", group), index=index)
    state: Attribute = ("IFLA_PROTINFO", nested(("IFLA_BRPORT_STATE", _PORT_DISABLED)), IS_NESTED)
    silence = encode(_ifinfmsg.ifinfmsg, _SETLINK, 0, state, family=_BRIDGE_FAMILY, index=index)
    return aside, Message(f"disable port {name}", silence)


@functools.lru_cache(64)
def set_up(index: int) -> Message:
    """Set the link with this index up."""
    return _request("set a link of the pod up", _NEWLINK, index=index, up=True)


def delete_link(name: str) -> Message:
    """Delete a link, and the other half of its pair."""
    return _request(f"delete link {name}", _DELLINK, ("IFLA_IFNAME", name))


@functools.cache
def delete_group(group: int) -> Message:
    """Delete all links of a group: the kernel waits for its readers once for all of them."""
    return _request("delete the links of pods that ended", _DELLINK, ("IFLA_GROUP", group))


@functools.lru_cache(64)
def get_link(name: str) -> Message:
    """Ask for the link of that name."""
    return _request(f"find link {name}", _GETLINK, ("IFLA_IFNAME", name), ("IFLA_EXT_MASK", _SKIP_STATISTICS))


def find_link(connection: Connection, name: str) -> Link:
    """The link of that name. Raises KernelError (ENODEV) if there is none."""
    return _decode(connection.ask(get_link(name))[0][1])


def list_links(connection: Connection, master: int = 0) -> list[Link]:
    """All links, or those of the bridge with that index. Raises KernelError."""
    wanted: list[Attribute] = [("IFLA_EXT_MASK", _SKIP_STATISTICS)]
    if master:
        wanted.append(("IFLA_MASTER", master))
    return [_decode(body) for _, body in connection.ask(_request("list links", _GETLINK, *wanted, flags=_DUMP))]


def _decode(body: bytes) -> Link:
    _, _, index, flags, _ = _HEADER.unpack_from(body)
    found = dict(walk(body, _HEADER.size))
    info = dict(walk(found.get(_INFO, b"")))
    master, mtu = (int.from_bytes(found.get(kind, b""), sys.byteorder) for kind in (_MASTER, _MTU))
    name, alias, kind = (_text(field) for field in (found.get(_NAME), found.get(_ALIAS), info.get(_INFO_KIND)))
    is_operational = found.get(_OPERSTATE) == bytes([_OPERSTATE_UP])
    return Link(index, name, master, mtu, alias, kind, bool(flags & _UP), is_operational)


def _text(payload: bytes | None) -> str:
    return (payload or b"").rstrip(b"\0").decode(errors="replace")


def _port_request(what: str, name: str, option: Attribute) -> Message:
    data = nested(("IFLA_INFO_SLAVE_KIND", "bridge"), ("IFLA_INFO_SLAVE_DATA", nested(option)))
    return _request(what, _NEWLINK, ("IFLA_IFNAME", name), ("IFLA_LINKINFO", data))


def _request(what: str, kind: int, *attributes: Attribute, flags: int = 0, index: int = 0, up: bool = False) -> Message:
    change = _UP if up else 0
    return Message(what, encode(_ifinfmsg.ifinfmsg, kind, flags, *attributes, index=index, flags=change, change=change))

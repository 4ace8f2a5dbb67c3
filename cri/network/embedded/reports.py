"""Keeping the reports of multicast listeners from all other pods.

A pod reports its IPv6 addresses' groups four times in its first second (RFC 3810), and the bridge, which has no use for
that, would send each report to every pod: what it costs to attach a pod would grow with their number.
"""

from __future__ import annotations

from firkin.cri.network.netlink import expressions as on
from firkin.cri.network.netlink import nftables as nft
from firkin.cri.network.netlink.messages import Message
from firkin.cri.network.netlink.nftables import BRIDGE, Hook

__all__ = ["drop_reports"]

_PREROUTING, _EARLY = 0, -300
_ETHERTYPE, _NEXT_HEADER, _AFTER_OPTIONS, _TYPE = 12, 6, 40, 48
_HOP_BY_HOP, _ICMPV6 = 0, 58
_REPORT, _DONE, _REPORT_V2 = 131, 132, 143


def drop_reports(table: str, group: int) -> list[Message]:
    """The requests for a table of the family bridge that drops reports which come from links of a group."""
    messages = [nft.add_table(table, family=BRIDGE), nft.delete_table(table, family=BRIDGE)]
    messages.append(nft.add_table(table, family=BRIDGE))
    messages.append(nft.add_chain(table, "reports", Hook("filter", _PREROUTING, _EARLY), family=BRIDGE))
    is_ipv6 = [*on.byte_is(on.LINK, _ETHERTYPE, 0x86), *on.byte_is(on.LINK, _ETHERTYPE + 1, 0xDD)]
    # Such messages have the router alert among hop-by-hop options, which are of 8 bytes then.
    is_icmp = [*on.byte_is(on.NETWORK, _NEXT_HEADER, _HOP_BY_HOP), *on.byte_is(on.NETWORK, _AFTER_OPTIONS, _ICMPV6)]
    for kind in (_REPORT_V2, _REPORT, _DONE):
        rule = [*on.from_group(group), *is_ipv6, *is_icmp, *on.byte_is(on.NETWORK, _TYPE, kind), *on.drop()]
        messages.append(nft.add_rule(table, "reports", rule, family=BRIDGE))
    return messages

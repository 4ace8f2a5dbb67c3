"""The host's side of the built-in network: the bridge, its addresses, what the kernel lets through, and nftables."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Collection, Sequence

from firkin.cri.network.embedded import pod_link, settings
from firkin.cri.network.embedded.bridge import check_ranges, make_bridge, settle_gateways
from firkin.cri.network.embedded.reports import drop_reports
from firkin.cri.network.embedded.store import Record
from firkin.cri.network.embedded.table import NatTable
from firkin.cri.network.netlink import link, nftables
from firkin.cri.network.netlink.address import Network
from firkin.cri.network.netlink.connection import Connection
from firkin.cri.network.netlink.link import Link
from firkin.cri.network.netlink.messages import Message
from firkin.cri.network.netlink.namespace import own_namespace
from firkin.cri.network.options import Options, parse_networks
from firkin.errors import KernelError

__all__ = ["Host"]

_ROUTE, _NETFILTER = 0, 12
_FORWARD = 2
_log = logging.getLogger(__name__)


class Host:
    """The network namespace of the calling thread, as that of the host.

    `route` and `netfilter` are connections in it, `namespace` is a descriptor of it, `bridge` is there after `set_up`.
    Raises ConfigError, OSError.
    """

    bridge: Link

    def __init__(self, options: Options) -> None:
        self._options = options
        self._direct = parse_networks(options.direct, "direct")
        self.namespace = own_namespace()
        self.route, self.netfilter = Connection(_ROUTE), Connection(_NETFILTER)

    def close(self) -> None:
        """Let go of it."""
        self.route.close()
        self.netfilter.close()
        os.close(self.namespace)

    def set_up(
        self, ranges: Sequence[Network], given: Sequence[Network], former: Collection[Network], ports: Sequence[Message]
    ) -> None:
        """Make all that is not there yet, and the table of nftables anew, in one step.

        Parameters: addresses are given of `ranges`; pods have some of `given`, which includes these; `former` are
        ranges that may not be needed any more; `ports` are the requests for the elements of the table.
        Raises NetworkError if the ranges are in use elsewhere, KernelError.
        """
        options = self._options
        self.bridge = make_bridge(self.route, options.bridge, options.mtu)
        self.check(ranges)
        settle_gateways(self.route, self.bridge.index, given, former)
        for version in sorted({network.version for network in given}):
            for said in settings.forward(version):
                _log.warning("set %s: pods reach other networks through this host", said)
        table = NatTable(options.table, options.bridge)
        nftables.commit(self.netfilter, [*table.make(), *table.fill(given, self._direct), *ports])
        self._keep_reports()
        for chain in nftables.list_dropping_chains(self.netfilter, _FORWARD):
            _log.warning("chain %s of nftables drops what is forwarded, of pods too, unless a rule accepts it", chain)

    def check(self, ranges: Sequence[Network]) -> None:
        """See that ranges are not in use elsewhere. Raises NetworkError, KernelError."""
        check_ranges(self.route, self.bridge.index, ranges)

    def is_whole(self) -> bool:
        """Whether nobody deleted the bridge or the table. Raises KernelError."""
        try:
            is_bridge = link.find_link(self.route, self._options.bridge).index == self.bridge.index
            return is_bridge and bool(self.netfilter.ask(nftables.get_table(self._options.table)))
        except KernelError as error:
            if error.errno in (errno.ENODEV, errno.ENOENT):
                return False
            raise

    def reconnect(self, records: Collection[Record]) -> None:
        """Make the links of pods ports of the bridge again. Raises KernelError."""
        ports = {found.name for found in link.list_links(self.route, self.bridge.index)}
        for record in records:
            try:
                if record.link not in ports:
                    pod_link.connect(self.route, record, self.bridge.index)
            except KernelError as error:
                if error.errno != errno.ENODEV:
                    raise
                _log.warning("link %s of sandbox %s is gone", record.link, record.id)

    def strays(self, known: Collection[str]) -> list[str]:
        """The names of ports that look like links of pods and are not `known`. Raises KernelError."""
        ports = link.list_links(self.route, self.bridge.index)
        return [found.name for found in ports if found.name.startswith(pod_link.PREFIX) and found.name not in known]

    def _keep_reports(self) -> None:
        try:
            nftables.commit(self.netfilter, drop_reports(self._options.table, pod_link.GROUP))
        except KernelError as error:
            # Without nftables for bridges there is more noise, and nothing else is missing.
            if error.errno not in (errno.EOPNOTSUPP, errno.EAFNOSUPPORT, errno.ENOENT):
                raise
            _log.info("reports of multicast listeners go to all pods: %s", error)

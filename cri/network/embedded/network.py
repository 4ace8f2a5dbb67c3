"""The built-in network as a whole. One thread does everything here, as the kernel does: links have one lock.

What a pod is given is recorded first; every step has an undo that may be called at any time.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Collection, Iterable, Sequence

from firkin.cri import faults
from firkin.cri.network.embedded import pod_link, settings
from firkin.cri.network.embedded.host import Host
from firkin.cri.network.embedded.leases import Leases
from firkin.cri.network.embedded.ports import Ports
from firkin.cri.network.embedded.store import Record, Store
from firkin.cri.network.model import INTERFACE, Bandwidth, PodNetwork, Sandbox
from firkin.cri.network.netlink import link
from firkin.cri.network.netlink.address import Interface, Network
from firkin.cri.network.netlink.namespace import open_pod
from firkin.cri.network.options import Options, parse_ranges
from firkin.cri.network.steps import Step, run_steps
from firkin.errors import AlreadyExistsError, KernelError, NetworkError, NotFoundError

__all__ = ["NAME", "BridgeNetwork"]

NAME = "firkin"
"""The name of the network."""

_log = logging.getLogger(__name__)


class BridgeNetwork:
    """The network of a bridge, as the directory `options.state` tells it. All of it is used by one thread.

    Raises NetworkError if another process has the directory or the ranges are in use elsewhere, KernelError,
    ConfigError, OSError.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._host = Host(options)
        try:
            self._store = Store(options.state)
        except BaseException:
            self._host.close()
            raise
        self._ports = Ports(self._host.netfilter, options.table)
        self._retired: set[str] = set()
        try:
            self._load()
            self._set_up(())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of everything; the pods stay attached."""
        self._host.close()
        self._store.close()

    @property
    def sandboxes(self) -> frozenset[str]:
        """The ids of the sandboxes that are attached, or were begun to be."""
        return frozenset(self._records) - self._retired

    def attach(self, sandbox: Sandbox) -> PodNetwork:
        """Attach a pod. If that fails, nothing of it is left.

        Raises AlreadyExistsError if it is attached, NetworkError, KernelError, ConfigError.
        """
        if sandbox.id in self._retired:
            self.flush()
        if sandbox.id in self._records:
            raise AlreadyExistsError(f"attach sandbox {sandbox.id}: it is attached already")
        pod = open_pod(sandbox.netns, self._host.namespace)
        try:
            try:
                return self._attach(sandbox, pod)
            except KernelError:
                if self._host.is_whole():
                    raise
                self._set_up(())
                return self._attach(sandbox, pod)
        finally:
            os.close(pod)

    def steps(self, record: Record, made: pod_link.PodLink, bandwidth: Bandwidth) -> list[Step]:
        """The steps that attach a pod, in their order."""

        def nothing() -> None:
            # What the step before it undoes takes this away too.
            pass

        return [
            Step("record", lambda: self._remember(record), lambda: self._forget(record)),
            Step(
                "link",
                lambda: made.make(self._host.bridge.mtu),
                lambda: pod_link.remove_link(self._host.route, record.link),
            ),
            Step("port of the bridge", lambda: made.connect(self._host.bridge), nothing),
            Step("bandwidth", lambda: made.limit(bandwidth), nothing),
            Step("ports of the host", lambda: self._ports.lead(record), lambda: self._ports.release(record)),
        ]

    def detach(self, sandbox: str) -> bool:
        """Cut a pod off, if it is attached: its ports lead nowhere and its link is silent when this returns.

        Whether there is something to `flush`: until then its addresses are not given again. Raises KernelError.
        """
        record = self._records.get(sandbox)
        if record is not None and sandbox not in self._retired:
            self._ports.release(record)
            faults.reach("network-ports")
            pod_link.retire(self._host.route, record.link)
            faults.reach("network-retired")
            self._retired.add(sandbox)
        return bool(self._retired)

    def flush(self) -> None:
        """Delete the links of all pods that were detached, and free their addresses. Raises KernelError, OSError."""
        self._host.route.do(link.delete_group(pod_link.TRASH), ignore={errno.ENODEV})
        for sandbox in sorted(self._retired):
            self._forget(self._records[sandbox])
            self._retired.discard(sandbox)

    def check(self, sandbox: str) -> None:
        """See that an attached pod is as it was made. Raises NetworkError, NotFoundError, KernelError."""
        if sandbox not in self.sandboxes:
            raise NotFoundError(f"check sandbox {sandbox}: it is not attached")
        record = self._records[sandbox]
        pod = open_pod(record.netns, self._host.namespace)
        try:
            pod_link.check_link(self._host.route, pod, self._host.namespace, record, self._host.bridge.index)
        finally:
            os.close(pod)
        self._ports.see(record)

    def collect(self, dead: Iterable[str]) -> list[str]:
        """Detach `dead`, delete what no record knows, and free it all: what was done, in words. Raises as `detach`."""
        gone = [sandbox for sandbox in dead if sandbox in self._records]
        for sandbox in gone:
            self.detach(sandbox)
        strays = self._host.strays({record.link for record in self._records.values()})
        for name in strays:
            pod_link.retire(self._host.route, name)
        elements = self._ports.release_unowned()
        self.flush()
        said = [f"sandbox {sandbox}" for sandbox in gone] + [f"link {name}" for name in strays]
        return said + ([f"{elements} ports of the host"] if elements else [])

    def set_ranges(self, texts: tuple[str, ...]) -> None:
        """Give addresses of other ranges from now on; attached pods keep theirs.

        Raises ConfigError, NetworkError if they are in use elsewhere: then the former are kept. KernelError, OSError.
        """
        ranges, former = parse_ranges(texts, "pod_cidr"), self._leases.ranges
        self._host.check(ranges)
        self._store.save_ranges(texts)
        self._lease(ranges)
        self._set_up(former)

    def repair(self) -> bool:
        """Make the bridge and the table again if they were deleted by others: whether they were. Raises KernelError."""
        if self._host.is_whole():
            return False
        self._set_up(())
        return True

    def _load(self) -> None:
        self._records, faults = self._store.load()
        for fault in faults:
            _log.error("%s", fault)
        for record in self._records.values():
            self._ports.know(record)
        saved = self._store.load_ranges()
        self._lease(parse_ranges(saved or self._options.ranges, "pod_cidr" if saved else "ranges"))

    def _lease(self, ranges: Sequence[Network]) -> None:
        if not settings.has_ipv6():
            ranges = [network for network in ranges if network.version == 4]
        self._leases = Leases(ranges)
        for record in self._records.values():
            self._leases.hold(record.addresses)

    def _set_up(self, former: Collection[Network]) -> None:
        used = {address.network for record in self._records.values() for address in record.addresses}
        given = tuple(dict.fromkeys([*self._leases.ranges, *sorted(used, key=str)]))
        self._host.set_up(self._leases.ranges, given, former, self._ports.requests(self._records.values()))
        self._host.reconnect([self._records[sandbox] for sandbox in self.sandboxes])

    def _attach(self, sandbox: Sandbox, pod: int) -> PodNetwork:
        addresses = self._take_addresses()
        name, mac = pod_link.link_name(sandbox.id), pod_link.mac_address(addresses)
        record = Record(sandbox.id, sandbox.netns, name, mac, addresses, sandbox.ports)
        try:
            self._ports.check(record)
            made = pod_link.PodLink(self._host.route, self._host.namespace, pod, record)
        except BaseException:
            self._leases.free(addresses)
            raise
        try:
            run_steps(self.steps(record, made, sandbox.bandwidth))
        finally:
            made.close()
        return PodNetwork(tuple(str(address.ip) for address in addresses), INTERFACE, mac, NAME)

    def _take_addresses(self) -> tuple[Interface, ...]:
        try:
            return self._leases.take()
        except NetworkError:
            if not self._retired:
                raise
            self.flush()
            return self._leases.take()

    def _remember(self, record: Record) -> None:
        self._records[record.id] = record
        self._store.save(record)

    def _forget(self, record: Record) -> None:
        self._store.remove(record.id)
        self._leases.free(record.addresses)
        self._records.pop(record.id, None)

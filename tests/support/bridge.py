"""Pods in the built-in network of a test's own host."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from firkin.cri.network.embedded.network import BridgeNetwork
from firkin.cri.network.model import Bandwidth, PodNetwork, PortMapping, Sandbox
from firkin.cri.network.options import Options
from tests.support.netns import Namespace, World, run

__all__ = ["RANGES", "Pod", "Pods", "leftovers"]

RANGES = ("10.77.0.0/24", "fd77::/64")


@dataclass(frozen=True, slots=True)
class Pod:
    """An attached pod."""

    sandbox: Sandbox
    namespace: Namespace
    network: PodNetwork

    def ip(self, version: int) -> str:
        """Its address of IPv4 or IPv6."""
        return next(ip for ip in self.network.ips if (":" in ip) == (version == 6))


class Pods:
    """The built-in network on the host that the thread is in; `options` may be changed before `restart`."""

    def __init__(self, here: World, state: Path, **more: object) -> None:
        self.here = here
        self.options = Options(state=str(state), ranges=RANGES, **more)  # type: ignore[arg-type]
        self.network = BridgeNetwork(self.options)

    def add(self, name: str, *ports: PortMapping, bandwidth: Bandwidth = Bandwidth()) -> Pod:  # noqa: B008
        """Attach a new pod."""
        namespace = self.here.namespace(name)
        sandbox = Sandbox(name, namespace.path, ports=ports, bandwidth=bandwidth)
        return Pod(sandbox, namespace, self.network.attach(sandbox))

    def remove(self, pod: Pod) -> None:
        """Detach a pod, and wait until all of it is gone."""
        self.network.detach(pod.sandbox.id)
        self.network.flush()

    def restart(self) -> None:
        """Let another process have the network, as it were."""
        self.network.close()
        self.network = BridgeNetwork(self.options)

    def close(self) -> None:
        """Let go of the network."""
        self.network.close()


def leftovers(options: Options) -> list[str]:
    """What is on the host of pods: links, ports, records."""
    links = [line.split(":")[1].strip().partition("@")[0] for line in run("ip -o link show type veth").splitlines()]
    rules = run(f"nft list table inet {options.table}")
    ports = [line.strip() for line in rules.splitlines() if "comment" in line]
    records = [path.name for path in Path(options.state, "pods").iterdir()]
    return [name for name in links if name.startswith("fk")] + ports + records

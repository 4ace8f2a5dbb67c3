"""How long it takes to attach a pod to a network, and to detach it: the built-in network against the bridge plug-in.

    python benchmarks/network.py [--rounds N] [--pods N] [--json FILE]

Both give an address of IPv4 and of IPv6, masquerade, and lead a port of the host to the pod; the plug-ins are bridge,
host-local and portmap. They take turns, each on the host of a network namespace of its own; compare ratios, not times.
A pod of the built-in network is detached when its ports are gone and its link is silent; `deleted` is the share of a
pod in what the kernel takes to delete its link with those of the other pods. Needs root and the plug-ins.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# At the end: the folder firkin/ must not hide the installed package.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from firkin.cri.network.cni.configuration import Configuration, decode_configuration
from firkin.cri.network.cni.network import CniNetwork
from firkin.cri.network.embedded.network import BridgeNetwork
from firkin.cri.network.model import PortMapping, Sandbox
from firkin.cri.network.options import Options
from tests.support.netns import World, world

Samples = dict[str, dict[str, list[float]]]
_RANGES = ("10.66.0.0/16", "fd66::/64")


def timed(action: Callable[[], object]) -> float:
    """Milliseconds that the action takes."""
    begin = time.perf_counter()
    action()
    return (time.perf_counter() - begin) * 1000


class BuiltIn:
    """The built-in network."""

    name = "built in"

    def __init__(self, place: Path) -> None:
        self._network = BridgeNetwork(Options(state=f"{place}/state", ranges=_RANGES))
        self.attach = self._network.attach
        self.detach = self._network.detach
        self.flush = self._network.flush


class Plugins:
    """bridge, host-local and portmap, as distributions ship them."""

    name = "plug-ins"

    def __init__(self, place: Path) -> None:
        self._cni = CniNetwork(Options(state=f"{place}/state", cni_cache=f"{place}/cache"))
        self._configuration = _configuration(place)
        self.detach = self._cni.detach

    def attach(self, sandbox: Sandbox) -> None:
        """As of the other."""
        self._cni.attach(sandbox, self._configuration)

    def flush(self) -> None:
        """Nothing is left to do."""


def _configuration(place: Path) -> Configuration:
    ranges = [[{"subnet": subnet}] for subnet in _RANGES]
    routes = [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
    ipam = {"type": "host-local", "ranges": ranges, "routes": routes, "dataDir": f"{place}/leases"}
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": True, "hairpinMode": True, "ipam": ipam}
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    return decode_configuration(
        json.dumps({"cniVersion": "1.0.0", "name": "bench", "plugins": [bridge, portmap]}), "benchmark"
    )


@contextmanager
def pods(here: World, count: int, prefix: str) -> Iterator[list[Sandbox]]:
    """New network namespaces."""
    made = [here.namespace(f"{prefix}{number}") for number in range(count)]
    yield [
        Sandbox(Path(pod.path).name, pod.path, ports=(PortMapping("tcp", 80, 20000 + number),))
        for number, pod in enumerate(made)
    ]
    for pod in made:
        pod.unpin()


def sample(kind: type[BuiltIn] | type[Plugins], rounds: int) -> dict[str, list[float]]:
    """`rounds` pods, one after the other, on a new host."""
    found: dict[str, list[float]] = {"attach": [], "detach": [], "deleted": []}
    with tempfile.TemporaryDirectory() as place, world(Path(place, "netns")) as here:
        network = kind(Path(place))
        with pods(here, rounds, "p") as sandboxes:
            found["attach"] = [timed(lambda: network.attach(sandbox)) for sandbox in sandboxes]  # noqa: B023
            found["detach"] = [timed(lambda: network.detach(sandbox.id)) for sandbox in sandboxes]  # noqa: B023
            found["deleted"] = [timed(network.flush) / rounds]
    return found


def growth(count: int) -> tuple[float, float]:
    """The fastest of the first and of the last tenth of `count` pods that are attached at a time."""
    with tempfile.TemporaryDirectory() as place, world(Path(place, "netns")) as here:
        network = BuiltIn(Path(place))
        with pods(here, count, "g") as sandboxes:
            times = [timed(lambda: network.attach(sandbox)) for sandbox in sandboxes]  # noqa: B023
            for sandbox in sandboxes:
                network.detach(sandbox.id)
            network.flush()
    tenth = max(1, count // 10)
    return min(times[:tenth]), min(times[-tenth:])


def table(samples: Samples) -> str:
    """Median and fastest of each step, and the ratios of the built-in network to the plug-ins."""
    lines = [f"{'step':8} {'network':9} {'median ms':>10} {'fastest':>8} {'ratios':>16}"]
    for step in ("attach", "detach", "deleted"):
        ours, theirs = (samples[kind.name][step] for kind in (BuiltIn, Plugins))
        for name, values in ((BuiltIn.name, ours), (Plugins.name, theirs)):
            ratio = ""
            if values is theirs and min(theirs) > 0.01:
                ratio = f"{statistics.median(ours) / statistics.median(theirs):.3f} {min(ours) / min(theirs):.3f}"
            lines.append(f"{step:8} {name:9} {statistics.median(values):10.2f} {min(values):8.2f} {ratio:>16}")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured, with ten pods")
    parser.add_argument("--pods", type=int, default=500, help="how many are attached at a time at last")
    parser.add_argument("--json", type=Path, help="write all samples to this file")
    options = parser.parse_args()
    logging.disable()
    samples: Samples = {kind.name: {} for kind in (BuiltIn, Plugins)}
    for _ in range(options.rounds):
        for kind in (BuiltIn, Plugins):
            for step, values in sample(kind, 10).items():
                samples[kind.name].setdefault(step, []).extend(values)
    print(table(samples))
    first, last = growth(options.pods)
    print(f"of {options.pods} pods the first take {first:.2f} ms, the last {last:.2f} ms: {last / first:.2f}x")
    if options.json:
        options.json.write_text(json.dumps(samples, indent=1))


if __name__ == "__main__":
    main()

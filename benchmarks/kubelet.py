"""Many pods on one node: how soon they are ready, and what the agent and the runtime cost while nothing happens.

    python -P benchmarks/kubelet.py [--pods N ...] [--probes http exec ...] [--seconds N] [--node] [--json FILE]

Each pod has one container, a web server, with a readiness probe every 10 seconds. The daemons run in new namespaces of
mounts, network and processes, with their state in memory; with --node they are one process. What is counted is their
own time on the processors, as a share of one processor, without the programs of probes and the pods themselves. Needs
root.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

# At the end: the folder firkin/ must not hide the installed package.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks.image_sources import run
from firkin.kubelet.api.container import Container, ContainerPort
from firkin.kubelet.api.meta import ObjectMeta
from firkin.kubelet.api.pod import Pod, PodSpec
from firkin.kubelet.api.probe import ExecAction, HTTPGetAction, Probe, TCPSocketAction
from firkin.kubelet.objects.store import Objects
from firkin.workbench.peers.namespaces import in_private_world, place_in_memory
from tests.support.bundle import FIRKIN
from tests.support.cri_client import CriClient
from tests.support.cri_servers import IMAGE, make_images
from tests.support.waiting import SECONDS

_CONFIG = """
[cri]
root = "{place}/root"
state = "{place}/state"
socket = "{place}/cri.sock"
log_level = "warning"
[cri.network]
config_directory = "{place}/cni"
[kubelet]
root = "{place}/kubelet"
state = "{place}/run"
logs = "{place}/pods"
runtime_endpoint = "unix://{place}/cri.sock"
node_name = "node"
node_ip = "127.0.0.1"
log_level = "warning"
[kubelet.sources]
manifests = ""
[kubelet.container_logs]
links = ""
[kubelet.resources]
max_pods = 1000
"""
_SETTLE = 25.0
"""Seconds until the first probes of all pods have been made."""

_TICKS = os.sysconf("SC_CLK_TCK")
_PROBES = {
    "http": Probe(http_get=HTTPGetAction(port=80)),
    "tcp": Probe(tcp_socket=TCPSocketAction(port=80)),
    "exec": Probe(exec=ExecAction(command=["true"])),
    "none": None,
}


class Figures(NamedTuple):
    """One run: seconds, shares of a processor in percent, MiB."""

    pods: int
    probe: str
    running: float
    ready: float
    cpu_agent: float
    cpu_runtime: float
    rss_agent: float
    rss_runtime: float
    per_pod: float


class Daemons:
    """The two daemons below `place`, or the one."""

    def __init__(self, place: Path, stack: ExitStack, *, together: bool) -> None:
        self._config = place / "config.toml"
        self.runtime = self._start(stack, "node" if together else "cri")
        self.client = CriClient(str(place / "cri.sock"))
        self.client.wait_ready(SECONDS)
        self.agent = self.runtime if together else self._start(stack, "kubelet")

    def _start(self, stack: ExitStack, command: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([FIRKIN, command, "--config", self._config], stdin=subprocess.DEVNULL)
        stack.callback(process.wait)
        stack.callback(process.terminate)
        return process

    @property
    def pids(self) -> tuple[int, int]:
        """Agent and runtime."""
        return self.agent.pid, self.runtime.pid


def pod(number: int, probe: Probe | None) -> Pod:
    """A web server."""
    container = Container(
        name="web",
        image=IMAGE,
        image_pull_policy="IfNotPresent",
        command=["sh", "-c", "mkdir -p /srv; echo hello > /srv/index.html; exec httpd -f -h /srv"],
        ports=[ContainerPort(container_port=80)],
        readiness_probe=probe,
    )
    spec = PodSpec(containers=[container], termination_grace_period_seconds=1)
    return Pod(metadata=ObjectMeta(name=f"web-{number}", namespace="default"), spec=spec)


def seconds_used(pid: int) -> float:
    """The time of a process on the processors."""
    fields = Path("/proc", str(pid), "stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def mebibytes(pid: int, key: str) -> float:
    """A line of a process's smaps_rollup, such as Rss."""
    text = Path("/proc", str(pid), "smaps_rollup").read_text()
    return int(text.partition(f"{key}:")[2].split()[0]) / 1024


def monitors() -> Iterator[float]:
    """What each of the runtime's monitors has of memory to itself."""
    for number in Path("/proc").iterdir():
        try:
            if number.name.isdecimal() and (number / "comm").read_text().startswith("firkin-monitor"):
                yield mebibytes(int(number.name), "Pss")
        except (FileNotFoundError, ProcessLookupError):
            continue


@contextmanager
def daemons(images: Path, pods: Sequence[Pod], *, together: bool) -> Iterator[tuple[Path, Daemons]]:
    """The daemons with these pods to run; they have ended at the end, and the pods too."""
    with tempfile.TemporaryDirectory(dir=images.parent) as directory, ExitStack() as stack:
        place = Path(directory)
        (place / "config.toml").write_text(_CONFIG.format(place=place))
        run(FIRKIN, "import", "--store", place / "root", images / "busybox.tar")
        objects = Objects(f"{place}/kubelet/objects.db")
        for one in pods:
            objects.create(one)
        objects.close()
        made = Daemons(place, stack, together=together)
        try:
            yield place, made
        finally:
            if made.agent is not made.runtime:
                made.agent.terminate()
                made.agent.wait()
            for sandbox in made.client("ListPodSandbox").items:
                made.client("RemovePodSandbox", pod_sandbox_id=sandbox.id)
            made.client.close()


def measure(images: Path, count: int, probe: str, seconds: float, *, together: bool) -> Figures:
    """Bring up so many pods, and watch the daemons for a while when all is quiet."""
    pods = [pod(number, _PROBES[probe]) for number in range(count)]
    begun, wall = time.monotonic(), time.time()
    with daemons(images, pods, together=together) as (place, made):
        running = {"state": {"state": 1}}
        while len(made.client("ListContainers", filter=running).containers) < count:
            time.sleep(0.1)
        up = time.monotonic() - begun
        time.sleep(_SETTLE)
        before, at = [seconds_used(pid) for pid in made.pids], time.monotonic()
        time.sleep(seconds)
        passed = time.monotonic() - at
        agent, runtime = (100 * (seconds_used(pid) - old) / passed for pid, old in zip(made.pids, before, strict=True))
        of_agent, of_runtime = (mebibytes(pid, "Rss") for pid in made.pids)
        each = sum(monitors()) / count
        made.agent.terminate()
        made.agent.wait()
        ready = ready_after(place, wall, count)
        if together:
            # All of it was counted for the agent. What is left is taken away by a runtime alone.
            runtime = of_runtime = 0.0
            made.runtime = made.agent = subprocess.Popen([FIRKIN, "cri", "--config", place / "config.toml"])
            made.client.wait_ready(SECONDS)
    return Figures(count, probe, up, ready, agent, runtime, of_agent, of_runtime, each)


def ready_after(place: Path, begun: float, count: int) -> float:
    """When the last pod became ready, in seconds, as the pods say it."""
    objects = Objects(f"{place}/kubelet/objects.db")
    times = [
        one.last_transition_time.timestamp() - begun
        for found in objects.list(Pod)
        for one in found.status.conditions
        if one.type == "Ready" and one.status == "True" and one.last_transition_time is not None
    ]
    objects.close()
    if len(times) != count:
        raise RuntimeError(f"{len(times)} of {count} pods are ready")
    return max(times)


def table(found: Sequence[Figures]) -> str:
    """All figures."""
    lines = [
        f"{'pods':>5} {'probes':>6} {'all run':>9} {'ready':>7} {'agent':>8} {'runtime':>8} {'together':>9}"
        f" {'agent':>10} {'runtime':>10} {'a monitor':>10}"
    ]
    for one in found:
        both = one.cpu_agent + one.cpu_runtime
        lines.append(
            f"{one.pods:5} {one.probe:>6} {one.running:7.1f} s {one.ready:5.0f} s {one.cpu_agent:6.2f} %"
            f" {one.cpu_runtime:6.2f} % {both:7.2f} % {one.rss_agent:6.1f} MiB {one.rss_runtime:6.1f} MiB"
            f" {1024 * one.per_pod:6.0f} KiB"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pods", type=int, nargs="+", default=[110, 250])
    parser.add_argument("--probes", choices=_PROBES, nargs="+", default=["http", "exec"])
    parser.add_argument("--seconds", type=float, default=60, help="how long the daemons are watched (60)")
    parser.add_argument(
        "--node", action="store_true", help="agent and runtime in one process: its figures are the agent's"
    )
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    options = parser.parse_args()
    in_private_world()
    with place_in_memory() as memory:
        (memory / "images").mkdir()
        images = make_images(memory / "images")
        found = [
            measure(images, count, probe, options.seconds, together=options.node)
            for count in options.pods
            for probe in options.probes
        ]
    print(table(found))
    if options.json:
        options.json.write_text(json.dumps([one._asdict() for one in found], indent=1))


if __name__ == "__main__":
    main()

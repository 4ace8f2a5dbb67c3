"""How long pods take, and how much memory, with `firkin cri` and with containerd, asked over CRI by the same client.

    python -P benchmarks/cri.py [--rounds N] [--pods N] [--full] [--lives N] [--only SUBSTRING] [--json FILE]

The servers run side by side in new namespaces of mounts, network and processes, each with its state in memory, and take
turns, so that whatever else the machine does hits all. containerd has runc and the bridge plug-in of CNI; firkin is
measured with its own network and with the same plug-in. The client is in Python: what it costs is in all figures.
Compare ratios, not times. With `--lives` nothing is compared: that many pods live on firkin with its own network, and
what it has in the end must not be more than in the beginning. Needs root, containerd, runc, and the plug-ins of CNI.
"""

from __future__ import annotations

import argparse
import itertools
import json
import secrets
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

# At the end: the folder firkin/ must not hide the installed package.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks.cri_lives import Lives, grown, holdings
from firkin.cgroupfs import Cgroup
from firkin.workbench.peers.namespaces import in_private_world, place_in_memory
from tests.support.cri_client import CriClient
from tests.support.cri_servers import IMAGE, Server, make_images, running

Samples = dict[str, dict[str, list[float]]]
NAMES = ("firkin, own network", "firkin, bridge plug-in", "containerd")
_CLIENTS = 4
_EXECS = 3
_FULL = 500
_KEPT = 50
_numbers = itertools.count(1)


# As the kubelet asks for a container without a security context, in a cluster whose default seccomp profile is on.
_NAMESPACES = {"namespace_options": {"pid": 1}}
_CONTEXT = {
    **_NAMESPACES,
    "seccomp": {"profile_type": "RuntimeDefault"},
    "masked_paths": [
        "/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
    ],
    "readonly_paths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
}  # fmt: skip


def pod_config(cgroup: str = "") -> dict[str, Any]:
    """A pod of its own name, below the cgroup."""
    name = f"pod-{next(_numbers)}"
    metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}"}
    return {
        "metadata": metadata,
        "hostname": name,
        "log_directory": f"/run/logs/{name}",
        "linux": {"cgroup_parent": cgroup, "security_context": _NAMESPACES},
    }


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    """Milliseconds that the action takes, and what it returns."""
    begin = time.perf_counter()
    result = action()
    return (time.perf_counter() - begin) * 1000, result


def make_pod(client: CriClient, cgroup: str = "") -> dict[str, Any]:
    """A pod with a container that sleeps: what each call took, and the ids of both."""
    config = pod_config(cgroup)
    container = {
        "metadata": {"name": "main"},
        "image": {"image": IMAGE},
        "command": ["sleep", "1000000"],
        "log_path": "main.log",
        "linux": {"security_context": _CONTEXT},
    }
    run_ms, pod = timed(lambda: client("RunPodSandbox", config=config).pod_sandbox_id)
    request = {"pod_sandbox_id": pod, "config": container, "sandbox_config": config}
    create_ms, id = timed(lambda: client("CreateContainer", **request).container_id)
    start_ms, _ = timed(lambda: client("StartContainer", container_id=id))
    times = {"RunPodSandbox": run_ms, "CreateContainer": create_ms, "StartContainer": start_ms}
    return {"pod": pod, "container": id, "times": {"pod ready": run_ms + create_ms + start_ms, **times}}


def end_pod(client: CriClient, pod: str) -> dict[str, float]:
    """Stop and remove a pod: what each call took."""
    stop_ms, _ = timed(lambda: client("StopPodSandbox", pod_sandbox_id=pod))
    remove_ms, _ = timed(lambda: client("RemovePodSandbox", pod_sandbox_id=pod))
    return {"StopPodSandbox": stop_ms, "RemovePodSandbox": remove_ms}


def life(client: CriClient) -> dict[str, float]:
    """What one pod's life takes, by step, in ms."""
    made = make_pod(client)
    times: dict[str, float] = made["times"]
    asked = {"container_id": made["container"], "cmd": ["true"], "timeout": 60}
    times["ExecSync"] = min(timed(lambda: client("ExecSync", **asked))[0] for _ in range(_EXECS))
    return {**times, **end_pod(client, made["pod"])}


def sample(servers: list[Server], rounds: int) -> Samples:
    """All rounds, the servers in turn; two rounds before them only warm up."""
    samples: Samples = {server.name: {} for server in servers}
    for number in range(-2, rounds):
        for server in servers:
            for step, value in life(server.client).items():
                if number >= 0:
                    samples[server.name].setdefault(step, []).append(value)
    return samples


def together(server: Server, works: Sequence[Callable[[CriClient], Any]]) -> tuple[float, list[Any]]:
    """Works done by four clients at a time, each with a connection of its own: seconds, and what they returned."""
    work = list(works)
    results: list[Any] = []
    failures: list[BaseException] = []

    def client() -> None:
        mine = CriClient(str(server.socket))
        try:
            while work:
                results.append(work.pop()(mine))
        except BaseException as error:
            failures.append(error)
        finally:
            mine.close()

    threads = [threading.Thread(target=client) for _ in range(_CLIENTS)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return time.perf_counter() - begin, results


def crowd(server: Server, pods: int) -> dict[str, float]:
    """Many pods at a time: how fast they come and go, and what they cost while they are there."""
    before = _processes()
    seconds, made = together(server, [make_pod] * pods)
    rate = pods / seconds
    ready = [one["times"]["pod ready"] for one in made]
    tenth = max(1, pods // 10)
    first, last = (statistics.median(part) for part in (ready[:tenth], ready[-tenth:]))
    mine = {pid: name for pid, name in _processes().items() if pid not in before and name != "sleep"}
    found = {
        f"pods ready per s, {_CLIENTS} clients": rate,
        "pod ready, first tenth, ms": first,
        "pod ready, last tenth, ms": last,
        "last tenth to first": last / first,
        "processes per pod": len(mine) / pods,
        "PSS per pod, KiB": sum(map(_pss, mine)) / pods,
        "RSS of the daemon, MiB": _resident(server.process.pid),
        "ListContainerStats of all, ms": min(timed(lambda: _stats(server, pods))[0] for _ in range(5)),
        "ListContainers of all, ms": min(timed(lambda: server.client("ListContainers"))[0] for _ in range(5)),
    }
    ends = [partial(_end, one["pod"]) for one in made]
    seconds, _ = together(server, ends)
    return {**found, f"pods gone per s, {_CLIENTS} clients": pods / seconds}


def live(server: Server, lives: int) -> None:
    """Let that many pods live on the server; prints what it has at first and at last, and exits if that has grown."""
    cgroup = f"/firkin-bench-{secrets.token_hex(4)}"
    pods = Lives(_KEPT, lambda client: str(make_pod(client, cgroup)["pod"]), end_pod)
    before, between = pods.parts(lives)
    together(server, pods.works(before))
    first = holdings(server, cgroup[1:])
    seconds, _ = together(server, pods.works(between))
    last = holdings(server, cgroup[1:])
    together(server, pods.ends())
    Cgroup.destroy(cgroup[1:])
    print(f"{lives} pods, {_KEPT} at a time, {between / seconds:.1f} lives per s; {'first':>10} {'last':>10}")
    for name, value in first.items():
        print(f"{name:24} {value:10} {last[name]:10}")
    if more := grown(first, last):
        sys.exit(f"grown: {', '.join(more)}")


def _end(pod: str, client: CriClient) -> dict[str, float]:
    return end_pod(client, pod)


def _stats(server: Server, pods: int) -> None:
    found = server.client("ListContainerStats").stats
    assert len(found) == pods, f"{server.name} has statistics of {len(found)} containers of {pods}"


def _processes() -> dict[int, str]:
    # In a pid namespace of its own, these are the benchmark's and what the servers have made.
    found = {}
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            try:
                found[int(path.name)] = (path / "comm").read_text().strip()
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def steps_table(samples: Samples) -> str:
    """Median and fastest of each step, and the ratio of the medians to containerd's."""
    lines = [f"{'step':16} {'server':24} {'median ms':>10} {'fastest':>8} {'is':>7}"]
    for step in next(iter(samples.values())):
        for name, steps in samples.items():
            median = statistics.median(steps[step])
            peer = samples.get("containerd")
            ratio = f"{median / statistics.median(peer[step]):6.3f}x" if peer and steps is not peer else ""
            lines.append(f"{step:16} {name:24} {median:10.2f} {min(steps[step]):8.2f} {ratio:>7}")
    return "\n".join(lines)


def crowd_table(found: dict[str, dict[str, float]]) -> str:
    """Figures with many pods, and their ratio to containerd's."""
    lines = [f"{'':32} {'server':24} {'':>10} {'is':>8}"]
    for what in next(iter(found.values())):
        for name, values in found.items():
            peer = found.get("containerd")
            ratio = f"{values[what] / peer[what]:7.3f}x" if peer and values is not peer and peer[what] else ""
            lines.append(f"{what:32} {name:24} {values[what]:10.2f} {ratio:>8}")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--pods", type=int, default=100, help="how many there are at a time")
    parser.add_argument("--full", action="store_true", help=f"the same as --pods {_FULL}")
    parser.add_argument("--lives", type=int, default=0, help="see whether firkin grows over so many pods")
    parser.add_argument("--only", default="", help="servers with this in their names")
    parser.add_argument("--json", type=Path, help="write all samples to this file")
    options = parser.parse_args()
    in_private_world()
    names = NAMES[:1] if options.lives else [name for name in NAMES if options.only in name]
    pods = _FULL if options.full else options.pods
    with place_in_memory() as memory, ExitStack() as stack:
        (memory / "images").mkdir()
        images = make_images(memory / "images")
        servers = [
            stack.enter_context(running(name, memory / name.replace(", ", "-").replace(" ", "-"), images))
            for name in names
        ]
        if options.lives:
            live(servers[0], options.lives)
            return
        samples = sample(servers, options.rounds)
        if options.rounds:
            print(steps_table(samples) + "\n", flush=True)
        crowds = {server.name: crowd(server, pods) for server in servers} if pods else {}
        if pods:
            print(f"{pods} pods of one container at a time")
            print(crowd_table(crowds))
    if options.json:
        options.json.write_text(json.dumps({"steps": samples, "crowd": crowds}, indent=1))


if __name__ == "__main__":
    main()

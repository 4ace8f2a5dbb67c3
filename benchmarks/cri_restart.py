"""How long `firkin cri` takes to be ready when it finds containers that an earlier one has left, running.

    python -P benchmarks/cri_restart.py [--containers N] [--per-pod N] [--rounds N]

The server is killed (SIGKILL) and started again, several times. What counts is the time from its execution to READY=1
(sd_notify(3)), when all containers are known and watched and calls are answered; and until a first ListContainers has
been answered, over a new connection. The last round starts a server where nothing is, for comparison. It all happens in
new namespaces of mounts, network and processes, with the state in memory. Needs root.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

# At the end: the folder firkin/ must not hide the installed package.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks.cri import pod_config
from firkin.workbench.peers.namespaces import in_private_world, place_in_memory
from tests.support.cri_client import CriClient
from tests.support.cri_servers import IMAGE, firkin_command, make_images

_PATIENCE = 120


class Start(NamedTuple):
    """One start: seconds until READY=1 and until the first answer, of processor time until then, and memory in MiB."""

    ready: float
    answered: float
    processor: float
    resident: float


class Daemon:
    """`firkin cri` below `place`."""

    def __init__(self, place: Path, images: Path) -> None:
        place.mkdir()
        (place / "cni").mkdir()
        self.place = place
        self._command = [str(word) for word in firkin_command(place, images)]

    def start(self, containers: int) -> Start:
        """Start it, and see that it knows that many containers to be running."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices, open(self.place / "log", "ab") as log:
            path = self.place / "notices"
            path.unlink(missing_ok=True)
            notices.bind(str(path))
            notices.settimeout(_PATIENCE)
            environment = {**os.environ, "NOTIFY_SOCKET": str(path)}
            begin = time.perf_counter()
            self.process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )
            while notices.recv(4096) != b"READY=1":
                continue
            ready = time.perf_counter() - begin
        self.client = CriClient(str(self.place / "cri.sock"))
        found = self.client("ListContainers", filter={"state": {"state": "CONTAINER_RUNNING"}}).containers
        answered = time.perf_counter() - begin
        assert len(found) == containers, f"{len(found)} of {containers} containers are known to run"
        return Start(ready, answered, _processor(self.process.pid), _resident(self.process.pid))

    def end(self, number: int = signal.SIGKILL) -> None:
        """Send it a signal, and wait for its end."""
        self.client.close()
        self.process.send_signal(number)
        self.process.wait()


def _processor(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def fill(client: CriClient, containers: int, per_pod: int) -> None:
    """Make pods until there are so many containers, all of which run."""
    for first in range(0, containers, per_pod):
        config = pod_config()
        pod = client("RunPodSandbox", config=config).pod_sandbox_id
        for number in range(first, min(first + per_pod, containers)):
            container: dict[str, Any] = {
                "metadata": {"name": f"c{number}"},
                "image": {"image": IMAGE},
                "command": ["sleep", "1000000"],
                "log_path": f"c{number}.log",
                "linux": {"security_context": {"namespace_options": {"pid": 1}}},
            }
            id = client("CreateContainer", pod_sandbox_id=pod, config=container, sandbox_config=config).container_id
            client("StartContainer", container_id=id)


def empty(client: CriClient) -> None:
    """Remove all pods."""
    for sandbox in client("ListPodSandbox").items:
        client("RemovePodSandbox", pod_sandbox_id=sandbox.id)


def table(starts: list[Start], nothing: list[Start], containers: int, per_pod: int) -> str:
    """The figures."""
    heads = f"{'ready s':>10}{'answered s':>12}{'processor s':>13}{'RSS MiB':>9}"
    lines = [f"{'':34}{heads}"]
    for name, found in ((f"{containers} containers, {per_pod} a pod", starts), ("nothing", nothing)):
        for what, pick in (("median", statistics.median), ("fastest", min)):
            values = [pick([start[column] for start in found]) for column in range(4)]
            lines.append(f"{f'{name}, {what}':34}{values[0]:10.2f}{values[1]:12.2f}{values[2]:13.2f}{values[3]:9.1f}")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--containers", type=int, default=1000)
    parser.add_argument("--per-pod", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    in_private_world()
    with place_in_memory() as memory:
        (memory / "images").mkdir()
        daemon = Daemon(memory / "firkin", make_images(memory / "images"))
        daemon.start(0)
        begin = time.perf_counter()
        fill(daemon.client, options.containers, options.per_pod)
        seconds, resident = time.perf_counter() - begin, _resident(daemon.process.pid)
        print(f"{options.containers} containers were started in {seconds:.1f} s: the server has {resident:.1f} MiB")
        starts, nothing = [], []
        for _ in range(options.rounds):
            daemon.end()
            starts.append(daemon.start(options.containers))
        empty(daemon.client)
        for _ in range(options.rounds):
            daemon.end()
            nothing.append(daemon.start(0))
        daemon.end(signal.SIGTERM)
        print(table(starts, nothing, options.containers, options.per_pod))


if __name__ == "__main__":
    main()

"""`firkin kubelet` as a process of its own, which can be killed; what it keeps is read while it does not run."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.objects.store import Objects
from tests.support.agent import HasSocket, pod_of
from tests.support.bundle import FIRKIN
from tests.support.waiting import SECONDS

__all__ = ["AgentProcess"]

_CONFIG = """
[kubelet]
root = "{place}/kubelet"
state = "{place}/state"
logs = "{place}/pods"
runtime_endpoint = "unix://{socket}"
node_name = "node"
node_ip = "192.0.2.1"
max_restart_delay = 1
log_level = "debug"
[kubelet.sources]
manifests = "{place}/manifests"
[kubelet.resources]
cgroup_root = "{cgroup}"
[kubelet.container_logs]
links = ""
"""


class AgentProcess:
    """An agent below `place` for the runtime `server`, which `start` starts.

    Parameters: `cgroup` is where pods have theirs; without it that of the server for it.
    """

    def __init__(self, place: Path, server: HasSocket, cgroup: str = "") -> None:
        self.place = place
        self._process: subprocess.Popen[bytes] | None = None
        cgroup = cgroup or getattr(server, "pods_cgroup", "")
        (place / "config.toml").write_text(_CONFIG.format(place=place, socket=server.socket, cgroup=cgroup))

    def put(self, *manifests: str) -> None:
        """Have these pods, before it runs."""
        objects = self.objects()
        for text in manifests:
            objects.create(pod_of(text))
        objects.close()

    def objects(self) -> Objects:
        """What it has, while it does not run. To be closed."""
        return Objects(f"{self.place}/kubelet/objects.db")

    def pods(self) -> dict[str, Pod]:
        """The pods by their names, while it does not run."""
        objects = self.objects()
        found = {one.metadata.name: one for one in objects.list(Pod)}
        objects.close()
        return found

    def start(self) -> None:
        """Start it; it may take a while before it does something."""
        command = [str(FIRKIN), "kubelet", "--config", str(self.place / "config.toml")]
        with open(self.place / "log", "ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM, and its exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, number: int) -> int:
        if self._process is None:
            return 0
        assert self._process.poll() is None, self.log()
        self._process.send_signal(number)
        status = self._process.wait(SECONDS)
        self._process = None
        return status

    def log(self) -> str:
        """What it has said."""
        return (self.place / "log").read_text()

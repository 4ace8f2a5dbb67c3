"""`firkin cri` as a process of its own, with everything it has below one directory, in the network of the test."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from firkin.cgroupfs import Cgroup
from firkin.cgroupfs.hierarchy import find_hierarchy
from firkin.oci.store.images import ImageStore
from tests.support.bundle import FIRKIN, make_rootfs
from tests.support.cgroups import scratch_name
from tests.support.cri_client import CriClient
from tests.support.local_image import add_image
from tests.support.template import Forked, Template
from tests.support.waiting import SECONDS

__all__ = ["IMAGE", "CriServer"]

IMAGE = "registry.example/busybox:1"

_CONFIG = """
[cri]
root = "{place}/root"
state = "{place}/state"
socket = "{place}/cri.sock"
log_level = "debug"
[cri.images]
policy = "{place}/policy.toml"
[cri.network]
config_directory = "{place}/cni"
plugin_directories = ["{place}/plugins/bin"]
cache_directory = "{place}/cni-cache"
"""


class CriServer:
    """A server below `place`, which `start` starts; it serves the image `IMAGE`, which has busybox.

    Parameters: `settings` is TOML whose keys win over the usual ones; `{place}` in it is the place. `handler` is the
    runtime handler of the pods that `pod` makes. `template` is what it is forked from, if it is not to be started as a
    command; `cgroup` a path below the root of the hierarchy: the server is in `server` there, and pods in `pods`;
    `registry` is where images can be pulled from.
    """

    def __init__(
        self, place: Path, settings: str = "", handler: str = "", *,
        template: Template | None = None, cgroup: str = "", registry: str = "",
    ) -> None:  # fmt: skip
        self.handler = handler
        self.place = place
        self.cgroup = cgroup
        self.registry = registry
        self.pods_cgroup = scratch_name()
        self._template = template
        self.socket = place / "cri.sock"
        self.state = place / "state"
        self._log = place / "log"
        self._process: subprocess.Popen[bytes] | Forked | None = None
        self._client: CriClient | None = None
        self._pods = 0
        place.mkdir(parents=True, exist_ok=True)
        (place / "config.toml").write_text(_CONFIG.format(place=place))
        self.configure(settings)
        with ImageStore(str(place / "root")) as store:
            config = {"Cmd": ["sh"], "Env": ["PATH=/bin"], "User": ""}
            add_image(store, IMAGE, [_layer(place / "rootfs")], config)

    def configure(self, settings: str) -> None:
        """Write settings beside the usual ones, for the next start or reload."""
        (self.place / "config.d").mkdir(exist_ok=True)
        (self.place / "config.d" / "test.toml").write_text(settings.replace("{place}", str(self.place)))

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.launch()
        self._client = CriClient(str(self.socket))
        try:
            self._client.wait_ready(SECONDS)
        except Exception as error:
            raise AssertionError(f"firkin cri does not answer: {self.log()}") from error

    def launch(self) -> None:
        """Start it."""
        arguments = ["cri", "--config", str(self.place / "config.toml")]
        if self._template:
            cgroup = Path(find_hierarchy().mount, self.cgroup, "server") if self.cgroup else None
            self._process = self._template.start(arguments, self._log, cgroup)
            return
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                [str(FIRKIN), *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def wait(self) -> int:
        """Wait for its end, which something else brings about: its exit status."""
        return self._end(0)

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM, and its exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, number: int) -> int:
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._process is None:
            return 0
        self._process.send_signal(number)
        status = self._process.wait(SECONDS)
        self._process = None
        return status

    @property
    def pid(self) -> int:
        """The server's process."""
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        """What it has said."""
        return self._log.read_text()

    def __call__(self, name: str, **request: Any) -> Any:
        """A call, its request as a JSON object."""
        assert self._client is not None
        return self._client(name, **request)

    def stream(self, name: str, **request: Any) -> Any:
        """A call that answers with a stream."""
        assert self._client is not None
        return self._client.stream(name, **request)

    def pod_config(self, **more: Any) -> dict[str, Any]:
        """A pod of a name of its own."""
        self._pods += 1
        name = f"pod-{self._pods}"
        parent = f"/{self.cgroup}/pods" if self.cgroup else ""
        return {
            "metadata": {"name": name, "namespace": "default", "uid": f"uid-{self._pods}"},
            "hostname": name,
            "log_directory": str(self.place / "logs" / name),
            "linux": {"cgroup_parent": parent, "security_context": {"namespace_options": {"pid": 1}}},
            **more,
        }

    def pod(self, **more: Any) -> str:
        """The id of a new sandbox."""
        config = self.pod_config(**more)
        return str(self("RunPodSandbox", config=config, runtime_handler=self.handler).pod_sandbox_id)

    def container_config(self, script: str, name: str = "main", **more: Any) -> dict[str, Any]:
        """A container that runs a shell script."""
        linux = {"security_context": {"namespace_options": {"pid": 1}}}
        return {
            "metadata": {"name": name},
            "image": {"image": IMAGE},
            "command": ["sh", "-c", script],
            "log_path": f"{name}.log",
            "linux": linux,
            **more,
        }

    def create(self, pod: str, script: str, name: str = "main", **more: Any) -> str:
        """The id of a new container."""
        config = self.container_config(script, name, **more)
        return str(self("CreateContainer", pod_sandbox_id=pod, config=config).container_id)

    def run(self, pod: str, script: str, name: str = "main", **more: Any) -> str:
        """The id of a new container that is started."""
        id = self.create(pod, script, name, **more)
        self("StartContainer", container_id=id)
        return id

    def status(self, container: str) -> Any:
        """The status of a container."""
        return self("ContainerStatus", container_id=container).status

    def exec(self, container: str, *command: str, timeout: int = 0) -> Any:
        """What ExecSync answers."""
        return self("ExecSync", container_id=container, cmd=command, timeout=timeout)

    def monitor(self, container: str) -> int:
        """The process id of a container's monitor, 0 if there is none."""
        directory = str(self.state / "containers" / container)
        for pid in filter(str.isdecimal, os.listdir("/proc")):
            try:
                if Path(f"/proc/{pid}/comm").read_text() != "firkin-monitor\n":
                    continue
                if any(os.readlink(f"/proc/{pid}/fd/{fd}") == directory for fd in os.listdir(f"/proc/{pid}/fd")):
                    return int(pid)
            except OSError:
                # It has ended.
                continue
        return 0

    def clean_up(self) -> None:
        """Remove all pods, and stop; and the cgroup `pods_cgroup`, which is for those of an agent."""
        if self._process is not None:
            for sandbox in self("ListPodSandbox").items:
                self("RemovePodSandbox", pod_sandbox_id=sandbox.id)
            self.stop()
        Cgroup.destroy(self.pods_cgroup)

    def leftovers(self) -> list[str]:
        """What is below the state's directories of sandboxes and containers."""
        found = []
        for part in ("sandboxes", "containers", "runtime", "pins"):
            found += [f"{part}/{name}" for name in os.listdir(self.state / part) if name[0] != "."]
        found += [str(path.relative_to(self.state)) for path in self.state.glob("handlers/*/*")]
        found += os.listdir(self.state / "consoles")
        return found + [line.split()[4] for line in _mounts() if f"{self.place}/root/" in line]


def _mounts() -> list[str]:
    return Path("/proc/self/mountinfo").read_text().splitlines()


def _layer(rootfs: Path) -> bytes:
    make_rootfs(rootfs)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.add(rootfs, arcname=".")
        for name in ("etc/passwd", "etc/group"):
            text = (
                b"root:x:0:0::/root:/bin/sh\nweb:x:33:33::/srv:/bin/sh\n"
                if name == "etc/passwd"
                else b"root:x:0:\nweb:x:33:\nstaff:x:50:web\n"
            )
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    return out.getvalue()

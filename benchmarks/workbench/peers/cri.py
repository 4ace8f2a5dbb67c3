"""How long pods take, step by step: `firkin cri` and containerd, asked over CRI by the same client.

The servers run side by side in new namespaces of mounts, network and processes, each with its state in memory, and take
turns. containerd has runc and the bridge plug-in of CNI; firkin is measured with its own network and with the same
plug-in. The client is in Python: what it costs is in all figures.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from firkin.workbench.peers.contest import Contest, Effort, as_samples, milliseconds, take_turns
from firkin.workbench.peers.cri_client import CriClient
from firkin.workbench.peers.cri_servers import IMAGE, PLUGINS, make_images, running
from firkin.workbench.peers.namespaces import in_private_world, place_in_memory
from firkin.workbench.peers.programs import lacking
from firkin.workbench.report.result import Comparison

__all__ = ["CRI"]

_QUESTION = "How long does a pod take over CRI, step by step?"
_OWN, _BRIDGE, _PEER = "firkin, own network", "firkin, bridge plug-in", "containerd"
_numbers = itertools.count(1)
# As the kubelet asks for a container without a security context, in a cluster whose default seccomp profile is on.
_NAMESPACES = {"namespace_options": {"pid": 1}}
_CONTEXT = {
    **_NAMESPACES,
    "seccomp": {"profile_type": "RuntimeDefault"},
    "masked_paths": ["/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
    "readonly_paths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
}


def _measure(effort: Effort) -> Comparison:
    names, missing = _contenders()
    with place_in_memory() as memory, ExitStack() as stack:
        (memory / "images").mkdir()
        images = make_images(memory / "images")
        clients = {}
        for name in names:
            place = memory / name.replace(", ", "-").replace(" ", "-")
            clients[name] = stack.enter_context(running(name, place, images)).client
        found = take_turns({name: partial(_life, client) for name, client in clients.items()}, effort)
        versions = {name: client("Version").runtime_version for name, client in clients.items()}
    return Comparison("cri", _QUESTION, as_samples(found), versions, missing)


def _contenders() -> tuple[list[str], list[str]]:
    if not Path(PLUGINS, "bridge").exists():
        return [_OWN], [f"no bridge plug-in of CNI in {PLUGINS} (Debian package containernetworking-plugins)"]
    if missing := [why for program in ("containerd", "runc", "cc") if (why := lacking(program))]:
        return [_OWN, _BRIDGE], missing
    return [_OWN, _BRIDGE, _PEER], []


def _life(client: CriClient) -> Mapping[str, float]:
    name = f"pod-{next(_numbers)}"
    config: dict[str, Any] = {
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}"},
        "hostname": name,
        "log_directory": f"/run/logs/{name}",
        "linux": {"security_context": _NAMESPACES},
    }
    container = {
        "metadata": {"name": "main"},
        "image": {"image": IMAGE},
        "command": ["sleep", "1000000"],
        "log_path": "main.log",
        "linux": {"security_context": _CONTEXT},
    }
    ids: dict[str, str] = {}

    def sandbox() -> None:
        ids["pod"] = client("RunPodSandbox", config=config).pod_sandbox_id

    def create() -> None:
        request: dict[str, Any] = {"pod_sandbox_id": ids["pod"], "config": container, "sandbox_config": config}
        ids["container"] = client("CreateContainer", **request).container_id

    return {
        "RunPodSandbox": milliseconds(sandbox),
        "CreateContainer": milliseconds(create),
        "StartContainer": milliseconds(lambda: client("StartContainer", container_id=ids["container"])),
        "ExecSync": milliseconds(lambda: client("ExecSync", container_id=ids["container"], cmd=["true"], timeout=60)),
        "StopPodSandbox": milliseconds(lambda: client("StopPodSandbox", pod_sandbox_id=ids["pod"])),
        "RemovePodSandbox": milliseconds(lambda: client("RemovePodSandbox", pod_sandbox_id=ids["pod"])),
    }


CRI = Contest("cri", _QUESTION, (15, 3), ("busybox", "unshare", "mount", "ip", "cc"), in_private_world, _measure)

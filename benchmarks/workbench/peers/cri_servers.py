"""The servers of CRI to compare, each a daemon with all that it keeps below one directory, and the same image."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from firkin.oci.store.images import ImageStore
from firkin.workbench.peers.bundle import make_rootfs
from firkin.workbench.peers.cri_client import CriClient
from firkin.workbench.peers.local_image import add_image
from firkin.workbench.peers.programs import firkin_program, run

__all__ = ["IMAGE", "PLUGINS", "Server", "firkin_command", "make_images", "running"]

IMAGE = "registry.example/busybox:1"
_PAUSE = "registry.example/pause:1"
PLUGINS = "/usr/lib/cni"
_PATIENCE = 180.0
"""Seconds that a server has to answer."""

_SUBNETS = {"firkin, bridge plug-in": "10.201.0.0/16", "containerd": "10.202.0.0/16"}

_FIRKIN_CONFIG = """
[cri]
root = "{place}/root"
state = "{place}/state"
socket = "{place}/cri.sock"
[cri.network]
config_directory = "{place}/cni"
cache_directory = "{place}/cni-cache"
plugin_directories = ["{plugins}"]
"""

_CONTAINERD_CONFIG = """
version = 2
root = "{place}/root"
state = "{place}/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing"]
[grpc]
address = "{place}/cri.sock"
[ttrpc]
address = "{place}/ttrpc.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
# Lowering it needs CAP_SYS_RESOURCE, which a machine may not give.
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{plugins}"
conf_dir = "{place}/cni"
"""


class Server(NamedTuple):
    """A daemon that runs: who it is, its process, its client, the path of its socket."""

    name: str
    process: subprocess.Popen[bytes]
    client: CriClient
    socket: Path


def make_images(place: Path) -> Path:
    """A store below `place` with busybox and a pause image, exported as archives there: PATH/busybox.tar, pause.tar."""
    make_rootfs(place / "rootfs", *run("busybox", "--list").split())
    (place / "pause").mkdir()
    source = Path(__file__).with_name("pause.c")
    run("cc", "-Os", "-static", "-s", "-o", place / "pause/pause", source)
    with ImageStore(str(place / "store")) as store:
        add_image(store, IMAGE, [_layer(place / "rootfs")], {"Cmd": ["sh"], "Env": ["PATH=/bin"]})
        add_image(store, _PAUSE, [_layer(place / "pause")], {"Entrypoint": ["/pause"]})
    for name, path in ((IMAGE, "busybox.tar"), (_PAUSE, "pause.tar")):
        run(firkin_program(), "export", "--store", place / "store", name, place / path)
    return place


def _layer(tree: Path) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.add(tree, arcname=".")
    return out.getvalue()


@contextmanager
def running(name: str, place: Path, images: Path) -> Iterator[Server]:
    """The server of that name, below `place`; it has ended at the end."""
    place.mkdir()
    (place / "cni").mkdir()
    if name in _SUBNETS:
        (place / "cni/10-bridge.conflist").write_text(_conflist(place, name))
    command = _containerd(place) if name == "containerd" else firkin_command(place, images)
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    client = CriClient(str(place / "cri.sock"))
    try:
        client.wait_ready(_PATIENCE)
        if name == "containerd":
            for archive in ("busybox.tar", "pause.tar"):
                run("ctr", "-a", place / "cri.sock", "-n", "k8s.io", "images", "import", images / archive)
        yield Server(name, process, client, place / "cri.sock")
    except BaseException:
        sys.stderr.write("".join((place / "log").read_text().splitlines(keepends=True)[-20:]))
        raise
    finally:
        client.close()
        process.terminate()
        process.wait()


def firkin_command(place: Path, images: Path) -> list[str | Path]:
    """The command that serves below `place`, where its images and its configuration are made."""
    (place / "config.toml").write_text(_FIRKIN_CONFIG.format(place=place, plugins=PLUGINS))
    run(firkin_program(), "import", "--store", place / "root", images / "busybox.tar")
    return [firkin_program(), "cri", "--config", place / "config.toml"]


def _containerd(place: Path) -> list[str | Path]:
    (place / "config.toml").write_text(_CONTAINERD_CONFIG.format(place=place, plugins=PLUGINS, pause=_PAUSE))
    return ["containerd", "-c", place / "config.toml"]


def _conflist(place: Path, name: str) -> str:
    bridge = {
        "type": "bridge",
        "bridge": f"bench{list(_SUBNETS).index(name)}",
        "isGateway": True,
        "ipMasq": False,
        "ipam": {
            "type": "host-local",
            "dataDir": f"{place}/leases",
            "ranges": [[{"subnet": _SUBNETS[name]}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    return json.dumps({"cniVersion": "1.0.0", "name": "bench", "plugins": [bridge]})

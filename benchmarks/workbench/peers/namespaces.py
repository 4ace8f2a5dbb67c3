"""Where contests take place: in namespaces of their own, in which the command is started anew."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firkin.cgroupfs.hierarchy import find_hierarchy
from firkin.workbench.peers.programs import run

__all__ = ["in_private_world", "in_unified_layout", "place_in_memory"]

_CGROUPS = "/sys/fs/cgroup"
_INSIDE = "FIRKIN_BENCH"


def in_unified_layout() -> None:
    """On a hybrid host, go to where cgroup2 stands at /sys/fs/cgroup, as on a unified one.

    That is a private mount namespace: the host's mounts stay as they are. crun refuses hybrid hosts, and runc would
    spend its time in cgroup v1.
    """
    side = find_hierarchy().mount
    if side != _CGROUPS:
        script = f'mount --bind {side} {_CGROUPS} && exec "$@"'
        os.execvp("unshare", ["unshare", "-m", "sh", "-c", script, "sh", *_own_command()])


def in_private_world() -> None:
    """Go to new namespaces of mounts, network and processes, with a first process that reaps, and with /run and states
    private."""
    if os.environ.get(_INSIDE) == "1":
        return
    script = (
        "set -e; for place in /run /var/lib/cni; do mkdir -p $place; mount -t tmpfs -o mode=755 tmpfs $place; done; "
        'ip link set lo up; "$@"; exit $?'
    )
    unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"]
    os.execvpe("unshare", [*unshare, "sh", "-c", script, "sh", *_own_command()], {**os.environ, _INSIDE: "1"})


@contextmanager
def place_in_memory() -> Iterator[Path]:
    """A directory on a tmpfs of its own, which is gone at the end."""
    with tempfile.TemporaryDirectory() as directory:
        memory = Path(directory) / "memory"
        memory.mkdir()
        run("mount", "-t", "tmpfs", "tmpfs", memory)
        try:
            yield memory
        finally:
            run("umount", "-l", memory)


def _own_command() -> list[str]:
    # As it was given, so that an interpreter finds its environment.
    first, *rest = Path("/proc/self/cmdline").read_bytes().removesuffix(b"\0").decode().split("\0")
    return [shutil.which(first) or first, *rest]

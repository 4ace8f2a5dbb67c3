"""Where benchmarks of daemons happen: in namespaces of their own, on a file system in memory."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.image_sources import run

__all__ = ["in_private_world", "place_in_memory"]


def in_private_world() -> None:
    """Start this program again in new namespaces, with a first process that reaps, and with /run and states private."""
    if os.environ.get("FIRKIN_BENCH") == "1":
        return
    script = (
        "set -e; for place in /run /var/lib/cni; do mkdir -p $place; mount -t tmpfs -o mode=755 tmpfs $place; done; "
        'ip link set lo up; "$@"; exit $?'
    )
    unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"]
    command = [*unshare, "sh", "-c", script, "sh", sys.executable, "-P", *sys.argv]
    os.execvpe("unshare", command, {**os.environ, "FIRKIN_BENCH": "1"})


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

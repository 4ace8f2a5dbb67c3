"""The runtimes to compare: firkin and what this machine has, and the layout of cgroups that all of them understand."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["Peer", "find_peers", "in_unified_layout"]


class Peer:
    """A runtime by name and path, with variables of its environment."""

    def __init__(self, name: str, path: str, **environment: str) -> None:
        self.name = name
        self.path = path
        self._environment = os.environ | environment

    def run(self, *words: str) -> None:
        """Run a command of the runtime. Raises CalledProcessError."""
        null = subprocess.DEVNULL
        subprocess.run([self.path, *words], check=True, stdin=null, stdout=null, env=self._environment)

    def version(self) -> str:
        """The first line of --version."""
        return subprocess.run([self.path, "--version"], capture_output=True, text=True, check=True).stdout.split("\n")[
            0
        ]


def find_peers(bundle: Path) -> list[Peer]:
    """firkin, and each other runtime here that can run the bundle."""
    found = [Peer("firkin", str(Path(sys.executable).parent / "firkin"))]
    for name in ("runc", "crun", "youki"):
        path = shutil.which(name)
        if path and _works(Peer(name, path), bundle):
            found.append(Peer(name, path))
    return found


def _works(peer: Peer, bundle: Path) -> bool:
    id = f"probe-{os.getpid()}"
    done = subprocess.run([peer.path, "run", "-b", str(bundle), id], capture_output=True, check=False)
    if done.returncode:
        print(f"{peer.name} is left out: {done.stderr.decode().strip()}", file=sys.stderr)
        # crun leaves its cgroup behind when it fails early.
        for cgroup in Path("/sys/fs/cgroup").glob(f"*{id}*"):
            cgroup.rmdir()
    return not done.returncode


def in_unified_layout() -> None:
    """On a hybrid host, start this program again where cgroup2 stands at /sys/fs/cgroup, as on a unified one.

    That is a private mount namespace: the host's mounts stay as they are. crun refuses hybrid hosts, and runc would
    spend its time in cgroup v1.
    """
    side = Path("/sys/fs/cgroup/unified")
    if not side.is_dir():
        return
    script = f'mount --bind {side} /sys/fs/cgroup && exec "$@"'
    os.execvp("unshare", ["unshare", "-m", "sh", "-c", script, "sh", sys.executable, *sys.argv])

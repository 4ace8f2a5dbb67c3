"""The OCI runtimes to compare: firkin and what this machine has."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from firkin.workbench.peers.programs import firkin_program, lacking

__all__ = ["Peer", "find_peers"]

_PEERS = ("runc", "crun", "youki")


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
        done = subprocess.run([self.path, "--version"], capture_output=True, text=True, check=True)
        return done.stdout.partition("\n")[0]


def find_peers(bundle: Path) -> tuple[list[Peer], list[str]]:
    """firkin, and each other runtime here that can run the bundle; and why the others are left out.

    firkin comes twice: as it is, which after two containers has a plan that was kept, and interpreting each command.
    """
    program = firkin_program()
    found, missing = [Peer("firkin", program), Peer("firkin-interpreted", program, FIRKIN_NATIVE="0")], []
    for name in _PEERS:
        if why := lacking(name) or _why_not(peer := Peer(name, shutil.which(name) or ""), bundle):
            missing.append(why)
        else:
            found.append(peer)
    return found, missing


def _why_not(peer: Peer, bundle: Path) -> str:
    id = f"probe-{os.getpid()}"
    done = subprocess.run([peer.path, "run", "-b", str(bundle), id], capture_output=True, check=False)
    if not done.returncode:
        return ""
    # crun leaves its cgroup behind when it fails early.
    for cgroup in Path("/sys/fs/cgroup").glob(f"*{id}*"):
        cgroup.rmdir()
    return f"{peer.name} does not run here: {done.stderr.decode().strip()}"

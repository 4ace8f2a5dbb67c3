"""Whether a CRI server grows: thousands of pods live on it, and what it has is counted before and after.

What is counted while the same number of pods is there must be the same: descriptors, threads, processes, cgroups,
mounts, links, rules and elements of nftables, files. Memory and the database may breathe, by a tenth, and the number of
threads by a third, as gRPC has more of them when it is busy.
"""

from __future__ import annotations

import os
import subprocess
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firkin.cgroupfs.hierarchy import find_hierarchy
from tests.support.mountinfo import mounts_below
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.support.cri_client import CriClient
    from tests.support.cri_servers import Server

__all__ = ["Lives", "grown", "holdings"]

_BREATHES = {"RSS, KiB": 1.1, "database, KiB": 1.1, "threads": 1.34}
_WARM = 10
"""The first of so many parts of all lives only fills what is kept on purpose: arenas of memory, caches."""


class Lives:
    """Pods that come and go, `kept` of them at a time. `make` makes one and returns its id, `end` ends it."""

    def __init__(self, kept: int, make: Callable[[CriClient], str], end: Callable[[CriClient, str], object]) -> None:
        self._kept = kept
        self._make = make
        self._end = end
        self._pods: deque[str] = deque()

    def works(self, lives: int) -> list[Callable[[CriClient], None]]:
        """So many lives, for clients to share."""
        return [self._live] * lives

    def _live(self, client: CriClient) -> None:
        self._pods.append(self._make(client))
        if len(self._pods) > self._kept:
            self._end(client, self._pods.popleft())

    def ends(self) -> list[Callable[[CriClient], object]]:
        """The ends of those that are left."""
        return [partial(self._end_of, pod) for pod in self._pods]

    def _end_of(self, pod: str, client: CriClient) -> object:
        return self._end(client, pod)

    def parts(self, lives: int) -> tuple[int, int]:
        """How many lives there are before the first count, and between it and the last."""
        first = max(lives // _WARM, 2 * self._kept)
        return first, max(0, lives - first)


def holdings(server: Server, cgroup: str) -> dict[str, int]:
    """What the server has, when what it puts off is done; its pods are below `cgroup`."""
    # Links of pods that are gone are deleted a moment later, several at a time.
    eventually(lambda: _attached(server), lambda found: found == len(os.listdir(_state(server) / "sandboxes")))
    pid = server.process.pid
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {
        "RSS, KiB": int(status["VmRSS"].split()[0]),
        "database, KiB": sum(path.stat().st_size for path in _root(server).glob("*.db*")) // 1024,
        "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
        "threads": int(status["Threads"]),
        "processes": sum(name.isdecimal() for name in os.listdir("/proc")),
        "cgroups": sum(1 for _ in os.walk(Path(find_hierarchy().mount, cgroup))),
        "mounts": len(mounts_below(server.socket.parent)),
        "links": len(_said("ip", "-o", "link", "show", "type", "veth")),
        "lines of nftables": len(_said("nft", "list", "table", "inet", "firkin")),
        "files of the state": sum(len(names) + len(files) for _, names, files in os.walk(_state(server))),
        "writable layers": len(os.listdir(_root(server) / "containers")),
    }


def grown(first: dict[str, int], last: dict[str, int]) -> list[str]:
    """What there is more of at the end."""
    return [name for name, value in last.items() if value > first[name] * _BREATHES.get(name, 1)]


def _root(server: Server) -> Path:
    return server.socket.parent / "root"


def _state(server: Server) -> Path:
    return server.socket.parent / "state"


def _attached(server: Server) -> int:
    return len(os.listdir(_state(server) / "network/pods"))


def _said(*command: Any) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

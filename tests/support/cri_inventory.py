"""All that a CRI server has on a machine, so that two looks at it can be compared."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from firkin.cgroupfs.hierarchy import find_hierarchy
from tests.support.mountinfo import mounts_below
from tests.support.netns import run

if TYPE_CHECKING:
    from tests.support.cri_server import CriServer

__all__ = ["inventory", "records"]

# Files that are the server's own, whatever runs.
_OWN = ("state/network/lock", "state/network/ranges.json")


def inventory(server: CriServer) -> frozenset[str]:
    """What belongs to pods and containers of a server that is in a cgroup of its own, a line each.

    Processes with their programs, cgroups, mounts, links, rules and ports of nftables, files.
    """
    found = {*_cgroups(server), *_files(server)}
    found |= {f"mount {path}" for path in mounts_below(server.place)}
    links = run("ip -o link show").splitlines()
    found |= {f"link {line.split(':')[1].strip()}" for line in links}
    found |= {f"nft {line.strip()}" for line in run("nft list table inet firkin").splitlines()}
    return frozenset(found)


def records(server: CriServer) -> list[str]:
    """The names of what is recorded, of a server that does not run."""
    with closing(sqlite3.connect(server.place / "root/cri.db")) as database:
        return [f"{kind} {name}" for kind, name in database.execute("SELECT kind, name FROM records")]


def _cgroups(server: CriServer) -> Iterator[str]:
    top = Path(find_hierarchy().mount, server.cgroup)
    for directory, _, _ in os.walk(top):
        name = str(Path(directory).relative_to(top))
        yield f"cgroup {name}"
        for line in Path(directory, "cgroup.procs").read_text().splitlines():
            if int(line) != server.pid:
                yield f"process {line} {_program(line)} in {name}"


def _program(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return "that has ended"


def _files(server: CriServer) -> Iterator[str]:
    for top in ("state", "root/containers", "root/snapshots", "root/ingest", "root/new", "cni-cache", "plugins/leases"):
        for directory, names, files in os.walk(server.place / top):
            for name in (*names, *files):
                path = str(Path(directory, name).relative_to(server.place))
                if path not in _OWN and not path.startswith("root/snapshots/layers/"):
                    yield f"file {path}"
                else:
                    names[:] = [one for one in names if one != name]

"""What /proc/PID/mountinfo says, by mount point (proc_pid_mountinfo(5))."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

__all__ = ["Mounted", "mounts_below", "parse_mountinfo"]


class Mounted(NamedTuple):
    """One mount: its `root` inside the file system, options of the mount and of the superblock, propagation tags."""

    point: str
    root: str
    options: frozenset[str]
    tags: tuple[str, ...]
    type: str
    source: str
    super_options: frozenset[str]

    def is_shared(self) -> bool:
        """Whether mounts spread to and from its peers."""
        return any(tag.startswith("shared:") for tag in self.tags)

    def is_slave(self) -> bool:
        """Whether mounts spread to it from its master."""
        return any(tag.startswith("master:") for tag in self.tags)


def parse_mountinfo(text: str) -> dict[str, Mounted]:
    """The mounts by their point; of several on one point the last, which hides the others."""
    found: dict[str, Mounted] = {}
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        if not after:
            continue
        _, _, _, root, point, options, *tags = before.split(" ")
        kind, source, super_options = after.split(" ", 2)
        found[point] = Mounted(
            point, root, frozenset(options.split(",")), tuple(tags), kind, source, frozenset(super_options.split(","))
        )
    return found


def mounts_below(directory: Path) -> list[str]:
    """The points of this process's mounts below a directory."""
    return [
        point
        for point in parse_mountinfo(Path("/proc/self/mountinfo").read_text())
        if point.startswith(f"{directory}/")
    ]

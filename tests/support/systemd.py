"""The command with `--systemd-cgroup`, and what systemd says of units."""

from __future__ import annotations

import subprocess
from pathlib import Path

from firkin.cgroupfs.hierarchy import find_hierarchy
from tests.support.bundle import FIRKIN, Firkin

__all__ = ["SystemdFirkin", "scope_directory", "show", "systemctl"]


def systemctl(*words: str) -> str:
    """Run systemctl; returns standard output."""
    return subprocess.run(["systemctl", *words], check=True, capture_output=True, text=True).stdout


def show(unit: str, *names: str) -> dict[str, str]:
    """Properties of a unit, also of one that does not exist."""
    lines = systemctl("show", f"--property={','.join(names)}", unit).splitlines()
    return dict(line.split("=", 1) for line in lines)


def scope_directory(id: str, slice_path: str = "system.slice") -> Path:
    """The cgroup of a container that did not ask for another one."""
    return Path(find_hierarchy().mount, slice_path, f"firkin-{id}.scope")


class SystemdFirkin(Firkin):
    """The command, with containers in scopes."""

    def command(self, *words: str | Path) -> list[str]:
        """The full command line."""
        return [str(FIRKIN), "--root", str(self.root), "--systemd-cgroup", *map(str, words)]

    def leftovers(self, id: str) -> list[str]:
        """What is left of a container, its unit and its placeholder too."""
        unit = f"firkin-{id}.scope"
        state = show(unit, "LoadState")["LoadState"]
        left = [] if state == "not-found" else [f"{unit}: {state}"]
        cgroup = scope_directory(id)
        left += [str(cgroup)] if cgroup.exists() else []
        return super().leftovers(id) + left

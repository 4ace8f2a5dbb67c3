"""A bundle that every OCI runtime can run: a static busybox and a configuration of version 1.0.2."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from firkin.oci.default_config import default_config

__all__ = ["make_bundle", "make_rootfs"]


def make_rootfs(rootfs: Path, *applets: str) -> None:
    """A root file system with a static busybox under these names."""
    for directory in ("bin", "dev", "etc", "proc", "sys", "tmp"):
        (rootfs / directory).mkdir(parents=True)
    shutil.copy2(shutil.which("busybox") or "/bin/busybox", rootfs / "bin/busybox")
    for name in set(applets) - {"busybox"}:
        (rootfs / "bin" / name).symlink_to("busybox")


def make_bundle(path: Path, *command: str, cgroup: str = "") -> Path:
    """A bundle in the new directory `path`, in the cgroup below the root, if one is named; returns the path."""
    rootfs = path / "rootfs"
    make_rootfs(rootfs, command[0].rpartition("/")[2])
    config: dict[str, Any] = default_config(cgroup_namespace=True)
    config["ociVersion"] = "1.0.2"
    config["process"] |= {"terminal": False, "args": list(command)}
    del config["process"]["rlimits"]
    config["root"] = {"path": str(rootfs), "readonly": False}
    if cgroup:
        config["linux"]["cgroupsPath"] = f"/{cgroup}"
    (path / "config.json").write_text(json.dumps(config))
    return path

"""Images of files of Debian packages, made by buildah."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

__all__ = ["Buildah", "copy_packages"]


# What is no file of a package although it is listed, or changes while it is read.
_LIVE = frozenset({"", ".", "dev", "proc", "run", "sys", "tmp", "var"})


class Buildah:
    """buildah with its storage in the empty directory `place`."""

    def __init__(self, place: Path) -> None:
        place.mkdir(parents=True, exist_ok=True)
        self._policy = place / "policy.json"
        self._policy.write_text(json.dumps({"default": [{"type": "insecureAcceptAnything"}]}))
        self._storage = ["--root", f"{place}/storage", "--runroot", f"{place}/run", "--storage-driver", "vfs"]

    def __call__(self, command: str, *words: object) -> str:
        """Run a command: what it prints."""
        argv = ["buildah", *self._storage, command, *map(str, words)]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, container: str, image: str) -> None:
        """Make an image of a container, in the storage."""
        self("commit", "--quiet", "--signature-policy", self._policy, container, image)

    def push(self, image: str, destination: str) -> None:
        """Copy an image of the storage to a registry or a file."""
        self("push", "--quiet", "--signature-policy", self._policy, "--tls-verify=false", image, destination)


def copy_packages(directory: Path, *names: str) -> None:
    """Copy the files of installed packages, with owners, modes, links, times and attributes."""
    listed = subprocess.run(["dpkg", "-L", *names], check=True, capture_output=True, text=True).stdout.splitlines()
    still = [path[1:] for path in listed if path.startswith("/") and path.split("/")[1] not in _LIVE]
    there = "\0".join(path for path in dict.fromkeys(still) if Path("/", path).exists())
    pack = ["tar", "-C", "/", "-c", "--no-recursion", "--null", "--xattrs", "--xattrs-include=*", "-T", "-"]
    archive = subprocess.run(pack, input=there.encode(), check=True, capture_output=True).stdout
    unpack = ["tar", "-C", str(directory), "-x", "-p", "--same-owner", "--xattrs", "--xattrs-include=*"]
    subprocess.run(unpack, input=archive, check=True)

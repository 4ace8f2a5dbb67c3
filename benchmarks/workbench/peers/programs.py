"""Programs that contests need or would compare with, and the Debian packages that have them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from firkin.errors import UsageError

__all__ = ["firkin_program", "lacking", "need", "run"]

_PACKAGES = {
    "busybox": "busybox-static", "cc": "gcc", "ctr": "containerd", "ip": "iproute2", "mkfs.ext4": "e2fsprogs",
    "nft": "nftables", "unshare": "util-linux", "youki": "",
}  # fmt: skip


def lacking(program: str) -> str:
    """Why a program can not be used, in words for people; empty if it is there."""
    if shutil.which(program):
        return ""
    package = _PACKAGES.get(program, program)
    return f"{program} is not installed ({f'Debian package {package}' if package else 'it is not in Debian'})"


def need(*programs: str) -> None:
    """Raise UsageError for the first one that is not there."""
    for program in programs:
        if why := lacking(program):
            raise UsageError(f"bench: {why}", hint=f"apt install {_PACKAGES.get(program, program)}")


def firkin_program() -> str:
    """The path of the firkin that this is. Raises UsageError if there is none."""
    own = os.readlink("/proc/self/exe")
    if Path(own).name == "firkin":
        return own
    import sys

    beside = Path(sys.executable).parent / "firkin"
    found = str(beside) if beside.exists() else shutil.which("firkin")
    if not found:
        raise UsageError("bench: firkin is not on PATH")
    return found


def run(*words: str | Path) -> str:
    """Run a program: its standard output. Raises CalledProcessError, with what it said in `stderr`."""
    null = subprocess.DEVNULL
    return subprocess.run(words, check=True, stdin=null, capture_output=True, text=True).stdout

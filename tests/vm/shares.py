"""How the guest reaches directories of this machine: virtiofs where a daemon may run as root, else 9p.

A share is a list of QEMU arguments; for virtiofs a daemon serves it, on a socket that is listened on
before the daemon starts, so that nobody waits for it to appear.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.vm.errors import VmError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.vm.processes import Children

__all__ = [
    "ROOT_TAG",
    "Directory",
    "directories",
    "find_virtiofsd",
    "plan9",
    "share_type",
    "virtiofs",
    "virtiofsd_command",
]

ROOT_TAG = "root"
MODULES = {"virtiofs": ("virtiofs",), "9p": ("9p", "9pnet_virtio")}
"""The kernel modules that mount a share of each type."""

_DAEMONS = ("/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd", "/usr/lib/virtiofsd")


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory of this machine, and the name by which the guest mounts it."""

    tag: str
    path: str
    writable: bool


def directories(writable: Sequence[str]) -> list[Directory]:
    """The shares of a guest: the root, then the directories that it may write to."""
    return [Directory(ROOT_TAG, "/", False), *(Directory(f"rw{i}", path, True) for i, path in enumerate(writable))]


def find_virtiofsd() -> str | None:
    """The path of the daemon, which distributions keep off PATH."""
    return next((path for path in (*_DAEMONS, shutil.which("virtiofsd") or "") if os.access(path, os.X_OK)), None)


def share_type() -> str:
    """`virtiofs`, or `9p` without root: QEMU serves that itself, where virtiofsd would need subordinate ids."""
    if os.geteuid() != 0:
        return "9p"
    if find_virtiofsd() is None:
        raise VmError("no virtiofsd", hint="apt install virtiofsd, or qemu-system-common before Debian 13")
    return "virtiofs"


def plan9(directory: Directory) -> list[str]:
    """QEMU's arguments for a share that it serves itself."""
    mode = "" if directory.writable else ",readonly=on"
    server = (
        f"local,id={directory.tag},path={directory.path.replace(',', ',,')},security_model=none,multidevs=remap{mode}"
    )
    return ["-fsdev", server, "-device", f"virtio-9p-pci,fsdev={directory.tag},mount_tag={directory.tag}"]


def virtiofs(directory: Directory, runtime: Path, children: Children) -> list[str]:
    """Starts a daemon for `directory` among `children`, its socket in `runtime`; QEMU's arguments for it."""
    daemon = find_virtiofsd()
    if daemon is None:
        raise VmError("no virtiofsd", hint="apt install virtiofsd")
    path = runtime / f"{directory.tag}.socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)
        command = virtiofsd_command(daemon, directory, listener.fileno(), is_rust=_is_rust(daemon))
        children.start(f"virtiofsd for {directory.path}", command, pass_fds=[listener.fileno()])
    device = f"vhost-user-fs-pci,chardev={directory.tag},tag={directory.tag},queue-size=1024"
    return ["-chardev", f"socket,id={directory.tag},path={path}", "-device", device]


def virtiofsd_command(daemon: str, directory: Directory, listener: int, *, is_rust: bool) -> list[str]:
    """The command line of virtiofsd: before QEMU 8 it was written in C and had options of its own.

    The root is cached for ever, as nobody writes to a machine's files for the guest to see them; a
    writable directory may change on both sides.
    """
    cache = "auto" if directory.writable else "always"
    if is_rust:
        options = [f"--shared-dir={directory.path}", f"--cache={cache}", "--sandbox=chroot", "--xattr"]
        return [daemon, f"--fd={listener}", *options, "--inode-file-handles=prefer"]
    source = directory.path.replace(",", "\\,")
    options = [f"source={source}", f"cache={cache}", "sandbox=chroot", "xattr", "log_level=warn"]
    return [daemon, f"--fd={listener}", "-f", "--rlimit-nofile=0", "-o", ",".join(options)]


def _is_rust(daemon: str) -> bool:
    helped = subprocess.run([daemon, "--help"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return "--shared-dir" in helped.stdout
